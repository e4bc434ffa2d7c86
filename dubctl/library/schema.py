"""What one row of a reference footage library says, and how it is written down (`clips.jsonl`)."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dubctl.emotion.base import EMOTIONS
from dubctl.errors import InputError

SCHEMA_VERSION = 1
RATE, FPS = 22050, 25.0  # the clocks of `samples` and `frames`
QUERY_MODALITIES = ("scene", "face", "text")  # what footage is searched by; audio is what a search brings back
VECTORS = ("scene", "face", "text_self", "text_react", "audio")
MASKS = {"scene": "scene", "face": "face", "text_self": "text", "text_react": "text", "audio": "audio"}


@dataclass(frozen=True)
class ClipRow:
    """One clip of reference footage: line i of `clips.jsonl`, row i of every tensor in `vectors.safetensors`.

    video, audio: media paths as written, relative to the library folder or absolute; "" where there is none.
    start, end: seconds inside the media where the clip is a cut of it. seconds: length of the clip; samples: of its
    sound at 22.05 kHz (0 without sound); frames: of its picture at 25 fps (0 without picture).
    captions: scene, face, reaction. profiles: 7 probabilities in the order of `EMOTIONS` for scene, face and text.
    digests: SHA-256 of the media, so that a clip can be recognised under another name. status: "ok" or "failed",
    the latter with `error` and no vectors. extra: fields of the row that this version does not know, kept as read.
    """

    id: str
    speaker: str = ""
    text: str = ""
    emotion: str = ""
    split: str = ""
    film: str = ""
    video: str = ""
    audio: str = ""
    start: float | None = None
    end: float | None = None
    seconds: float = 0.0
    samples: int = 0
    frames: int = 0
    captions: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, list[float]] = field(default_factory=dict)
    stats: dict[str, float] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    key: str = ""
    status: str = "ok"
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """The JSON object of this row; unknown fields stand beside the known ones again."""
        row = {name: getattr(self, name) for name in _FIELDS}
        return {**row, **{name: value for name, value in self.extra.items() if name not in _FIELDS}}

    @classmethod
    def from_row(cls, row: Mapping[str, Any], where: str = "clips.jsonl", line: int | None = None) -> ClipRow:
        """Build from a JSON object.

        Raises:
            InputError: a field has the wrong type or value (names file, line and field).
        """
        known = {name: row[name] for name in _FIELDS if row.get(name) is not None}
        place = f"{where}, line {line}" if line else where
        for name, value in known.items():
            if not isinstance(value, _FIELDS[name]) or isinstance(value, bool):
                raise InputError(f"{place}: `{name}` should be {_NAMES[_FIELDS[name]]}, not {value!r:.60}", line=line)
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{place}: `{name}` is not a finite number", line=line)
        if not known.get("id"):
            raise InputError(f"{place}: the row has no `id`", line=line)
        for name, values in known.get("profiles", {}).items():
            if not isinstance(values, list) or len(values) != len(EMOTIONS):
                raise InputError(f"{place}: profile `{name}` should be {len(EMOTIONS)} numbers", line=line)
        return cls(**known, extra={name: value for name, value in row.items() if name not in _FIELDS})


_NAMES = {str: "text", (int, float): "a number", int: "a whole number", dict: "an object", list: "a list"}
_KINDS: dict[str, Any] = {"str": str, "float": (int, float), "float | None": (int, float), "int": int}
_FIELDS: dict[str, Any] = {f.name: _KINDS.get(str(f.type), list if str(f.type).startswith("list") else dict)
                           for f in fields(ClipRow) if f.name != "extra"}
ROW_FIELDS = frozenset(_FIELDS)  # the names a dataset's own extra columns must not shadow


def store_path(media: Path | None, library: Path) -> str:
    """How a library names `media`: relative if both lie under the library's parent folder, else absolute; "" for None.

    A dataset and the library made from it usually stand side by side and move together; anything else on the disk
    would break when only the library moves.
    """
    if media is None:
        return ""
    media, library = Path(os.path.abspath(media)), Path(os.path.abspath(library))
    if media.is_relative_to(library.parent):
        return Path(os.path.relpath(media, library)).as_posix()
    return str(media)


def resolve_path(stored: str, library: Path) -> Path | None:
    """The media file a row names, or None where it names none. The inverse of `store_path`."""
    return Path(os.path.normpath(library / stored)) if stored else None
