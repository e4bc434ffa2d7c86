"""The lips that a batch is shown: recorded ones where an item has some, else drawn from the alignment, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dubctl.training.padding import pad
from dubctl.training.visemes import synthetic_lips


@dataclass
class Lips:
    """features (B, V, F) at 25 fps, visible (B, V), mask (B, V)."""

    features: torch.Tensor
    visible: torch.Tensor
    mask: torch.Tensor

    def to(self, device: torch.device) -> Lips:
        """A copy on `device`."""
        return Lips(self.features.to(device), self.visible.to(device), self.mask.to(device))


def shown_lips(recorded: Sequence[np.ndarray | None], shown: np.ndarray, phones: np.ndarray, tokens: np.ndarray,
               durations: np.ndarray, seed: int, width: int, draw: bool) -> Lips:
    """Lips of B items.

    Args:
        recorded: (V, F) features of each item, or None.
        shown: (B,) which items have lips at all.
        phones, durations: (B, L); tokens: (B,) how many of them are an item's.
        width: F, of items without lips.
        draw: items without a recording get lips that fit their alignment (else none: it is no good yet).
    """
    rng = np.random.default_rng(seed)
    tracks = []
    for i, track in enumerate(recorded):
        if not shown[i] or (track is None and not draw):
            tracks.append(np.zeros((0, width), np.float32))
        elif track is not None:
            tracks.append(track)
        else:
            n = int(tokens[i])
            tracks.append(synthetic_lips(phones[i, :n], durations[i, :n], rng))
    lips = pad([torch.from_numpy(t) for t in tracks], max(2, max(len(t) for t in tracks)))
    mask = torch.arange(lips.shape[1])[None] < torch.tensor([len(t) for t in tracks])[:, None]
    return Lips(lips, mask & (torch.from_numpy(rng.random(mask.shape)) > 0.05), mask)
