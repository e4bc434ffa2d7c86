"""Each command parses, calls its library function, and prints what came back. The library functions are fakes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dubctl.cli.dub import OUT_SUFFIXES
from dubctl.errors import InputError
from dubctl.media.mux import SOUND_CODECS
from tests.cli.conftest import Outcome

Dubctl = Callable[..., Outcome]
Pipe = Callable[..., None]
Fake = Callable[..., ModuleType]


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Files of the right names; the fakes never open them."""
    for name in ("clip.mp4", "voice.wav"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "lib").mkdir()
    return tmp_path


@pytest.fixture
def dubs(fake: Fake, media: Path) -> list[Any]:
    """The requests that dub_clip got."""
    got: list[Any] = []

    def dub_clip(request: Any, progress: Callable[..., None], *_: Any) -> dict[str, Any]:
        progress(1, 2, "speech")
        got.append(request)
        return {"device": "cpu", "notes": ["no face was found"], "output": str(request.out)}

    fake("dubctl.dubbing.session", DubRequest=SimpleNamespace, dub_clip=dub_clip)
    return got


DUB = ("dub", "clip.mp4", "--prompt", "voice.wav")


def test_dub_works_without_o_as_on_the_card(dubctl: Dubctl, dubs: list[Any]) -> None:
    got = dubctl(*DUB, "--script", "Hello  there")
    assert (got.code, got.out) == (0, "clip.dubbed.mp4\n")
    assert got.err == "dubctl: warning: no face was found\n"
    request = dubs[0]
    assert (request.script, request.out, request.k, request.seed) == ("Hello there", Path("clip.dubbed.mp4"), 3, 0)
    assert (request.library, request.references, request.voice, request.profile) == (None, None, None, "lite")


def test_dub_json_names_outputs_device_and_warnings(dubctl: Dubctl, dubs: list[Any]) -> None:
    answer = dubctl(*DUB, "--script", "Hi", "-o", "out.wav", "-k", "0", "--seed", "0", "--json").json
    assert answer["outputs"] == ["out.wav", "out.json"] and answer["device"] == "cpu"
    assert answer["warnings"] == ["no face was found"] and answer["items"]["done"] == 1
    assert dubs[0].k == 0


def test_dub_writes_the_containers_that_can_be_written(dubctl: Dubctl, dubs: list[Any]) -> None:
    assert set(OUT_SUFFIXES) <= {*SOUND_CODECS, ".wav"}
    for suffix in OUT_SUFFIXES:
        assert dubctl(*DUB, "--script", "Hi", "-o", f"out{suffix}").code == 0
    assert [request.out.suffix for request in dubs] == list(OUT_SUFFIXES)


def test_dub_reads_the_script_from_a_file_or_stdin(dubctl: Dubctl, dubs: list[Any], media: Path, pipe: Pipe) -> None:
    for encoding in ("cp1252", "utf-8", "utf-16"):
        raw = "From a café.\n".encode(encoding)
        (media / "line.txt").write_bytes(raw)
        pipe(raw)
        assert dubctl(*DUB, "--script", "@line.txt").code == dubctl(*DUB, "--script", "-").code == 0
    assert [request.script for request in dubs] == ["From a café."] * 6
    pipe(b"RIFF\0\0\x92\xff")
    got = dubctl(*DUB, "--script", "-")
    assert got.code == 3 and "stdin is not text" in got.err


@pytest.mark.parametrize("text, window", [("0.5:2.1", (0.5, 2.1)), ("1:", (1.0, None)), (":2", (0.0, 2.0))])
def test_the_director_says_where_the_speech_lies(dubctl: Dubctl, dubs: list[Any], text: str, window: Any) -> None:
    assert dubctl(*DUB, "--script", "Hi", "--window", text).code == 0
    assert dubs[0].window == window


@pytest.mark.parametrize("text", ["2:1", "1", ":", "a:b", "-1:2", "1:1", "nan:2", "0:inf:3", ":0"])
def test_a_window_that_is_none_is_refused(dubctl: Dubctl, dubs: list[Any], text: str) -> None:
    got = dubctl(*DUB, "--script", "Hi", f"--window={text}")
    assert got.code == 2 and "START:END" in got.err and not dubs


@pytest.mark.parametrize("subtitles", [
    "\ufeff1\n00:00:01,000 --> 00:00:02,500\n<i>You</i> came\n{\\an8}back.\n\n"
    "2\n00:00:03,000 --> 00:00:04,000\nAt 12 --> 14.\n",
    "WEBVTT\n\nNOTE not said\n\n00:01.000 --> 00:02.500 align:start\nYou came back.\n\n"
    "00:03.000 --> 00:04.000\nAt 12 --> 14.",
    "1\r\n00:00:01,000 --> 00:00:02,500\r\nYou came back.\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nAt 12 --> 14.\r\n",
])
def test_of_subtitles_only_the_text_is_said(dubctl: Dubctl, dubs: list[Any], media: Path, subtitles: str) -> None:
    (media / "line.srt").write_bytes(subtitles.encode())
    assert dubctl(*DUB, "--script", "@line.srt").code == 0
    assert dubs[0].script == "You came back. At 12 --> 14."


