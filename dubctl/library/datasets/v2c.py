"""V2C-Animation (Chen et al. 2022) as people have it.

    raw toolkit output     <movie>/<movie>_speeches/<Spk>/00/<Spk>-00-NNNN.wav and .normalized.txt (16 kHz)
                           <movie>/<movie>_videos/<Spk>/NNNN.mp4
    "chenqi-Denoise2"      <Movie@Spk>/<Movie@Spk>_00_NNNN_00.wav and .lab (22.05 kHz), lists and features beside it
    cut by oneself         <Movie@Spk>_00_NNNN_00.mp4 anywhere

A clip's id is `Movie@Speaker_00_NNNN_00`. Several of these may lie below the folders given, and they join by id: the
sound comes from the cleaned download where there is one, the picture from the toolkit's clips.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dubctl.library.datasets.base import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from dubctl.library.datasets.lists import EMOTIONS, Lists
from dubctl.library.datasets.survey import Clue, Survey, gather, recognised

NAME = "V2C-Animation"
ID = re.compile(r"(?P<film>[^@/]+)@(?P<who>.+)_00_(?P<number>\d{4,})_00")
RAW = re.compile(r"(?P<who>.+)-00-(?P<number>\d{4,})")
SPOKEN, FILMED = "_speeches", "_videos"


def claims(source: str) -> bool:
    """Whether most media of a folder are named as V2C-Animation names them."""
    return recognised(source, clue)


def survey(roots: Sequence[Path], split: str = "carved") -> Survey:
    """Clips below some folders, with the lists beside them. See `survey.gather` for what is raised."""
    return gather(roots, clue, name=NAME, split=split, group="film", words=_words, emotion=_emotion)


def clue(path: Path) -> Clue | None:
    """What a file of V2C-Animation is, None for any other."""
    kind = _kind(path)
    if not kind:
        return None
    if match := ID.fullmatch(path.name.split(".")[0]):
        return _clue(kind, 0, **match.groupdict())
    parts = path.parts
    for place in range(len(parts) - 2, -1, -1):
        if parts[place].endswith(SPOKEN) and (match := RAW.fullmatch(path.name.split(".")[0])):
            return _clue(kind, 1, film=parts[place].removesuffix(SPOKEN), **match.groupdict())
        if parts[place].endswith(FILMED) and kind == "video" and path.stem.isdigit() and place + 2 < len(parts):
            return _clue(kind, 1, film=parts[place].removesuffix(FILMED), who=parts[place + 1], number=path.stem)
    return None


def _clue(kind: str, rank: int, film: str, who: str, number: str) -> Clue:
    return Clue(kind, f"{film}@{who}_00_{number}_00", rank, f"{film}@{who}", film)


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in AUDIO_SUFFIXES:
        return "audio"
    if suffix in VIDEO_SUFFIXES:
        return "video"
    return "text" if suffix == ".lab" or path.name.endswith(".normalized.txt") else ""


def _words(_: str, file: Path | None) -> str:
    return "" if file is None else " ".join(file.read_text(encoding="utf-8-sig").split())


def _emotion(id: str, lists: Lists) -> str:
    return EMOTIONS[lists.emotion[id]] if id in lists.emotion else ""
