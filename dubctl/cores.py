"""What of the machine this process may use."""

import os
from pathlib import Path

_MEMORY = Path("/proc/meminfo")


def cores() -> int:
    """Those that it may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Those, or fewer where `OMP_NUM_THREADS` says so: for libraries that do not read it themselves."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores(), int(asked)) if asked.isdecimal() and int(asked) > 0 else cores()


def free_memory() -> float:
    """Bytes that can be had without swapping; infinite where the system does not say."""
    try:
        lines = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
        return 1024.0 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError, IndexError):
        return float("inf")
