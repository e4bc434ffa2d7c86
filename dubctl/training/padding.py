"""Rows of different lengths as one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def pad(rows: Sequence[torch.Tensor], length: int) -> torch.Tensor:
    """Stack (n_i, …) rows into (B, length, …), zeros after each."""
    out = rows[0].new_zeros((len(rows), length, *rows[0].shape[1:]))
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out
