"""Lip-reading features that come with a download (`{speaker}-face-{id}.npy`, one row a 25-fps frame, 512 wide).

They stand for the lip landmarks in a network whose `lip_features` is their width. A library's row names the file.
Frames in which no face was found are absent from the released features, so their clock may run short of the clip's.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from dubctl.errors import InputError
from dubctl.library.released import clip_of
from dubctl.library.schema import FPS
from dubctl.library.store import Library

FIELD = "lip_features"  # of a manifest's and a library's rows
FOLDER = "extrated_embedding"  # spelt so in the downloads: extrated_embedding_V2C_gray, …_Grid_152_gray
LANDMARKS = 4  # width of the features that dubctl measures itself


def sort_lip_features(files: Iterable[Path], known: Collection[str]) -> dict[str, str]:
    """Absolute path of the lip features of each clip that has some."""
    found = {}
    for path in files:
        if path.parent.name.startswith(FOLDER) and "-face-" in path.stem and (clip := clip_of(path.stem, known)):
            found.setdefault(clip[0], os.path.abspath(path))
    return found


def lip_features_of(library: Library, place: int, width: int, start: float, end: float) -> np.ndarray | None:
    """Features (V, width) float32 of the seconds start..end of a clip, None where it has none or fewer than two frames.

    Raises:
        InputError: the file is unreadable or of another width.
    """
    name = library.rows[place].extra.get(FIELD)
    if not isinstance(name, str) or not name:
        return None
    try:
        values = np.load(library.path / name, allow_pickle=False)
    except (OSError, ValueError) as err:
        raise InputError(f"cannot read the lip features {name}: {err}", "import the dataset again") from err
    if values.ndim != 2 or values.shape[1] != width or not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"{name}: expected lip features (frames, {width}), not {values.dtype} {values.shape}",
                         "set `[train.model] lip_features` to their width")
    part = values[max(0, round(start * FPS)):round(end * FPS)].astype(np.float32)
    return part if len(part) > 1 else None
