"""Clips spread over processes. Each worker has its own extractors and computes with one thread."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING

import numpy as np

from dubctl.errors import DependencyError

if TYPE_CHECKING:
    from dubctl.emotion.base import Profile
    from dubctl.library.datasets import DatasetItem
    from dubctl.library.extract_clip import Extracted

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
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
    jobs = min(jobs, len(work))
    with _one_thread_each(), ProcessPoolExecutor(jobs, get_context("spawn"), _start, (loader,)) as pool:
        try:
            yield from _spread(pool, work, jobs)
        except BrokenProcessPool as err:
            raise DependencyError("a worker process was killed (out of memory?)",
                                  "run the same command with fewer --jobs; finished clips are kept") from err
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


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


def _spread(pool: ProcessPoolExecutor, work: Mapping[str, DatasetItem], jobs: int) -> Iterator[tuple[str, Extracted]]:
    queue = iter(work.items())
    running: dict[Future[Extracted], str] = {}

    def fill() -> None:  # few at a time, so that an interrupt does not wait for a long queue
        while len(running) < 2 * jobs and (entry := next(queue, None)) is not None:
            running[pool.submit(_extract, entry[1])] = entry[0]

    fill()
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result()
        fill()


def _start(loader: Callable[[], Profile]) -> None:
    global _profile
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears the interrupt and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _profile = loader()
    _use_one_thread()


def _end_with_parent() -> None:
    """A parent that was killed cannot tell its workers; without this they would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _use_one_thread() -> None:
    """These two do not look at the environment alone. A profile that needs neither should not pay for them."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _extract(item: DatasetItem) -> Extracted:
    from dubctl.library.extract_clip import extract_clip

    assert _profile is not None
    return extract_clip(item, _profile)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Numeric libraries read these when a worker loads them; the parent has loaded them already."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