def test_built_in_is_the_library_that_ships(dubctl: Dubctl, dubs: list[Any], fake: Fake) -> None:
    assert dubctl(*DUB, "--script", "Hi", "--library", "built-in").code == 0
    assert dubctl(*DUB, "--script", "Hi", "--library", "lib").code == 0
    assert [request.library for request in dubs] == [None, Path("lib")]
    _retrieving(fake)
    assert dubctl("retrieve", "built-in", "clip.mp4", "--script", "Hi").code == 0


def test_dub_takes_references_from_a_pipe(dubctl: Dubctl, dubs: list[Any], pipe: Pipe) -> None:
    rows = [{"modality": "scene", "rank": 1, "id": "a", "score": 0.5}, {"modality": "face", "rank": 1, "id": "b"}]
    pipe("".join(json.dumps(row) + "\n" for row in rows))
    assert dubctl(*DUB, "--script", "Hi", "--references", "-").code == 0
    assert dubs[0].references == rows
    pipe('{"a": 1}\nnot json\n')
    got = dubctl(*DUB, "--script", "Hi", "--references", "-", "--json")
    assert got.code == 3 and got.json["error"]["line"] == 2


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # as Python opens stdin, and under a C locale
@pytest.mark.parametrize("args", [(*DUB, "--script", "Hi", "--references", "-"), ("extract", "-", "-o", "out"),
                                  ("eval", "--metrics", "length"), ("eval", "-", "--metrics", "length")])
def test_a_manifest_from_a_pipe_is_utf_8(dubctl: Dubctl, media: Path, pipe: Pipe, args: tuple[str, ...],
                                         errors: str) -> None:
    pipe('{"id": "é"}'.encode("cp1252"), errors)
    got = dubctl(*args)
    assert (got.code, got.out) == (3, "") and "stdin is not UTF-8 text" in got.err and not Path("out").exists()


@pytest.mark.parametrize(("args", "said"), [
    (("dub", "none.mp4", "--prompt", "voice.wav", "--script", "Hi"), "none.mp4"),
    (("dub", "clip.mp4", "--prompt", "none.wav", "--script", "Hi"), "none.wav"),
    ((*DUB, "--script", "  "), "script is empty"),
    ((*DUB, "--script", "@none.txt"), "none.txt"),
    ((*DUB, "--script", "Hi", "--library", "nolib"), "nolib"),
    ((*DUB, "--script", "Hi", "--references", "none.jsonl"), "none.jsonl"),
    ((*DUB, "--script", "Hi", "--voice", "novoice"), "novoice"),
    (("dub", "lib", "--prompt", "voice.wav", "--script", "Hi"), "lib"),
    (("index", "nolib"), "nolib"),
    (("train", "nolib", "-o", "run"), "nolib"),
    (("retrieve", "nolib", "clip.mp4", "--script", "Hi"), "nolib"),
    (("eval", "nodubs"), "nodubs"),
])
def test_a_missing_input_is_exit_3_and_named(dubctl: Dubctl, dubs: list[Any], args: tuple[str, ...],
                                             said: str) -> None:
    got = dubctl(*args)
    assert got.code == 3 and said in got.err and got.err.count("\n") == 1 and got.out == ""
    assert dubs == []


def test_dry_run_does_nothing(dubctl: Dubctl, dubs: list[Any], media: Path) -> None:
    before = sorted(media.rglob("*"))
    got = dubctl(*DUB, "--script", "Hi", "--dry-run")
    assert got.code == 0 and got.out == "" and "would dub" in got.err and dubs == []
    assert dubctl("retrieve", "lib", "clip.mp4", "--script", "Hi", "--dry-run").code == 0
    assert dubctl("train", "lib", "-o", "run", "--dry-run").code == 0
    assert sorted(media.rglob("*")) == before


def _extracting(fake: Fake, report: Any) -> list[Any]:
    calls: list[Any] = []

    def extract_dataset(*args: Any, **options: Any) -> Any:
        calls.append((args, options))
        return report

    fake("dubctl.emotion.profiles", load_profile=lambda name, parts=None: f"profile {name}")
    fake("dubctl.library.extract", extract_dataset=extract_dataset)
    return calls


