"""Where items come from: folders of reports, manifests, stdin."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from dubctl.errors import InputError
from dubctl.metrics.items import items_from_rows, load_items


def report(folder: Path, name: str, **more) -> None:
    fields = {"script": "hello", "output": f"/elsewhere/{name}.wav", "prompt": "p.wav", "clip": "c.mp4", **more}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(fields))


def test_a_folder_of_reports_that_has_moved(tmp_path):
    report(tmp_path / "scene", "b")
    report(tmp_path, "a")
    for name in ("a.wav", "scene/b.wav", "p.wav"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "other.json").write_text("[1]")
    items = load_items(tmp_path)
    assert [item.id for item in items] == ["a", "scene/b"]
    assert items[0].dub == tmp_path / "a.wav" and items[1].dub == tmp_path / "scene" / "b.wav"
    assert items[0].prompt == tmp_path / "p.wav"
    assert items[0].text == "hello" and items[0].report["output"] == "/elsewhere/a.wav"


def test_a_manifest_beside_reports_adds_what_they_do_not_say(tmp_path):
    report(tmp_path, "a")
    report(tmp_path, "b")
    (tmp_path / "a.wav").write_bytes(b"x")
    row = {"id": "a", "emotion": "sad", "speaker": "X", "reference": "truth.wav", "text": "other words"}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    first, second = load_items(tmp_path)
    assert (first.emotion, first.speaker, first.reference) == ("sad", "X", tmp_path / "truth.wav")
    assert first.text == "hello" and first.dub == tmp_path / "a.wav" and second.emotion == ""


def test_a_report_whose_dub_is_gone_stays_an_item(tmp_path):
    report(tmp_path, "a")
    (item,) = load_items(tmp_path)
    assert item.dub == Path("/elsewhere/a.wav")


def test_a_manifest_and_its_aliases(tmp_path):
    (tmp_path / "m.jsonl").write_text('{"output": "x/a.mp4", "script": "hi", "prompt": "/p.wav", "extra": 1}\n')
    (item,) = load_items(tmp_path / "m.jsonl")
    assert (item.id, item.dub, item.text, item.prompt) == ("a", tmp_path / "x" / "a.mp4", "hi", Path("/p.wav"))


def test_a_line_of_a_film_by_row_and_by_report(tmp_path):
    rows = [{"dub": "a.wav", "clip": "film.mp4", "start": 1, "end": "2.5"}, {"dub": "b.wav", "start": 1, "end": 2},
            {"dub": "c.wav", "clip": "film.mp4", "film": "Sintel", "start": 1}]
    assert [i.section for i in items_from_rows(rows, Path(), "m.jsonl")] == [(1.0, 2.5), None, None]
    report(tmp_path, "a", film="film.mp4", section=[1.0, 2.5])
    (tmp_path / "film.mp4").write_bytes(b"x")
    (item,) = load_items(tmp_path)
    assert (item.clip, item.section) == (tmp_path / "film.mp4", (1.0, 2.5))


def test_stdin_by_dash_and_by_pipe(tmp_path, monkeypatch):
    rows = '{"dub": "a.wav", "text": "hi"}\n{"id": "b", "failed": {"kind": "input", "message": "no face"}}\n'
    for source in ("-", None):
        first, second = load_items(source, io.StringIO(rows))
        assert first.dub == Path("a.wav") and second.failed == "no face"
    monkeypatch.chdir(tmp_path)
    report(tmp_path, "a")
    assert [item.id for item in load_items(None, io.StringIO(""))] == ["a"]
    with open("/dev/null") as nothing:
        assert [item.id for item in load_items(None, nothing)] == ["a"]


def test_a_folder_with_only_a_manifest(tmp_path):
    (tmp_path / "manifest.jsonl").write_text('{"dub": "a.wav"}\n')
    assert load_items(tmp_path)[0].dub == tmp_path / "a.wav"


def test_nothing_to_evaluate_is_said(tmp_path):
    with pytest.raises(InputError, match="no dubs to evaluate"):
        load_items(tmp_path)
    with pytest.raises(InputError, match="no rows"):
        load_items("-", io.StringIO(""))
    with pytest.raises(InputError, match="no such file"):
        load_items(tmp_path / "missing.jsonl")


@pytest.mark.parametrize("rows, words, line", [
    ([{"text": "hi"}], "neither id nor dub", 1),
    ([{"id": "a", "dub": "a.wav"}, {"id": "a", "dub": "b.wav"}], "again", 2),
    ([{"dub": ["a.wav"]}], "not text", 1),
    ([{"dub": "a.wav", "clip": "c.mp4", "start": 2, "end": 1}], "no times", 1),
    ([{"dub": "a.wav", "clip": "c.mp4", "start": "soon", "end": 1}], "no times", 1),
])
def test_bad_rows_are_named(rows, words, line):
    with pytest.raises(InputError, match=words) as caught:
        items_from_rows(rows, Path(), "m.jsonl")
    assert caught.value.line == line


def test_a_cut_report_beside_its_dub_is_not_overlooked(tmp_path):
    (tmp_path / "a.json").write_text('{"script": ')
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot read the report"):
        load_items(tmp_path)


def test_what_is_not_text_says_what_eval_takes(tmp_path):
    (tmp_path / "dub.bin").write_bytes(b"\x00\xff\x91")
    with pytest.raises(InputError, match="dub.bin is not text") as caught:
        load_items(tmp_path / "dub.bin")
    assert "takes the folder" in caught.value.hint and "JSONL manifest" in caught.value.hint


def test_hidden_folders_and_virtual_environments_are_not_searched(tmp_path):
    (tmp_path / "env" / "lib").mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("home = /usr\n")
    for place in ("one", "two/deep", ".venv", ".cache/x", "env/lib", "node_modules/x"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        report(tmp_path / place, "a")
    assert [item.id for item in load_items(tmp_path)] == ["one/a", "two/deep/a"]
    assert [item.id for item in load_items(tmp_path / ".venv")] == ["a"], "a folder that is named is searched"
