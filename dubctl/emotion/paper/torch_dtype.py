"""Number format of a network on a device."""

from __future__ import annotations

import torch

FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def dtype_on(device: str, name: str) -> torch.dtype:
    """The format called `name` on an accelerator; a CPU computes in float32, where it is quicker and exact."""
    return torch.float32 if device.startswith("cpu") else FORMATS[name]
