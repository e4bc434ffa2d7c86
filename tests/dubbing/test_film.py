"""`dub_film` with the shipped weights on a real film: what is written, what is spoken again, what fails."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from dubctl.dubbing import film as film_module
from dubctl.dubbing.film import dub_film, lines_folder
from dubctl.dubbing.lines import Line
from dubctl.dubbing.placement import EASY
from dubctl.dubbing.session import DubRequest
from dubctl.errors import InputError, UsageError
from dubctl.media.audio import load_audio
from dubctl.media.clip import probe
from dubctl.media.ffmpeg import run
from dubctl.metrics.items import load_items

EXAMPLES = Path(__file__).parents[2] / "examples"
FILM, VOICE = EXAMPLES / "film.mp4", EXAMPLES / "voice.wav"
OTHER = EXAMPLES / "drawn" / "video"
LINES = (Line("0001", 0.52, 1.9, "What brings you here?", VOICE, "Shaman"), Line("0002", 2.4, 3.6, "I am lost.", VOICE))


def dub(folder: Path, lines=LINES, out: str = "film.wav", **more):
    base = DubRequest(clip=FILM, script="", prompt=VOICE, out=folder / out, device="cpu", vocoder="lite", takes=1,
                      **{k: more.pop(k) for k in ("background",) if k in more})
    return dub_film(base, lines, probe(FILM), **more)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("film")
    return folder, dub(folder)


def level(wav: np.ndarray, start: float, end: float) -> float:
    return float(np.abs(wav[int(start * 22_050): int(end * 22_050)]).max(initial=0.0))


def test_each_line_is_heard_at_its_time_and_nothing_between(film) -> None:
    folder, done = film
    assert (done.done, done.skipped, done.failures) == (2, 0, [])
    wav = load_audio(folder / "film.wav")
    assert len(wav) == 4 * 22_050
    assert level(wav, 0.52, 1.9) > 0.1 and level(wav, 2.4, 3.6) > 0.1
    rows = done.report["lines"]
    assert level(wav, 0, 0.51) == 0 and level(wav, rows[0]["speech"]["end"] + 0.01, 2.39) == 0
    for row in rows:
        assert row["start"] <= row["speech"]["start"] < row["speech"]["end"] <= 4.0
    assert json.loads((folder / "film.json").read_text()) == done.report


def test_each_line_has_its_own_sound_report_and_row_for_eval(film) -> None:
    folder, _ = film
    reports = [json.loads((lines_folder(folder / "film.wav") / f"{line.id}.json").read_text()) for line in LINES]
    assert [r["section"] for r in reports] == [[0.52, 1.9], [2.4, 3.6]]
    assert all(r["film"] == str(FILM) and "clip" not in r and r["references"] for r in reports)
    for source in (folder / "film.lines", folder / "film.lines" / "manifest.jsonl"):
        items = load_items(source)
        assert [(i.id, i.text, i.speaker) for i in items] == [(line.id, line.text, line.speaker) for line in LINES]
        assert [i.section for i in items] == [(0.52, 1.9), (2.4, 3.6)]
        assert all(i.dub.is_file() and i.prompt.resolve() == VOICE and i.clip.resolve() == FILM for i in items)


def test_only_what_changed_is_spoken_again_and_what_is_gone_is_forgotten(film, tmp_path: Path) -> None:
    folder, _ = film
    before = {p.name: p.stat().st_mtime_ns for p in (folder / "film.lines").glob("*.wav")}
    assert (dub(folder).done, dub(folder).skipped) == (0, 2)
    assert {p.name: p.stat().st_mtime_ns for p in (folder / "film.lines").glob("*.wav")} == before
    changed = (LINES[0], dataclasses.replace(LINES[1], text="I am not lost."))
    again = dub(folder, changed)
    assert (again.done, again.skipped) == (1, 1)
    fewer = dub(folder, changed[:1])
    assert (fewer.done, fewer.skipped) == (1, 0)  # it may now reach farther, so its room is another
    assert sorted(p.name for p in (folder / "film.lines").iterdir()) == ["0001.json", "0001.wav", "manifest.jsonl"]
    assert dub(folder, changed[:1], force=True).done == 1


def test_a_cue_that_is_put_in_leaves_the_lines_behind_it_as_they_were(tmp_path: Path) -> None:
    dub(tmp_path)
    new = dataclasses.replace(LINES[0], id="0001", start=0.0, end=0.4, text="No.")
    after = tuple(dataclasses.replace(line, id=f"{number:04d}") for number, line in enumerate(LINES, 2))
    again = dub(tmp_path, (new, *after))
    assert (again.done, again.skipped) == (2, 1)  # the line behind the new one has less time before it to look at
    assert [row["text"] for row in again.report["lines"]] == ["No.", LINES[0].text, LINES[1].text]


def test_a_line_that_does_not_fit_is_silent_and_said(tmp_path: Path) -> None:
    long = dataclasses.replace(LINES[0], id="long", text="This is much too long for the time that it has. " * 20)
    done = dub(tmp_path, (long, LINES[1]))
    assert done.done == 1 and done.failures[0][0] == "long" and "too long" in done.failures[0][1]
    row = json.loads((tmp_path / "film.lines" / "manifest.jsonl").read_text().splitlines()[0])
    assert row["status"] == "failed" and "too long" in row["error"] and "dub" not in row
    assert load_items(tmp_path / "film.lines" / "manifest.jsonl")[0].failed
    assert level(load_audio(tmp_path / "film.wav"), 0, 2.39) == 0
    with pytest.raises(InputError, match="line long"):
        dub(tmp_path, (long, LINES[1]), keep_going=False)
    with pytest.raises(InputError, match="none of the 1 lines"):
        dub(tmp_path, (long,))


def test_processes_give_the_same_film_and_name_the_same_lines(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "alone"
    alone = dub(folder)
    monkeypatch.setattr(film_module, "LINES_EACH", 1)
    monkeypatch.setattr(film_module, "ALONE", 1)
    long = dataclasses.replace(LINES[0], id="long", text="This is much too long for the time that it has. " * 20)
    told: list[tuple[int, int, str]] = []
    done = dub(tmp_path, (*LINES, long), jobs=2, progress=lambda *what: told.append(what))
    assert done.done == 2 and [id for id, _ in done.failures] == ["long"]
    assert [count for count, _, _ in told] == [0, 1, 2, 3] and {id for *_, id in told} == {"", "0001", "0002", "long"}
    for line in LINES:
        assert (tmp_path / "film.lines" / f"{line.id}.wav").read_bytes() == (
            folder / "film.lines" / f"{line.id}.wav").read_bytes()
    for ours, theirs in zip(done.report["lines"], alone.report["lines"], strict=False):
        assert {**ours, "clip": "", "prompt": ""} == {**theirs, "clip": "", "prompt": ""}
    with pytest.raises(InputError, match="line long"):
        dub(tmp_path, (long, long), jobs=2, keep_going=False)


def test_a_model_of_which_there_is_to_be_one_has_one_process(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(film_module, "free_memory", lambda: 1e12)
    def processes(count: int, jobs: int, **more) -> int:
        base = DubRequest(clip=FILM, script="", prompt=VOICE, out=tmp_path / "o.wav", device="cpu", **more)
        return film_module._processes([film_module._Work(LINES[0], base)] * count, jobs)

    assert processes(0, 8) == processes(3, 8) == processes(100, 1) == processes(100, 8, profile="paper") == 1
    assert processes(100, 2) == 1  # which keeps two cores busy itself
    assert processes(100, 8) == 8 and processes(9, 8) == 2
    monkeypatch.setattr(film_module, "free_memory", lambda: 4e9)
    assert processes(100, 8) == 2
    monkeypatch.setattr(film_module, "free_memory", lambda: 1e6)
    assert processes(100, 8) == 1


def test_where_no_mouth_is_seen_a_line_uses_the_room_behind_it_rather_than_hurry(tmp_path: Path) -> None:
    run(["-v", "error", "-f", "lavfi", "-i", "color=black:s=64x48:r=25:d=6", str(tmp_path / "black.mp4")])
    line = dataclasses.replace(LINES[0], start=1.0, end=1.6, text="I do not know where to go.")
    base = DubRequest(clip=tmp_path / "black.mp4", script="", prompt=VOICE, out=tmp_path / "o.wav", device="cpu",
                      vocoder="lite", takes=1)
    after = dataclasses.replace(line, id="0002", start=4.0, end=4.6, text="No.")
    row = dub_film(base, (line, after), probe(base.clip)).report["lines"][0]
    assert not row["from_mouth"] and row["stretch"] == pytest.approx(EASY, abs=0.02)
    assert row["speech"]["start"] == 1.0 and 1.7 < row["speech"]["end"] <= 4.0
    assert json.loads((tmp_path / "o.lines" / "0001.json").read_text())["window"]["seen"] == [0.0, 0.6]


def test_music_stays_under_the_speech_in_a_film(tmp_path: Path) -> None:
    music = next(OTHER.glob("*.mp4"))
    done = dub(tmp_path, LINES[1:], "film.mp4", background=music)
    info = probe(tmp_path / "film.mp4")
    assert info.has_audio and info.frames == probe(FILM).frames and info.audio_duration == pytest.approx(4.0, abs=1e-3)
    wav, under = load_audio(tmp_path / "film.mp4"), load_audio(music)
    assert level(wav, 0, 2.3) == pytest.approx(level(under, 0, 2.3), abs=0.05)
    assert done.report["lines"][0]["speech"]["start"] >= 2.4


def test_what_could_not_be_written_is_refused_before_anything_is_spoken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sound"):
        dub(tmp_path, out="film.mp4", background=FILM)
    with pytest.raises(UsageError, match="input clip"):
        dub_film(DubRequest(clip=FILM, script="", prompt=VOICE, out=FILM), LINES, probe(FILM))
    assert not list(tmp_path.iterdir())
