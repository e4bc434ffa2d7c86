"""`dubctl dub FILM --lines`: flags, streams and exit codes, with the shipped weights."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome

EXAMPLES = Path(__file__).parents[2] / "examples"
FILM, VOICE = str(EXAMPLES / "film.mp4"), str(EXAMPLES / "voice.wav")
QUICK = ("--vocoder", "lite", "--takes", "1", "--device", "cpu")
Dubctl = Callable[..., Outcome]
Pipe = Callable[..., None]
SRT = ("1\n00:00:00,500 --> 00:00:01,900\nSHAMAN: What brings you here?\n\n2\n00:00:02,000 --> 00:00:02,300\n[wind]\n\n"
       "3\n00:00:02,400 --> 00:00:03,600\nI am lost.\n")


@pytest.fixture
def srt(dubctl: Dubctl, tmp_path: Path) -> str:
    (tmp_path / "film.srt").write_text(SRT)
    return "film.srt"


def test_a_film_is_dubbed_and_what_could_not_be_is_exit_5(dubctl: Dubctl, srt: str) -> None:
    got = dubctl("dub", FILM, "--lines", srt, "--prompt", f"Shaman={VOICE}", "--prompt", VOICE, "-o", "out.wav", *QUICK)
    assert (got.code, got.out) == (0, "out.wav\n")
    assert "line 0002: nothing to speak" in got.err
    again = dubctl("dub", FILM, "--lines", srt, "--prompt", VOICE, "-o", "out.wav", *QUICK, "--json").json
    assert again["items"] == {"done": 0, "skipped": 2, "failed": 0} and again["device"] == "cpu"
    assert again["outputs"] == ["out.wav", "out.json", "out.lines"]
    assert [row["speaker"] for row in again["result"]["lines"]] == ["SHAMAN", ""]
    Path(srt).write_text(SRT.replace("I am lost.", "I am much too talkative for this. " * 30))
    failed = dubctl("dub", FILM, "--lines", srt, "--prompt", VOICE, "-o", "out.wav", *QUICK)
    assert failed.code == 5 and "line 0003: the script is too long" in failed.err and failed.out == "out.wav\n"


def test_rows_come_from_a_pipe(dubctl: Dubctl, pipe: Pipe) -> None:
    pipe(json.dumps({"start": 0.5, "end": 1.9, "text": "Who goes there?"}))
    got = dubctl("dub", FILM, "--lines", "-", "--prompt", VOICE, "--dry-run")
    assert (got.code, got.out) == (0, "") and "would dub 1 line of" in got.err
    assert not Path("film.dubbed.lines").exists()


@pytest.mark.parametrize(("args", "code", "said"), [
    ((), 2, "--script"), (("--script", "Hi", "--lines", "film.srt"), 2, "both say"),
    (("--lines", "film.srt", "--window", "0:1"), 2, "--window"),
    (("--lines", "none.srt"), 3, "no such file of lines: none.srt"), (("--lines", VOICE), 3, "voice.wav is not text"),
    (("--script", "Hi", "--prompt", f"Elsa={VOICE}"), 2, "one voice"),
    (("--lines", "film.srt", "--background", "none.wav"), 3, "none.wav"),
    (("--lines", "film.srt", "--background", VOICE, "-o", "out.wav"), 2, "speech alone"),
    (("--lines", "film.srt", "--emotion", "envy"), 2, "envy"),
    (("--lines", "-", "--references", "-"), 2, "--lines - and --references -"),
])
def test_what_is_wrong_is_said_in_one_line(dubctl: Dubctl, srt: str, args: tuple[str, ...], code: int,
                                           said: str) -> None:
    got = dubctl("dub", FILM, "--prompt", VOICE, *args)
    assert got.code == code and said in got.err and got.err.count("\n") == 1 and got.out == ""


def test_who_has_no_voice_is_named(dubctl: Dubctl, srt: str) -> None:
    got = dubctl("dub", FILM, "--lines", srt, "--prompt", f"Elsa={VOICE}")
    assert got.code == 3 and "no voice for SHAMAN (1), lines that name nobody (1)" in got.err


def test_sound_alone_is_no_film(dubctl: Dubctl, srt: str) -> None:
    got = dubctl("dub", VOICE, "--lines", srt, "--prompt", VOICE)
    assert got.code == 3 and "has no picture" in got.err