def test_extract_reports_and_passes_its_flags_on(dubctl: Dubctl, fake: Fake) -> None:
    calls = _extracting(fake, SimpleNamespace(done=2, skipped=3, failed=0, warnings=["odd"], failures=[]))
    got = dubctl("extract", "data", "-o", "lib", "--jobs", "2", "--no-keep-going", "--force")
    assert (got.code, got.out) == (0, "lib\n") and "dubctl: warning: odd" in got.err and "2 clips" in got.err
    (args, options), = calls
    assert args == ("data", Path("lib"), "profile lite")
    assert (options["jobs"], options["keep_going"], options["force"]) == (2, False, True)


def test_extract_with_bad_clips_is_exit_5_and_says_which(dubctl: Dubctl, fake: Fake) -> None:
    _extracting(fake, SimpleNamespace(done=2, skipped=0, failed=1, warnings=[], failures=[("c3", "not media")]))
    got = dubctl("extract", "data", "-o", "lib")
    assert got.code == 5 and "dubctl: warning: c3: not media" in got.err
    answer = dubctl("extract", "data", "-o", "lib", "--json").json
    assert answer["items"] == {"done": 2, "skipped": 0, "failed": 1} and answer["error"]["kind"] == "partial"
    assert answer["result"]["failures"] == [{"id": "c3", "why": "not media"}] and answer["outputs"] == ["lib"]


def test_train_reads_its_table_and_keeps_the_seed_it_names(dubctl: Dubctl, fake: Fake, media: Path) -> None:
    calls: list[Any] = []

    def train(library: Path, out: Path, config: Any, **options: Any) -> dict[str, Any]:
        calls.append((library, out, config, options))
        return {"step": 9, "clips": 4, "left_out": [{"id": "a", "why": "no sound"}], "seconds": 1.0,
                "checkpoint": "run/checkpoint.safetensors", "voice": "run/voice"}

    fake("dubctl.training.run", train=train)
    (media / "run.toml").write_text("[train]\nbatch = 3\nseed = 5\n[train.loss]\npitch = 1\n")
    got = dubctl("train", "lib", "-o", "run", "--config", "run.toml", "--tiny", "--steps", "9", "--device", "cpu")
    assert got.code == 0 and got.out.splitlines() == ["run/checkpoint.safetensors", "run/voice"]
    assert "no sound" in got.err
    library, out, config, options = calls[0]
    assert (library, out, config.batch, config.loss.pitch) == (Path("lib"), Path("run"), 3, 1.0)
    assert (options["steps"], options["seed"], options["resume"], options["device"]) == (9, None, False, "cpu")
    dubctl("train", "lib", "-o", "run", "--seed", "0", "--resume")
    assert calls[1][3]["seed"] == 0 and calls[1][3]["resume"] is True


def test_an_unknown_training_key_names_its_place(dubctl: Dubctl, media: Path) -> None:
    (media / "run.toml").write_text("[train.loss]\npich = 1\n")
    got = dubctl("train", "lib", "-o", "run", "--config", "run.toml")
    assert got.code == 2 and "run.toml [train]" in got.err and "'loss.pitch'" in got.err


class FakeHit(SimpleNamespace):
    def as_row(self) -> dict[str, Any]:
        return vars(self)


def _retrieving(fake: Fake) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []

    def retrieve(_library: Any, _query: Any, k: int, **options: Any) -> list[FakeHit]:
        calls.append({"k": k, **options})
        return [FakeHit(modality="scene", rank=1, id="a", score=0.5),
                FakeHit(modality="face", rank=1, id="b", score=0.4)]

    fake("dubctl.dubbing.references", query_of=lambda *_: "query")
    fake("dubctl.dubbing.scene_reading", read_scene=lambda *_: "reading")
    fake("dubctl.emotion.profiles", load_profile=lambda *_: SimpleNamespace(spaces=dict))
    fake("dubctl.library.hits", explain=lambda hits, _: [f"because {hit.id}" for hit in hits])
    fake("dubctl.library.retrieve", retrieve=retrieve)
    fake("dubctl.library.builtin", open_library=lambda *_: "library")
    fake("dubctl.media.clip", probe=lambda _: "info")
    return calls


RETRIEVE = ("retrieve", "lib", "clip.mp4", "--script", "Hi")


def test_retrieve_prints_one_row_a_line(dubctl: Dubctl, fake: Fake, media: Path) -> None:
    calls = _retrieving(fake)
    got = dubctl(*RETRIEVE)
    assert got.code == 0 and got.err == ""
    assert [json.loads(line)["id"] for line in got.out.splitlines()] == ["a", "b"]
    assert calls[0]["k"] == 3 and calls[0]["metric"] is None and "modalities" not in calls[0]
    assert [row["id"] for row in dubctl(*RETRIEVE, "--json").json["result"]] == ["a", "b"]


