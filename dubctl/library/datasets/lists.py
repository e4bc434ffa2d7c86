"""The list files that the dubbing papers share (StyleDubber, Speaker2Dubber, ProDubber, EmoDubber, V2C).

    train.txt, val.txt                       id|speaker|{P1 P2 …}|raw text
    V2C_train.txt, V2C_val.txt (ProDubber)   Spk/id.wav|IPA|speaker number
    EmoDubber's lists                        name|wav path|phonemes|text
    *Setting2*.txt, Refrence_list_self.txt   id|{phones}|speaker|reference id|{its phones}
    *Setting3*.txt                           id|{phones}|GRID reference id|{its phones}
    emotions.json {id: 0..7}; speakers.json; movie_speaker_id.json {movie: {speaker: ["0059", …]}}

Phones are not taken over: dubctl's front end speaks IPA with stress, and the text is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dubctl.errors import InputError

# V2C's annotation (FER-2013's classes and "others"), by its numbers
EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise", "others")
SPLIT_FILE = re.compile(r"(?:.*[_-])?(train|val|valid|test)(?:_filelist|_list)?\.txt")


@dataclass
class Lists:
    """Everything that lists say. split: id -> "train" or "val" as released; text: id -> words; emotion: id -> number;
    setting2, setting3: (target id, reference id) in the list's order; annotated: ids of movie_speaker_id.json."""

    split: dict[str, str] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    emotion: dict[str, int] = field(default_factory=dict)
    setting2: list[tuple[str, str]] = field(default_factory=list)
    setting3: list[tuple[str, str]] = field(default_factory=list)
    annotated: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def names(self) -> list[str]:
        """The files that were read."""
        return [str(path) for path in self.files]


def read_lists(files: Iterable[Path]) -> Lists:
    """Read those of `files` that are lists, by their names.

    Raises:
        InputError: a list has a line that fits none of the forms (names file and line).
    """
    lists = Lists()
    for path in sorted(files):
        name = path.name.lower()
        if name == "emotions.json":
            lists.emotion |= _emotions(path)
        elif name == "movie_speaker_id.json":
            lists.annotated += _annotated(path)
        elif name.endswith(".txt") and "setting3" in name:
            lists.setting3 += [_pair(path, row, line, 2) for line, row in _rows(path)]
        elif name.endswith(".txt") and ("setting2" in name or name == "refrence_list_self.txt"):
            lists.setting2 += [_pair(path, row, line, 3) for line, row in _rows(path)]
        elif match := SPLIT_FILE.fullmatch(name):
            _split(path, "train" if match[1] == "train" else "val", lists)
        else:
            continue
        lists.files.append(path)
    return lists


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(f"cannot read the list {path}: {err}", "lists are UTF-8 text") from err
    return [(number, [part.strip() for part in line.split("|")])
            for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _split(path: Path, split: str, lists: Lists) -> None:
    for number, row in _rows(path):
        if len(row) not in (3, 4) or not row[0]:
            raise InputError(f"{path}, line {number}: expected `id|speaker|{{phones}}|text` or `speaker/id.wav|phones|"
                             f"number`, not {len(row)} fields", "see docs/reproduce.md for the lists that are read",
                             number)
        id = Path(row[0]).stem if row[0].lower().endswith(".wav") else row[0]
        if lists.split.setdefault(id, split) != split:
            lists.conflicts.append(id)
            lists.split[id] = "val"  # a clip of both lists must not train
        if len(row) == 4 and row[3]:
            lists.text.setdefault(id, " ".join(row[3].split()))


def _pair(path: Path, row: list[str], line: int, place: int) -> tuple[str, str]:
    """(target, reference) of a setting's list; the reference is field `place` (from 0)."""
    if len(row) != place + 2 or not row[0] or not row[place]:
        raise InputError(f"{path}, line {line}: expected {place + 2} fields between `|`, not {len(row)}",
                         "see docs/reproduce.md for the lists that are read", line)
    return row[0], row[place]


def _emotions(path: Path) -> dict[str, int]:
    table = _json(path)
    for id, number in table.items():
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(EMOTIONS):
            raise InputError(f"{path}: the emotion of `{id}` is {number!r:.20}", f"numbers 0 to {len(EMOTIONS) - 1}")
    return table


def _annotated(path: Path) -> list[str]:
    return [f"{film}@{speaker}_00_{number}_00" for film, speakers in _json(path).items()
            for speaker, numbers in dict(speakers).items() for number in numbers]


def _json(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as err:
        raise InputError(f"cannot read {path}: {err}", "it should be one JSON object") from err
    if not isinstance(table, dict):
        raise InputError(f"{path}: not a JSON object", "it should be one JSON object")
    return table
