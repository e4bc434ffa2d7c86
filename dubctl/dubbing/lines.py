"""The lines of a film: who says what, when, how; from subtitles or JSONL rows, checked before anything is spoken."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubctl.dubbing.acted import Feeling, parse_feeling
from dubctl.dubbing.cast import Cast
from dubctl.dubbing.direction import Wishes
from dubctl.dubbing.section import SHORTEST_WINDOW
from dubctl.errors import DubctlError, InputError
from dubctl.files import parse_jsonl
from dubctl.media.subtitles import are_subtitles, is_spoken, parse_subtitles, without_tags
from dubctl.synth.direction import Direction, directed

_HANDLES = {"rate": "rate", "pitch": "register_st", "energy": "energy_db", "pause": "pause"}  # fields of Direction
NOBODY = Path()  # the prompt of a line that nobody is there to speak
LATE = 1.0  # seconds by which subtitles may outlast their film
LINES = "subtitles (.srt, .vtt, .ass), or JSONL rows with start, end, text"


@dataclass(frozen=True)
class Line:
    """One line of a film: `start` to `end` seconds of it, spoken with `prompt`, as `wishes` say."""

    id: str
    start: float
    end: float
    text: str
    prompt: Path
    speaker: str = ""
    wishes: Wishes = Wishes()


@dataclass(frozen=True)
class Script:
    """Lines in the order of their starts, and the ids of what is left out: only stage directions, or sung."""

    lines: tuple[Line, ...]
    silent: tuple[str, ...] = ()


def read_lines(text: str, where: str, cast: Cast, seconds: float, own: Direction, feeling: Feeling | None,
               folder: Path = Path()) -> Script:
    """Lines of a film of so many `seconds`.

    Args:
        text: subtitles, or JSONL rows: start, end, text, and what a line has of its own: id, speaker, prompt (relative
            to `folder`), emotion, rate, pitch, energy, pause, as the flags of `dub` take them.
        own, feeling: what the director asks of every line that asks for nothing else.

    Raises:
        InputError: neither subtitles nor rows, no line at all, a line outside the film, without words, with a value
            that means nothing, an id twice, or nobody to speak it (`line` says which).
    """
    lines: list[Line] = []
    silent: list[str] = []
    ids: set[str] = set()
    unvoiced: dict[str, int] = {}
    for number, row in enumerate(_rows(text, where, cast), 1):
        try:
            line = _line(row, number, cast, folder, own, feeling)
            left_out = bool(line.text) and not is_spoken(line.text)  # its times say nothing
            line = line if left_out else _checked(line, seconds)
            if line.id in ids:
                raise InputError(f"the id {line.id} again", "give every line its own id")
        except DubctlError as err:
            raise InputError(f"{where}, line {number}: {err.message}", err.hint, line=number) from err
        ids.add(line.id)
        if left_out:
            silent.append(line.id)
            continue
        lines.append(line)
        if line.prompt == NOBODY:
            unvoiced[line.speaker] = unvoiced.get(line.speaker, 0) + 1
    if unvoiced:
        raise _unvoiced(unvoiced, where)
    if not lines:
        raise InputError(f"no lines to speak in {where}", f"give {LINES}")
    return Script(tuple(sorted(lines, key=lambda line: line.start)), tuple(silent))


def _unvoiced(count: Mapping[str, int], where: str) -> InputError:
    told = ", ".join(f"{name or 'lines that name nobody'} ({n})" for name, n in count.items())
    name = next(iter(count)) or "NAME"
    return InputError(f"{where}: no voice for {told}",
                      f"give --prompt {name}=VOICE for each, or --prompt VOICE for everybody else")


def _rows(text: str, where: str, cast: Cast) -> list[dict[str, Any]]:
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        return parse_jsonl(text.lstrip("\ufeff"), where, drop_cut_line=False)
    if not are_subtitles(text):
        raise InputError(f"no lines in {where}", f"give {LINES}")
    return [vars(cue) for cue in parse_subtitles(text, where, cast.spelt)]


def _line(row: Mapping[str, Any], number: int, cast: Cast, folder: Path, own: Direction,
          feeling: Feeling | None) -> Line:
    start, end = _seconds(row, "start"), _seconds(row, "end")
    text, speaker = _words(row, "text") or _words(row, "script"), _words(row, "speaker")
    prompt = cast.voice(speaker) or NOBODY
    if row.get("prompt"):
        prompt = folder / Path(_words(row, "prompt")).expanduser()
        if not prompt.is_file():
            raise InputError(f"no such voice prompt: {prompt}", "check the path")
    own = dataclasses.replace(own, **_handles(row))
    if row.get("emotion"):
        feeling = parse_feeling(_words(row, "emotion"))
    name = re.sub(r"[^\w.-]+", "_", str(row.get("id") or f"{number:04d}"))
    return Line(name, start, end, " ".join(without_tags(text).split()), prompt, speaker, Wishes.of(own, feeling))


def _handles(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `Direction` that a row sets."""
    numbers = [None if row.get(name) is None else _number(row, name) for name in ("rate", "pitch", "energy")]
    pause = row.get("pause")
    asked = directed(*numbers, None if pause is None else str(pause))
    return {field: getattr(asked, field) for name, field in _HANDLES.items() if row.get(name) is not None}


def _checked(line: Line, seconds: float) -> Line:
    if not line.text:
        raise InputError("it has no text", "every line needs text")
    if line.start < 0 or line.start >= seconds or line.end > seconds + LATE:
        raise InputError(f"{line.start:g} to {line.end:g} s lies outside the film, which has {seconds:.2f} s",
                         "are these the lines of this film?")
    line = dataclasses.replace(line, end=min(line.end, seconds))
    if line.end - line.start < SHORTEST_WINDOW:
        raise InputError(f"{line.start:g} to {line.end:g} s is too short to speak in", "check its start and end")
    return line


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name} is no number: {value!r}")
    return float(value)


def _seconds(row: Mapping[str, Any], name: str) -> float:
    if row.get(name) is None:
        raise InputError(f"it has no {name}", "every line needs start and end, in seconds")
    return _number(row, name)


def _words(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name} is not text: {value!r}")
    return (value or "").strip()
