"""Subtitles (SubRip, WebVTT, ASS and what else pysubs2 reads) as cues: when, who, what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from dubctl.errors import InputError

SUBTITLE_SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
BRACKETS = re.compile(r"\[[^][]*\]|\([^()]*\)")  # stage directions and sounds
_TAGS = re.compile(r"\{\\[^{}]*\}|</?[a-zA-Z][^<>]*>")  # ASS overrides, SRT's HTML
_SUNG = re.compile(r"\s*[♪♫]")
_TIMES = re.compile(r"^\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*\d|^\[V4\+? Styles\]", re.MULTILINE)
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)*\s+([^<>]+)>")  # WebVTT: <v.loud Elsa>
_MARK = "\ufdd0"  # never a character of a text: stands where a voice begins, since pysubs2 drops the tag
_DASH = re.compile(r"^[-\u2010-\u2015]\s*(?=\S)")
_CAPITALS = r"[A-Z][A-Z0-9 .'&#-]{0,29}"  # how subtitles for the hard of hearing name who speaks
_HOW = r"(?:\s*[\[(][^\])]*[\])])?"  # ELSA [whispering]:


@dataclass(frozen=True)
class Cue:
    """What is said between `start` and `end`, seconds, without markup; `speaker` "" where nobody is named."""

    start: float
    end: float
    text: str
    speaker: str = ""


def without_tags(text: str) -> str:
    """Subtitles without their formatting."""
    return _TAGS.sub("", text)


def is_spoken(text: str) -> bool:
    """Whether a cue has words to speak: neither sung (♪) nor stage directions alone."""
    return not _SUNG.match(text) and any(c.isalnum() for c in BRACKETS.sub(" ", without_tags(text)))


def are_subtitles(text: str) -> bool:
    """Whether a text has the time codes of subtitles."""
    return _TIMES.search(text) is not None


def read_text(path: Path) -> str:
    """The text of a script or of subtitles (`decode`).

    Raises:
        InputError: it is missing, unreadable, or no text.
    """
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror}", "check the path") from err
    return decode(raw, str(path))


def decode(raw: bytes, where: str) -> str:
    """Text. What is no UTF-8 or UTF-16 is read as Windows-1252, as players do.

    Raises:
        InputError: it is no text.
    """
    marked = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not marked and b"\0" in raw:
        raise InputError(f"{where} is not text", "give a text file")
    try:
        return raw.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def parse_subtitles(text: str, where: str, names: Iterable[str] = ()) -> list[Cue]:
    """Cues in the order of their times; those without text are left out.

    Who speaks is told by WebVTT's <v Name>, by the name of an ASS event, or by a label: ELSA: in capitals, or any of
    `names` before a colon. A cue in which several speak becomes one of each, its time shared by their letters.

    Raises:
        InputError: `where` holds no subtitles.
    """
    import pysubs2

    try:
        found = pysubs2.SSAFile.from_string(_VOICE.sub(rf"{_MARK}\1{_MARK}", text.lstrip("\ufeff")))
    except (pysubs2.Pysubs2Error, ValueError) as err:
        raise InputError(f"no subtitles in {where}: {err}", "give an .srt, .vtt or .ass file") from err
    label = _label(names)
    cues: list[Cue] = []
    for event in found:
        said = event.plaintext
        if event.is_comment or event.is_drawing:
            continue
        if found.format != "ass":  # there an empty line ends a cue; pysubs2 reads on through notes and names of cues
            said = said.lstrip(" \t").partition("\n\n")[0]
        parts = [(who or event.name.strip(), words) for who, words in _parts(said, label) if words]
        cues += _shared(Cue(event.start / 1000, event.end / 1000, ""), parts)
    return sorted(cues, key=lambda cue: cue.start)


def _label(names: Iterable[str]) -> re.Pattern[str]:
    known = "|".join(rf"(?i:{re.escape(name)})" for name in names)
    return re.compile(rf"^({known + '|' if known else ''}{_CAPITALS}){_HOW}\s*:\s+(?=\S)")


def _parts(said: str, label: re.Pattern[str]) -> list[tuple[str, str]]:
    """(who, words) in turn; who is "" before anybody is named."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line in said.splitlines():
        pieces = line.split(_MARK)  # words, then name, words, name, words …
        for i, piece in enumerate(pieces[::2]):
            if i:
                parts.append((pieces[2 * i - 1].strip(), []))
            words = _DASH.sub("", piece.strip())
            if words != piece.strip():
                parts.append(("", []))
            if found := label.match(words):
                parts.append((found[1].strip(), []))
                words = words[found.end():]
            parts[-1][1].append(words)
    told = [(who, " ".join(" ".join(words).split())) for who, words in parts]
    if any(who for who, _ in told):
        return told
    return [("", " ".join(words for _, words in told if words))]  # nobody is named: one reads it all


def _shared(span: Cue, parts: list[tuple[str, str]]) -> list[Cue]:
    letters = sum(len(words) for _, words in parts)
    cues, start = [], span.start
    for who, words in parts:
        end = start + (span.end - span.start) * len(words) / letters
        cues.append(replace(span, start=round(start, 3), end=round(end, 3), text=words, speaker=who))
        start = end
    return cues
