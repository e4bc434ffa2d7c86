"""What an extraction has finished, kept so that a kill at any moment loses nothing and repeats nothing.

`work/clips/KEY.safetensors` holds a clip's arrays, `work/journal.jsonl` its facts; a clip counts as finished once its
line is in the journal, and its line is written after its arrays are on the disk. KEY is a hash of everything the
result depends on, so that a changed clip, script or model is another clip.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from dubctl.errors import InputError, UsageError
from dubctl.files import append_jsonl, read_jsonl, write_json, write_jsonl
from dubctl.library.store import write_tensors

try:
    import fcntl
except ImportError:  # not a Unix: two extractions into one folder are then not told apart
    fcntl = None  # type: ignore[assignment]


class Journal:
    """The finished clips of one library folder. `warnings` lists what had to be mended on opening."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.warnings = folder, list[str]()
        self._file, self._clips = folder / "journal.jsonl", folder / "clips"
        self._facts: dict[str, dict[str, Any]] = {}
        if self._file.is_file():
            self._read()

    def _read(self) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            rows = read_jsonl(self._file)
        self.warnings = [str(warning.message) for warning in caught]
        if caught:
            write_jsonl(self._file, rows)  # appending after the cut line would leave it in the middle
        self._facts = {row["key"]: row["facts"] for row in rows if "key" in row and "facts" in row}

    def __contains__(self, key: str) -> bool:
        return key in self._facts and self._arrays(key).is_file()

    def __len__(self) -> int:
        return len(self._facts)

    def add(self, key: str, id: str, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Record a finished clip; when this returns it is on the disk."""
        write_tensors(self._arrays(key), arrays)
        append_jsonl(self._file, {"key": key, "id": id, "facts": facts})
        self._facts[key] = dict(facts)

    def read(self, key: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Facts and arrays of a finished clip.

        Raises:
            InputError: its arrays cannot be read.
        """
        try:
            return self._facts[key], load_file(self._arrays(key))
        except (OSError, SafetensorError) as err:
            raise InputError(f"cannot read {self._arrays(key)}: {err}", "delete that file and run again") from err

    def keep_only(self, keys: Set[str]) -> None:
        """Forget every clip that is not in `keys`, and files that no line speaks of."""
        if set(self._facts) - keys:
            self._facts = {key: facts for key, facts in self._facts.items() if key in keys}
            write_jsonl(self._file, ({"key": key, "facts": facts} for key, facts in self._facts.items()))
        for file in self._clips.glob("*"):
            if file.stem not in self._facts:
                file.unlink(missing_ok=True)

    def _arrays(self, key: str) -> Path:
        return self._clips / f"{key}.safetensors"


def start_over(folder: Path) -> None:
    """Forget all finished clips."""
    for name in ("clips", "journal.jsonl", "settings.json"):
        path = folder / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def write_settings(folder: Path, settings: Mapping[str, Any], complete: bool) -> None:
    """Record what the clips in `folder` are made with, and whether a library was written from them."""
    write_json(folder / "settings.json", {**settings, "complete": complete})


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; the lock goes with the process, however it ends.

    Raises:
        UsageError: another extraction is writing there.
        InputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / "lock").open("a")
    except OSError as err:
        raise InputError(f"cannot write {folder}: {err.strerror}", "choose another output folder") from err
    with handle:
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as err:
                raise UsageError(f"another `dubctl extract` is writing {folder.parent}", "wait for it to end") from err
        yield
