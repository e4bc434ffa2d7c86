"""The lines of a film, read and checked before anything is spoken."""

import json
from pathlib import Path

import pytest

from dubctl.dubbing.acted import Feeling
from dubctl.dubbing.cast import Cast
from dubctl.dubbing.lines import read_lines
from dubctl.errors import InputError
from dubctl.synth.direction import PLAIN, Direction, Pause

VTT = ("WEBVTT\n\n00:03.000 --> 00:04.000\n<v Anna>You came back.\n\n00:01.000 --> 00:02.500\nELSA: Hello.\n\n"
       "00:05.000 --> 00:06.000\n[music]\n")


@pytest.fixture
def cast(tmp_path: Path) -> Cast:
    for name in ("elsa.wav", "rest.wav"):
        (tmp_path / name).write_bytes(b"x")
    return Cast.of([f"Elsa={tmp_path / 'elsa.wav'}", str(tmp_path / "rest.wav")])


def read(rows: object, cast: Cast, **more: object):
    text = rows if isinstance(rows, str) else "\n".join(json.dumps(row) for row in rows)
    return read_lines(text, "it", cast, 10.0, more.pop("own", PLAIN), more.pop("feeling", None), **more)


def row(**changes: object) -> dict:
    return {"start": 1, "end": 2.5, "text": "Hello.", **changes}


def test_subtitles_become_lines_in_the_order_of_time_with_the_voices_of_the_cast(cast: Cast) -> None:
    script = read(VTT, cast)
    assert [(line.id, line.start, line.text, line.speaker) for line in script.lines] == [
        ("0001", 1.0, "Hello.", "ELSA"), ("0002", 3.0, "You came back.", "Anna")]
    assert [line.prompt.name for line in script.lines] == ["elsa.wav", "rest.wav"]
    assert script.silent == ("0003",)


def test_a_row_may_have_its_own_voice_and_direction(cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "own.wav").write_bytes(b"x")
    rows = [row(id="a/b", prompt="own.wav", emotion="sadness:0.5", rate=1.2, pause="0.4", text="<i>Hi</i>  you"),
            row(start=3, end=4, mood="kept out")]
    own, feeling = Direction(rate=0.9, register_st=2.0), Feeling("joy")
    first, second = read(rows, cast, folder=tmp_path, own=own, feeling=feeling).lines
    assert (first.id, first.text, first.prompt) == ("a_b", "Hi you", tmp_path / "own.wav")
    assert first.wishes.own == Direction(rate=1.2, register_st=2.0, pause=Pause(seconds=0.4))
    assert first.wishes.feeling == Feeling("sadness", 0.5)
    assert (second.wishes.own, second.wishes.feeling) == (own, feeling)


def test_subtitles_may_outlast_their_film_a_little(cast: Cast) -> None:
    assert read([row(start=9, end=10.5)], cast).lines[0].end == 10.0


@pytest.mark.parametrize(("start", "end"), [(3, 3), (3, 2), (11, 12)])
def test_of_what_is_not_spoken_the_times_do_not_matter(cast: Cast, start: float, end: float) -> None:
    script = read([row(), row(text="[a door slams]", start=start, end=end)], cast)
    assert (len(script.lines), script.silent) == (1, ("0002",))


@pytest.mark.parametrize(("changes", "said"), [
    ({"start": None}, "no start"), ({"end": "2"}, "end is no number"), ({"end": True}, "end is no number"),
    ({"text": ""}, "no text"), ({"text": 3}, "text is not text"), ({"end": 1.05}, "too short"),
    ({"start": 3}, "too short"), ({"start": -1}, "outside the film"), ({"start": 11, "end": 12}, "outside the film"),
    ({"end": 12}, "outside the film"), ({"prompt": "none.wav"}, "none.wav"), ({"emotion": "envy"}, "envy"),
    ({"rate": 9}, "out of range"), ({"pause": "long"}, "how long"), ({"id": "0001"}, "the id 0001 again"),
])
def test_what_is_wrong_with_a_row_is_said_with_its_line(cast: Cast, changes: dict, said: str) -> None:
    with pytest.raises(InputError, match=f"it, line 2: .*{said}") as caught:
        read([row(), row(**changes)], cast)
    assert caught.value.line == 2


def test_all_who_have_no_voice_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "elsa.wav").write_bytes(b"x")
    rows = [row(speaker=name) for name in ("Anna", "Elsa", "Anna", "")] + [row(text="[music]", speaker="Olaf")]
    with pytest.raises(InputError, match=r"no voice for Anna \(2\), lines that name nobody \(1\)") as caught:
        read(rows, Cast.of([f"Elsa={tmp_path / 'elsa.wav'}"]))
    assert "--prompt Anna=VOICE" in caught.value.hint


@pytest.mark.parametrize("text", ["", "Hello.", "WEBVTT\n\n00:01.000 --> 00:02.000\n[music]\n", '{"start": 1'])
def test_nothing_to_speak_is_refused(cast: Cast, text: str) -> None:
    with pytest.raises(InputError):
        read(text, cast)
