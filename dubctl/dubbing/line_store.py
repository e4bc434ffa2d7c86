"""The finished lines of a film on the disk: OUT.lines/ID.wav and ID.json, each known by the key of what made it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dubctl.files import write_json
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.mel import RATE

_MOVING = ".moving-"


class LineStore:
    """A folder of lines. A line counts as finished once its report is there, which is written last."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def wav(self, id: str) -> Path:
        return self.folder / f"{id}.wav"

    def sound(self, id: str) -> np.ndarray:
        """Its speech, mono (S,) at 22,050 Hz."""
        return load_audio(self.wav(id), RATE)

    def report(self, id: str) -> dict[str, Any]:
        """Its report; empty where there is none that can be read."""
        return _read(self._json(id))

    def has(self, id: str, key: str) -> bool:
        return self.report(id).get("key") == key and self.wav(id).is_file()

    def add(self, id: str, key: str, track: np.ndarray, report: Mapping[str, Any]) -> None:
        """Write a line: track (S,) at 22,050 Hz and its report."""
        save_wav(self.wav(id), track, RATE)
        write_json(self._json(id), {**report, "id": id, "key": key})

    def forget(self, id: str) -> None:
        """Remove what an earlier run made of a line: it would pass for this run's."""
        self._json(id).unlink(missing_ok=True)
        self.wav(id).unlink(missing_ok=True)

    def renumber(self, keys: Mapping[str, str]) -> None:
        """Give lines that are finished under another id (a cue was put in before them) the id that `keys` {id: key} has
        for them. A line that is where it belongs stays, though another be the same word for word."""
        found = {report["key"]: path.stem for path, report in self._reports() if keys.get(path.stem) != report["key"]}
        moves = {id: found[key] for id, key in keys.items() if key in found and not self.has(id, key)}
        for new, old in moves.items():
            for path in (self.wav(old), self._json(old)):
                if path.is_file():
                    os.replace(path, path.with_name(f"{_MOVING}{new}{path.suffix}"))
        for new in moves:
            moving = self.folder / f"{_MOVING}{new}.json"
            report = _read(moving) | {"id": new, "output": str(self.wav(new))}
            if moving.with_suffix(".wav").is_file():
                os.replace(moving.with_suffix(".wav"), self.wav(new))
                write_json(self._json(new), report)
            moving.unlink(missing_ok=True)

    def keep_only(self, ids: Iterable[str]) -> None:
        """Remove lines that the film no longer has: `eval` would take them for its own."""
        kept = set(ids)
        for path, _ in self._reports():
            if path.stem not in kept:
                self.forget(path.stem)

    def _json(self, id: str) -> Path:
        return self.folder / f"{id}.json"

    def _reports(self) -> list[tuple[Path, dict[str, Any]]]:
        return [(path, report) for path in sorted(self.folder.glob("[!.]*.json")) if "key" in (report := _read(path))]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
