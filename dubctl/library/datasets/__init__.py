"""Reading reference footage as people have it on disk. Every layout is one reader in `READERS`; the first that claims
a path reads it.

    manifest.py   `manifest.jsonl` or `manifest.csv` in a folder, any such file by its path, or "-" for stdin
    v2c.py        V2C-Animation: the toolkit's raw output, or the "chenqi-Denoise2" download
    grid.py       GRID as distributed, or resampled as the dubbing papers share it
    loose.py      a folder of media with the words beside them (`.txt` or `.lab`; subtitles: a clip a cue)
    lists.py, splits.py, settings.py   the community's list files, splits, and the three dubbing settings
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dubctl.errors import InputError
from dubctl.library.datasets import grid, v2c
from dubctl.library.datasets.base import DatasetItem, DatasetReader
from dubctl.library.datasets.loose import read_loose
from dubctl.library.datasets.manifest import MANIFESTS, manifest_of, parse_manifest, read_manifest, read_stdin

__all__ = ["READERS", "DatasetItem", "DatasetReader", "describe_readers", "parse_manifest", "read_dataset"]


def read_dataset(source: str | Path) -> list[DatasetItem]:
    """Clips of a dataset, in a fixed order, with unique ids.

    Raises:
        InputError: nothing there, a bad manifest row (with its line), a repeated id, or no clip at all.
    """
    source = str(source)
    reader = next((reader for reader in READERS if reader.claims(source)), None)
    if reader is None:
        what = "not a folder, .jsonl or .csv file" if Path(source).exists() else "no such file or folder"
        raise InputError(f"cannot read a dataset from {source}: {what}",
                         "give a folder of clips, a manifest, or - for a manifest on stdin")
    items = reader.read(source)
    if not items:
        raise InputError(f"no clips in {source}",
                         f"expected {MANIFESTS[0]}, {MANIFESTS[1]}, or media with .txt, .lab or .srt files beside them")
    lines: dict[str, int | None] = {}
    for item in items:
        if item.id in lines:
            places = f" (lines {lines[item.id]} and {item.line})" if item.line else ""
            raise InputError(f"{source}: two clips have the id `{item.id}`{places}", "ids must be unique",
                             line=item.line)
        lines[item.id] = item.line
    return items


READERS: list[DatasetReader] = [
    DatasetReader("stdin manifest", lambda source: source == "-", read_stdin),
    DatasetReader("manifest", lambda source: manifest_of(source) is not None, read_manifest),
    DatasetReader("V2C-Animation", v2c.claims, lambda source: v2c.survey([Path(source)]).items),
    DatasetReader("GRID", grid.claims, lambda source: grid.survey([Path(source)]).items),
    DatasetReader("media with text beside them", lambda source: Path(source).is_dir(), read_loose),
]


def describe_readers(readers: Iterable[DatasetReader] = READERS) -> str:
    """The layouts `extract` reads, for help texts."""
    return "; ".join(reader.name for reader in readers)
