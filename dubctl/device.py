"""Which device to compute on."""

from __future__ import annotations

from dubctl.errors import DependencyError


def resolve_device(name: str) -> str:
    """The torch device that `--device NAME` means: auto takes CUDA, else the CPU; MPS must be asked for.

    Raises:
        DependencyError: this machine has no such device.
    """
    if name == "cpu":
        return name
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if count else "cpu"
    if name == "mps" and not torch.backends.mps.is_available():
        raise DependencyError("--device mps: this machine has no Apple GPU", "use --device cpu")
    if name.startswith("cuda") and int(name.partition(":")[2] or 0) >= count:
        raise DependencyError(f"--device {name}: torch sees {count} CUDA devices", "use --device cpu")
    return name
