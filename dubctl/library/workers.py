"""Clips spread over processes, each with its own extractors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dubctl.errors import DependencyError
from dubctl.workers import spread

if TYPE_CHECKING:
    from dubctl.emotion.base import Profile
    from dubctl.library.datasets import DatasetItem
    from dubctl.library.extract_clip import Extracted

_profile: Profile | None = None  # a worker's own extractors


def results(work: Mapping[str, DatasetItem], profile: Profile, loader: Callable[[], Profile], jobs: int
            ) -> Iterator[tuple[str, Extracted]]:
    """(key, result) of each clip as it is finished; in order with one job, which uses `profile` itself, as does
    a profile that is to be there only once.

    Raises:
        DependencyError: a worker process was killed, or lacks what every clip needs.
    """
    from dubctl.library.extract_clip import extract_clip

    if jobs <= 1 or len(work) <= 1 or profile.alone:
        for part in _parts(work, profile.ahead.clips if profile.ahead is not None else 1):
            if profile.ahead is not None:
                profile.ahead.look(_frames(part.values()))
            yield from ((key, extract_clip(item, profile)) for key, item in part.items())
        return
    yield from spread(work, _extract, jobs, partial(_load, loader))


def _parts(work: Mapping[str, DatasetItem], size: int) -> Iterator[dict[str, DatasetItem]]:
    items = iter(work.items())
    while part := dict(itertools.islice(items, size)):
        yield part


def _frames(items: Iterable[DatasetItem]) -> list[np.ndarray]:
    """Pictures of the clips that have any; what cannot be read is found and reported when it is the clip's turn."""
    from dubctl.library.footage import load_footage

    found = []
    for item in items:
        try:
            found.append(load_footage(item.video, None, item.start, item.end).frames if item.video else None)
        except DependencyError:
            raise
        except Exception:  # a decoder's own failure, see extract_clip
            continue
    return [frames for frames in found if frames is not None]


def _load(loader: Callable[[], Profile]) -> None:
    global _profile
    _profile = loader()


def _extract(item: DatasetItem) -> Extracted:
    from dubctl.library.extract_clip import extract_clip

    assert _profile is not None
    return extract_clip(item, _profile)
