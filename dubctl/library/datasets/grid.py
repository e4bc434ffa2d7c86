"""GRID (Cooke et al. 2006) as distributed, and as the dubbing papers share it.

    as distributed      audio_25k/s1/bbaf2n.wav or s1/bbaf2n.wav, video/s1/bbaf2n.mpg (.mp4), align/…/bbaf2n.align
    Grid_resample_ABS   s1/s1-bbaf2n.wav and .lab (22.05 kHz), lists beside it

A clip's id is `s1-bbaf2n`. Its six letters are its sentence: bin|lay|place|set, a colour, a preposition, a letter, a
digit, an adverb; so the words are known without any file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dubctl.library.datasets.base import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from dubctl.library.datasets.survey import Clue, Survey, gather, recognised

NAME = "GRID"
CODE = re.compile(r"(?:(?P<who>s\d+)[-_])?(?P<code>[blps][bgrw][abiw][a-z][0-9z][anps])")
SPEAKER = re.compile(r"(?:^|[_-])(s\d{1,2})(?=$|[._-])")  # folders s1, s1_50kHz, s1.mpg_vcd, grid_s1
WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"}, {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"}, {},
    {**dict(zip("123456789", "one two three four five six seven eight nine".split(), strict=True)), "z": "zero",
     "0": "zero"},
    {"a": "again", "n": "now", "p": "please", "s": "soon"})


def claims(source: str) -> bool:
    """Whether most media of a folder are named as GRID names them."""
    return recognised(source, clue)


def survey(roots: Sequence[Path], split: str = "carved") -> Survey:
    """Clips below some folders, with the lists beside them. See `survey.gather` for what is raised."""
    return gather(roots, clue, name=NAME, split=split, group="speaker", words=_words)


def clue(path: Path) -> Clue | None:
    """What a file of GRID is, None for any other."""
    suffix = path.suffix.lower()
    kind = ("audio" if suffix in AUDIO_SUFFIXES else "video" if suffix in VIDEO_SUFFIXES else
            "text" if suffix in (".lab", ".align") else "")
    match = CODE.fullmatch(path.stem) if kind else None
    if match is None:
        return None
    folders = (found[1] for part in reversed(path.parent.parts) if (found := SPEAKER.search(part)))
    who = match["who"] or next(folders, "")  # without a speaker the same sentence of two people would be one clip
    return Clue(kind, f"{who}-{match['code']}", suffix == ".align" or match["who"] is None, who) if who else None


def sentence(id: str) -> str:
    """The words of a clip, out of its name: `s1-bbaf2n` is "bin blue at f two now"."""
    return " ".join(table.get(letter, letter) for table, letter in zip(WORDS, id[-6:], strict=True))


def _words(id: str, file: Path | None) -> str:
    if file is not None and file.suffix == ".lab":
        return " ".join(file.read_text(encoding="utf-8-sig").split())
    return sentence(id)
