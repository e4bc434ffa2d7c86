"""Subtitles as people have them: who says what, and when."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.errors import InputError
from dubctl.media.subtitles import Cue, are_subtitles, is_spoken, parse_subtitles, read_text

ASS = ("[Script Info]\n[V4+ Styles]\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, "
       "Effect, Text\nDialogue: 0,0:00:01.00,0:00:02.50,Default,Elsa,0,0,0,,Hi {\\i1}you{\\i0}\\Nthere, man\n"
       "Comment: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,not said\n"
       "Dialogue: 0,0:00:01.00,0:00:03.00,Default,,0,0,0,,{\\p1}m 0 0 l 1 1\n")


def stamp(milliseconds: int, comma: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{comma}{rest:03d}"


WORDS = st.lists(st.sampled_from(("You", "came", "back.", "No!", "At", "12", "--", "o'clock", "well,")), min_size=1,
                 max_size=6).map(" ".join).filter(lambda text: not text.strip().isdigit() and not text.startswith("-"))
SPANS = st.lists(st.tuples(st.integers(0, 9_000_000), st.integers(1, 20_000)), min_size=1, max_size=5, unique=True)


@given(spans=SPANS, text=WORDS, kind=st.sampled_from(("srt", "vtt")))
def test_what_was_written_is_read(spans: list[tuple[int, int]], text: str, kind: str) -> None:
    comma = "," if kind == "srt" else "."
    blocks = [f"{i}\n{stamp(start, comma)} --> {stamp(start + length, comma)}\n{text}\n"
              for i, (start, length) in enumerate(spans, 1)]
    found = parse_subtitles(("WEBVTT\n\n" if kind == "vtt" else "") + "\n".join(blocks), "it")
    assert [(cue.text, cue.speaker) for cue in found] == [(text, "")] * len(spans)
    wanted = sorted((start / 1000, (start + length) / 1000) for start, length in spans)
    assert sorted((cue.start, cue.end) for cue in found) == wanted
    assert [cue.start for cue in found] == [start for start, _ in wanted]


def cue(text: str, *names: str, kind: str = "WEBVTT\n\n") -> list[tuple[str, str]]:
    found = parse_subtitles(f"{kind}00:00:01.000 --> 00:00:03.000\n{text}\n", "it", names)
    assert not found or (found[0].start, found[-1].end) == (1, 3)
    return [(c.speaker, c.text) for c in found]


@pytest.mark.parametrize(("text", "wanted"), [
    ("<v Elsa>Hello <i>there</i></v>", [("Elsa", "Hello there")]),
    ("<v.loud Elsa Arendelle>Hi", [("Elsa Arendelle", "Hi")]),
    ("<v Elsa>Hi</v>\n<v Anna>Oh, you.", [("Elsa", "Hi"), ("Anna", "Oh, you.")]),
    ("- What?\n- Yes.", [("", "What? Yes.")]),
    ("ELSA: Hi.\nHow are you?", [("ELSA", "Hi. How are you?")]),
    ("- ELSA: What?\n- ANNA [whispering]: Yes.", [("ELSA", "What?"), ("ANNA", "Yes.")]),
    ("- ELSA: What?\n- Yes.", [("ELSA", "What?"), ("", "Yes.")]),
    ("Elsa: Hi.", [("", "Elsa: Hi.")]),
    ("It is 12:30: time to go.", [("", "It is 12:30: time to go.")]),
    ("", []),
])
def test_who_speaks_is_told_by_voices_dashes_and_labels(text: str, wanted: list[tuple[str, str]]) -> None:
    assert cue(text) == wanted


def test_a_name_of_the_cast_is_a_label_in_any_case() -> None:
    assert cue("Elsa: Hi.", "ELSA") == [("Elsa", "Hi.")]
    assert cue("The plan: we run.", "ELSA") == [("", "The plan: we run.")]


def test_speakers_of_one_cue_share_its_time_by_their_letters() -> None:
    first, second = parse_subtitles("WEBVTT\n\n00:10.000 --> 00:14.000\n<v A>Yes.</v>\n<v B>Why not now?", "it")
    assert (first.start, first.end, second.start, second.end) == (10, 11, 11, 14)


def test_notes_names_of_cues_and_styles_are_not_said() -> None:
    text = ("WEBVTT\n\nSTYLE\n::cue { color: red }\n\nintro\n00:00:01.000 --> 00:00:02.500\nHello\n\nNOTE\na comment\n"
            "\nsecond cue\n00:03.000 --> 00:04.000\nYou.\n")
    assert [c.text for c in parse_subtitles(text, "it")] == ["Hello", "You."]


def test_of_ass_only_dialogue_counts_and_its_name_speaks() -> None:
    assert are_subtitles(ASS)
    assert parse_subtitles(ASS, "it") == [Cue(1.0, 2.5, "Hi you there, man", "Elsa")]


@pytest.mark.parametrize("text", ["", "hello", "[Script Info]\n"])
def test_what_is_none_is_refused(text: str) -> None:
    assert not are_subtitles(text)
    with pytest.raises(InputError, match="no subtitles in it"):
        parse_subtitles(text, "it")


@pytest.mark.parametrize(("text", "spoken"), [
    ("[door slams]", False), ("(sighs) <i>[wind]</i>", False), ("♪ la la ♪", False), ("...", False),
    ("[sighs] No.", True),
])
def test_directions_and_songs_are_not_spoken(text: str, spoken: bool) -> None:
    assert is_spoken(text) is spoken


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encodings_of_subtitles_on_the_disk(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.srt").write_bytes("It’s café time".encode(encoding))
    assert read_text(tmp_path / "a.srt") == "It’s café time"
    with pytest.raises(InputError, match="none.srt"):
        read_text(tmp_path / "none.srt")
    (tmp_path / "a.srt").write_bytes(b"RIFF\0\0\x92\xff")
    with pytest.raises(InputError, match="a.srt is not text"):
        read_text(tmp_path / "a.srt")
