"""How many CPU cores this process may use."""

import os


def cores() -> int:
    """Those that it may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Those, or fewer where `OMP_NUM_THREADS` says so: for libraries that do not read it themselves."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores(), int(asked)) if asked.isdecimal() and int(asked) > 0 else cores()
