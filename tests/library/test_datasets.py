"""Datasets as people have them: manifests of both kinds, loose media, and what is wrong with them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.errors import InputError
from dubctl.library.datasets import DatasetItem, parse_manifest, read_dataset


@pytest.fixture
def media(tmp_path: Path) -> Path:
    for name in ("a.mp4", "a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"not really")
    return tmp_path


def write(folder: Path, *rows: dict | str, name: str = "manifest.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def test_jsonl_manifest(media: Path) -> None:
    write(media, {"id": "x", "video": "a.mp4", "audio": "a.wav", "text": " two  words ", "speaker": 7, "start": 1,
                  "end": 2.5, "seconds": 9, "words": [["hi", 0, 1]]}, "", {"audio": "b.wav"})
    one, two = read_dataset(media)
    assert one == DatasetItem("x", media / "a.mp4", media / "a.wav", "two words", "7", start=1.0, end=2.5, line=1,
                              extra={"words": [["hi", 0, 1]]})
    assert two.id == "b" and two.line == 3 and two.video is None


def test_csv_manifest_with_quotes_and_bom(media: Path) -> None:
    (media / "manifest.csv").write_text('\ufeffid,audio,text,start,mood\nx,b.wav,"No, never",,wild\n')
    (item,) = read_dataset(media)
    assert (item.text, item.start, item.extra) == ("No, never", None, {"mood": "wild"})


def test_manifest_file_elsewhere_and_stdin(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(media, {"id": "x", "audio": "b.wav"}, name="mine.jsonl")
    assert read_dataset(path)[0].audio == media / "b.wav"
    monkeypatch.chdir(media)
    for text in ('{"id": "x", "audio": "b.wav"}\n', "id,audio\nx,b.wav\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        (item,) = read_dataset("-")
        assert item.id == "x" and item.audio == media / "b.wav" and not item.problem


def test_missing_media_is_the_clips_problem_only(media: Path) -> None:
    write(media, {"id": "x", "audio": "gone.wav"}, {"id": "y", "audio": "b.wav"})
    gone, there = read_dataset(media)
    assert "gone.wav" in gone.problem and there.problem == ""


@pytest.mark.parametrize(("row", "words"), [
    ("{", "not JSON"), ("[1]", "JSON object"), ({"id": "x"}, "neither"), ({"audio": ["b.wav"]}, "`audio`"),
    ({"audio": "b.wav", "start": "soon"}, "`start`"), ({"audio": "b.wav", "start": 2, "end": 1}, "not after"),
    ({"audio": "b.wav", "end": "nan"}, "`end`"), ({"audio": "b.wav", "text": {"en": "hi"}}, "`text`"),
    ({"audio": "b.wav", "end": True}, "`end`")])
def test_bad_row_names_its_line(media: Path, row: dict | str, words: str) -> None:
    write(media, {"id": "fine", "audio": "b.wav"}, "", row)
    with pytest.raises(InputError, match=words) as caught:
        read_dataset(media)
    assert caught.value.line == 3 and "manifest.jsonl, line 3" in caught.value.message


@pytest.mark.parametrize(("text", "line"), [("name,path\nx,y\n", 1), ("id,audio\nx,b.wav,more\n", 2),
                                            ("id,audio\nx,b.wav\ny\n", 3), ('id,audio\nx,"b.wav\n', 2)])
def test_bad_csv_names_its_line(media: Path, text: str, line: int) -> None:
    (media / "manifest.csv").write_text(text)
    with pytest.raises(InputError, match="manifest.csv") as caught:
        read_dataset(media)
    assert caught.value.line == line


def test_repeated_id(media: Path) -> None:
    write(media, {"id": "x", "audio": "b.wav"}, {"id": "x", "audio": "a.wav"})
    with pytest.raises(InputError, match=r"`x` \(lines 1 and 2\)"):
        read_dataset(media)


def test_loose_media(tmp_path: Path) -> None:
    for name in ("ann/one.mp4", "ann/one.wav", "bob/one.wav", "bob/two.opus", "top.mkv", ".hidden/x.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "ann/one.lab").write_text("Hello\nthere\n")
    (tmp_path / "bob/two.txt").write_bytes(b"\xff\xfe\x00")
    items = {item.id: item for item in read_dataset(tmp_path)}
    assert list(items) == ["ann/one", "bob/one", "two", "top"]
    assert items["ann/one"].video and items["ann/one"].audio and items["ann/one"].text == "Hello there"
    assert items["two"].speaker == "bob" and "two.txt" in items["two"].problem
    assert items["top"].speaker == "" and items["top"].text == ""


@pytest.mark.parametrize(("name", "words"), [("nowhere", "no such file"), ("notes.md", "not a folder"),
                                             ("", "no clips")])
def test_not_a_dataset(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "notes.md").write_text("hello")
    with pytest.raises(InputError, match=words):
        read_dataset(tmp_path / name if name else tmp_path)


def test_a_cut_manifest_is_an_error_not_a_smaller_dataset(media: Path) -> None:
    (media / "manifest.jsonl").write_text('{"id": "x", "audio": "b.wav"}\n{"id": "y", "aud')
    with pytest.raises(InputError, match="line 2"):
        read_dataset(media)


CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


@given(st.lists(st.fixed_dictionaries({"audio": st.just("b.wav"), "text": CELL, "speaker": CELL}), max_size=5))
def test_jsonl_and_csv_say_the_same(rows: list[dict[str, str]]) -> None:
    import csv
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    sheet = io.StringIO(newline="")
    writer = csv.DictWriter(sheet, ["audio", "text", "speaker"])
    writer.writeheader()
    writer.writerows(rows)
    pair = [parse_manifest(text, "m", Path("."), is_csv) for text, is_csv in ((lines, False), (sheet.getvalue(), True))]
    assert [(item.text, item.speaker) for item in pair[0]] == [(item.text, item.speaker) for item in pair[1]]


def test_a_film_with_subtitles_beside_it_is_a_clip_a_cue(tmp_path: Path) -> None:
    (tmp_path / "Elsa").mkdir()
    for name in ("ep1.mp4", "ep2.mp4"):
        (tmp_path / "Elsa" / name).write_bytes(b"x")
    (tmp_path / "Elsa" / "ep1.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nANNA: Hello.\n\n2\n00:00:03,000 --> "
                                               "00:00:04,000\n[music]\n\n3\n00:00:05,000 --> 00:00:06,000\nYou.\n")
    (tmp_path / "Elsa" / "ep2.vtt").write_text("WEBVTT: cut short")
    first, second, bad = read_dataset(tmp_path)
    assert first == DatasetItem("ep1_0001", tmp_path / "Elsa" / "ep1.mp4", text="Hello.", speaker="ANNA", film="ep1",
                                start=1.0, end=2.5)
    assert (second.id, second.speaker, second.text) == ("ep1_0003", "Elsa", "You.")
    assert (bad.id, bad.start) == ("ep2", None) and "nothing is said in" in bad.problem
