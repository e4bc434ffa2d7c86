"""Work spread over processes, each of which computes with one thread."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import TypeVar

from dubctl.errors import DependencyError

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def spread(work: Mapping[str, Item], do: Callable[[Item], Result], jobs: int,
           start: Callable[[], None] | None = None) -> Iterator[tuple[str, Result]]:
    """(key, do(item)) of each item as it is finished, in no order.

    Args:
        do: is sent to the processes, as is what it takes, returns and raises; what it raises ends the work.
        start: called once in each process before its first item.

    Raises:
        DependencyError: a worker process was killed.
    """
    with _one_thread_each(), ProcessPoolExecutor(min(jobs, len(work)), get_context("spawn"), _begin, (start,)) as pool:
        try:
            yield from _results(pool, work, do, jobs)
        except BrokenProcessPool as err:
            raise DependencyError("a worker process was killed (out of memory?)",
                                  "run the same command with fewer --jobs; what is finished is kept") from err
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _results(pool: ProcessPoolExecutor, work: Mapping[str, Item], do: Callable[[Item], Result], jobs: int
             ) -> Iterator[tuple[str, Result]]:
    queue = iter(work.items())
    running: dict[Future[Result], str] = {}

    def fill() -> None:  # one more than can run, so that an interrupt does not wait for a long queue
        while len(running) <= jobs and (entry := next(queue, None)) is not None:
            running[pool.submit(do, entry[1])] = entry[0]

    fill()
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result()
        fill()


def _begin(start: Callable[[], None] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears the interrupt and ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if start is not None:
        start()
    _use_one_thread()


def _end_with_parent() -> None:
    """A parent that was killed cannot tell its workers; without this they would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _use_one_thread() -> None:
    """These two do not look at the environment alone. Who needs neither should not pay for them."""
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


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
