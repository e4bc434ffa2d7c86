"""TIM-Net (Ye et al., "Temporal Modeling Matters: A Novel Temporal Emotional Modeling Approach for Speech Emotion
Recognition", ICASSP 2023), from the paper.

Letters: B clips, T frames, C channels (25 in, `filters` inside), n scales. Padding never reaches a valid frame:
convolutions are causal and padding stands at the end, statistics and averages leave it out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dubctl.emotion.base import EMOTIONS
from dubctl.ser.features import CHANNELS


@dataclass(frozen=True)
class TimNetConfig:
    """Network sizes. `scales` blocks of dilation 1, 2, 4 … see 2^(scales+1) - 1 frames: 7 at 21.5 a second see 11.8 s,
    as the 8 of the paper do at 43 a second. Filters, kernel and dropout are the paper's."""

    channels: int = CHANNELS
    filters: int = 39
    scales: int = 7
    kernel: int = 2
    dropout: float = 0.1
    classes: int = len(EMOTIONS)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of (B, C, T) over valid frames only, so that padding changes no statistics."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        """mask (B, 1, T) is 1.0 on valid frames."""
        if not self.training:
            return super().forward(x)
        count = mask.sum()
        mean = (x * mask).sum((0, 2)) / count
        centred = x - mean[None, :, None]
        var = (centred.square() * mask).sum((0, 2)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean.detach(), self.momentum)
            self.running_var.lerp_(var.detach() * count / (count - 1).clamp(min=1), self.momentum)
        return centred * (self.weight * torch.rsqrt(var + self.eps))[None, :, None] + self.bias[None, :, None]


class TemporalAwareBlock(nn.Module):
    """TAB (section 2.2): the input gated by a sigmoid of two dilated causal convolutions of it."""

    def __init__(self, filters: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.convs = nn.ModuleList([nn.Conv1d(filters, filters, kernel, dilation=dilation) for _ in range(2)])
        self.norms = nn.ModuleList([MaskedBatchNorm(filters) for _ in range(2)])
        self.drop = nn.Dropout1d(dropout)  # whole channels: "spatial" dropout

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T)."""
        found = x
        for conv, norm in zip(self.convs, self.norms, strict=True):
            found = self.drop(F.relu(norm(conv(F.pad(found, (self.reach, 0))), mask)))
        return x * torch.sigmoid(found)


class TimNet(nn.Module):
    """Bidirectional temporal-aware blocks and dynamic fusion of their scales (Eqs. 1-5).

    Both directions have their own weights. At scale j the averages over time of both are added to g_j; a learned
    vector w over scales fuses them: g = sum_j w_j g_j; a linear layer names the class.
    """

    def __init__(self, config: TimNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TimNetConfig()
        self.register_buffer("mean", torch.zeros(config.channels))  # of the training inputs
        self.register_buffer("std", torch.ones(config.channels))
        self.entries = nn.ModuleList([nn.Conv1d(config.channels, config.filters, 1) for _ in range(2)])
        self.directions = nn.ModuleList([
            nn.ModuleList([TemporalAwareBlock(config.filters, config.kernel, 2**j, config.dropout)
                           for j in range(config.scales)]) for _ in range(2)])
        self.fusion = nn.Parameter(torch.ones(config.scales))
        # not in the paper: gated averages are small, and without this the 500 epochs of its recipe are needed
        self.norm = nn.BatchNorm1d(config.filters)
        self.head = nn.Linear(config.filters, config.classes)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, classes) of inputs (B, T, C), of which the first `lengths` (B,) frames are valid."""
        mask = (torch.arange(x.shape[1], device=x.device)[None] < lengths[:, None])[:, None].to(x.dtype)
        x = ((x - self.mean) / self.std).transpose(1, 2) * mask
        scales: Tensor | None = None
        for side, entry, blocks in zip((x, reverse(x, lengths)), self.entries, self.directions, strict=True):
            found = torch.stack(self._scales(entry(side), blocks, mask), 1)  # (B, n, C)
            scales = found if scales is None else scales + found
        assert scales is not None
        return self.head(self.norm(torch.einsum("n,bnc->bc", self.fusion, scales)))

    def _scales(self, x: Tensor, blocks: nn.ModuleList, mask: Tensor) -> list[Tensor]:
        """Average over valid time after each block, n times (B, C)."""
        averages = []
        for block in blocks:
            x = block(x, mask)
            averages.append((x * mask).sum(2) / mask.sum(2))
        return averages


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, C, T) with each item's first `lengths` frames in reverse order, its padding where it was."""
    steps = torch.arange(x.shape[2], device=x.device)[None]
    order = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return torch.gather(x, 2, order[:, None].expand_as(x))
