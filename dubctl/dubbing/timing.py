"""Where the time of a dub goes: wall and CPU seconds of each stage, and the real-time factor of the warm part."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

COLD = ("imports", "loading")  # paid once a process, however many clips it dubs


class Timing:
    """A stopwatch with named stages, from its creation on. Stages of other threads may overlap."""

    def __init__(self) -> None:
        self._began, self._began_cpu = time.monotonic(), _process_cpu()
        self._spans: list[tuple[str, float, float]] = []  # a list: threads append to it
        self._cpu: dict[str, float] = {}

    @contextmanager
    def part(self, name: str, *, alone: bool = True) -> Iterator[None]:
        """Count a block towards stage `name`. `alone`: no other stage runs meanwhile, so that the CPU time of all
        threads and of ffmpeg belongs to it; else only the calling thread's own is counted."""
        cpu = _process_cpu if alone else time.thread_time
        wall, spent = time.monotonic(), cpu()
        try:
            yield
        finally:
            self._spans.append((name, wall, time.monotonic()))
            self._cpu[name] = self._cpu.get(name, 0.0) + cpu() - spent

    def report(self, clip_seconds: float) -> dict[str, Any]:
        """Stages and total {wall_s, cpu_s}; `warm_real_time_factor`: the time in which any stage but `COLD` ran, over
        the clip's. In a cold process those that run beside the imports are slowed by them and count as they were."""
        spans = list(self._spans)
        stages = {name: {"wall_s": round(covered([(a, b) for other, a, b in spans if other == name]), 3),
                         "cpu_s": round(self._cpu[name], 3)} for name in dict.fromkeys(name for name, _, _ in spans)}
        warm = covered([(a, b) for name, a, b in spans if name not in COLD])
        return {"stages": stages, "total": {"wall_s": round(time.monotonic() - self._began, 3),
                                            "cpu_s": round(_process_cpu() - self._began_cpu, 3)},
                "warm_real_time_factor": round(warm / clip_seconds, 3)}


def covered(spans: list[tuple[float, float]]) -> float:
    """Length of the union of (start, stop) intervals."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def _process_cpu() -> float:
    """CPU seconds of this process, all threads, and of child processes that have ended (ffmpeg)."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
