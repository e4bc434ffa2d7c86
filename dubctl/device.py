"""Which device to compute on."""

from __future__ import annotations

import re

from dubctl.config import nearest
from dubctl.errors import DependencyError, UsageError

_NAMES = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def resolve_device(name: str) -> str:
    """The torch device that `--device NAME` means; auto takes cuda, else cpu (MPS only if asked: it lacks operators).

    Raises:
        UsageError: not auto, cpu, cuda, cuda:N or mps.
        DependencyError: this machine has no such device.
    """
    if not _NAMES.fullmatch(name):
        raise UsageError(f"--device: unknown device '{name}'", nearest(name, ["auto", "cpu", "cuda", "mps"]))
    if name == "cpu":
        return name
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if count else "cpu"
    if name == "mps" and not torch.backends.mps.is_available():
        raise DependencyError("--device mps: this machine has no Apple GPU", "use --device cpu")
    if name.startswith("cuda") and int(name.partition(":")[2] or 0) >= count:
        raise DependencyError(f"--device {name}: torch sees {count} CUDA devices", "use --device cpu, or see nvidia-smi")
    return name
