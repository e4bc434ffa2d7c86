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
        self._wall: dict[str, float] = {}
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
            self._wall[name] = self._wall.get(name, 0.0) + time.monotonic() - wall
            self._cpu[name] = self._cpu.get(name, 0.0) + cpu() - spent

    def report(self, clip_seconds: float) -> dict[str, Any]:
        """Stages and total {wall_s, cpu_s}; `warm_real_time_factor`: wall seconds of all stages but `COLD` over the
        clip's. Stages that overlap count fully, so it errs to the slow side."""
        stages = {name: {"wall_s": round(self._wall[name], 3), "cpu_s": round(self._cpu[name], 3)}
                  for name in self._wall}
        warm = sum(wall for name, wall in self._wall.items() if name not in COLD)
        return {"stages": stages, "total": {"wall_s": round(time.monotonic() - self._began, 3),
                                            "cpu_s": round(_process_cpu() - self._began_cpu, 3)},
                "warm_real_time_factor": round(warm / clip_seconds, 3)}


def _process_cpu() -> float:
    """CPU seconds of this process, all threads, and of child processes that have ended (ffmpeg)."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