def test_retrieve_passes_every_choice_on(dubctl: Dubctl, fake: Fake, media: Path) -> None:
    calls = _retrieving(fake)
    dubctl(*RETRIEVE, "-k", "0", "--exact", "--metric", "dot", "--exclude-speaker", "Elsa",
           "--exclude-speaker", "Anna", "--exclude-film", "Frozen", "--exclude-split", "test", "--pin", "c1",
           "--exclude", "c2", "--modality", "text")
    assert calls == [{"k": 0, "metric": "dot", "exact": True, "exclude_speakers": ["Elsa", "Anna"],
                      "exclude_films": ["Frozen"], "exclude_splits": ["test"], "pin": ["c1"], "exclude": ["c2"],
                      "modalities": ["text"]}]


def test_retrieve_writes_a_file_and_explains_on_stderr(dubctl: Dubctl, fake: Fake, media: Path) -> None:
    _retrieving(fake)
    got = dubctl(*RETRIEVE, "-o", "refs.jsonl", "--explain")
    assert (got.out, got.err) == ("refs.jsonl\n", "because a\nbecause b\n")
    assert len((media / "refs.jsonl").read_text().splitlines()) == 2


def test_index_passes_only_what_was_given(dubctl: Dubctl, fake: Fake, media: Path) -> None:
    from dataclasses import make_dataclass

    calls: list[dict[str, Any]] = []
    report = make_dataclass("R", ["path", "metric", "clips", "recall"])(Path("lib/index"), "dot", {"face": 4},
                                                                        {"face": 1.0})

    def build_index(_library: Any, **options: Any) -> Any:
        calls.append(options)
        return report

    fake("dubctl.library.index", build_index=build_index)
    fake("dubctl.library.store", Library=SimpleNamespace(open=lambda _: SimpleNamespace(rows=[1, 2, 3, 4])))
    got = dubctl("index", "lib", "--metric", "dot")
    assert (got.code, got.out) == (0, "lib/index\n") and "face: 4 clips" in got.err
    dubctl("index", "lib", "--trees", "5")
    assert calls == [{"metric": "dot"}, {"trees": 5}]
    assert dubctl("index", "lib", "--dry-run").out == "" and len(calls) == 2


def test_eval_scores_a_manifest_and_gates_it(dubctl: Dubctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real evaluator on `length`, which needs no model; one dub of two is missing, which is its worst case."""
    from tests.cli.media import tone

    tone(tmp_path / "a.wav", 0.5)
    tone(tmp_path / "clip.wav", 0.5)
    rows = [{"id": name, "dub": f"{name}.wav", "clip": "clip.wav"} for name in "ab"]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    got = dubctl("eval", "m.jsonl", "--metrics", "length,lse-c", "--csv", "out.csv")
    assert got.code == 5 and got.out.splitlines()[0].startswith("length\t0.5000") and "needs a SyncNet" in got.out
    assert (tmp_path / "out.csv").read_text().splitlines()[0].startswith("id,speaker,dub,length")
    gated = dubctl("eval", "m.jsonl", "--metrics", "length", "--fail-if", "length<0.9", "--json")
    assert gated.code == 6 and gated.json["error"]["kind"] == "quality-gate"
    assert gated.json["items"] == {"done": 1, "skipped": 0, "failed": 1} and gated.json["result"]["n"] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(rows[0]) + "\n"))
    assert dubctl("eval", "--metrics", "length").code == 0


def test_eval_of_nothing_is_exit_3(dubctl: Dubctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert dubctl("eval", "--metrics", "emo-acc,wer").code == 3


def test_dub_passes_on_what_the_director_asks_for(dubctl: Dubctl, dubs: list[Any]) -> None:
    asked = ("--rate", "1.2", "--pitch", "-2", "--energy", "3", "--pause", "1.5x", "--emotion", "joy:0.5")
    assert dubctl(*DUB, "--script", "Hi", *asked).code == 0
    own, feeling = dubs[0].wishes.own, dubs[0].wishes.feeling
    assert (own.rate, own.register_st, own.energy_db, own.pause.factor) == (1.2, -2.0, 3.0, 1.5)
    assert (feeling.name, feeling.strength) == ("joy", 0.5)
    for wrong in (("--rate", "9"), ("--pause", "soon"), ("--emotion", "joyy")):
        refused = dubctl(*DUB, "--script", "Hi", *wrong)
        assert refused.code == 2 and wrong[0] in refused.err and "hint" in refused.err
    assert "'joy'" in refused.err and len(dubs) == 1


def test_input_errors_keep_their_line(dubctl: Dubctl, dubs: list[Any], fake: Fake) -> None:
    def dub_clip(*_: Any) -> None:
        raise InputError("bad row", line=3)

    fake("dubctl.dubbing.session", DubRequest=SimpleNamespace, dub_clip=dub_clip)
    assert dubctl(*DUB, "--script", "Hi", "--json").json["error"]["line"] == 3
