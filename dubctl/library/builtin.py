"""The small reference library that ships with dubctl, for dubbing without one of one's own.

It lies in `models/reference-library`; its card says what it is made of: vectors and captions only, no media.
`models/recipes/build_reference_library.py` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dubctl.assets import model_file
from dubctl.emotion.base import EmotionSpace
from dubctl.errors import DependencyError, InputError
from dubctl.library.store import CARD, Library

FOLDER, NAME = "reference-library", "built-in"


def builtin_path() -> Path:
    """Folder of the built-in library.

    Raises:
        DependencyError: it is not there.
    """
    return model_file(FOLDER, CARD).parent


def builtin_library(spaces: Mapping[str, EmotionSpace] | None = None) -> Library:
    """The built-in library; its references call it "built-in".

    Args:
        spaces: the spaces the caller's vectors live in (`Profile.spaces()`); None skips that check.

    Raises:
        DependencyError: it is missing or damaged, or belongs to other weights than the profile in use.
    """
    path = builtin_path()
    try:
        return Library.open(path, spaces)
    except InputError as err:
        raise DependencyError(f"the built-in reference library cannot serve: {err.message}",
                              "give a library of your own with --library, or reinstall dubctl") from err


def open_library(name: str | Path | None, spaces: Mapping[str, EmotionSpace] | None = None) -> Library:
    """The library at a path; the built-in one for None or for the name that its references carry.

    Raises:
        InputError, DependencyError: as `Library.open` and `builtin_library`.
    """
    return builtin_library(spaces) if name is None or str(name) == NAME else Library.open(name, spaces)
