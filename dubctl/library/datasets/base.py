"""What a dataset gives: items, and the readers that recognise a layout on the disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".ts", ".flv", ".wmv"})
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".opus", ".ogg", ".m4a", ".aac"})
TEXT_SUFFIXES = (".txt", ".lab")


@dataclass(frozen=True)
class DatasetItem:
    """One clip to extract. `problem` is why it cannot be (its media are missing, its text unreadable), or "".

    start, end: seconds inside the media, None for the whole. line: its line in the manifest. extra: other columns.
    """

    id: str
    video: Path | None = None
    audio: Path | None = None
    text: str = ""
    speaker: str = ""
    emotion: str = ""
    split: str = ""
    film: str = ""
    start: float | None = None
    end: float | None = None
    line: int | None = None
    problem: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class DatasetReader(NamedTuple):
    """A layout: `claims(source)` says whether a path has it, `read(source)` gives its clips in order."""

    name: str
    claims: Callable[[str], bool]
    read: Callable[[str], list[DatasetItem]]
