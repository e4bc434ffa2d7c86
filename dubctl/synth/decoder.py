"""Variance adaptor and mel decoder: phoneme-level E_out -> frame-level mel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.synth.aligner import MEL_SCALE, MEL_SHIFT
from dubctl.synth.alignment import expand_index
from dubctl.synth.config import SynthConfig
from dubctl.synth.layers import Block, ConvPredictor


@dataclass
class Prosody:
    """Per token (B, L): log-duration ln(frames + 1), pitch (ln F0 minus the voice's mean), energy (see `energy_of`)."""

    log_duration: torch.Tensor
    pitch: torch.Tensor
    energy: torch.Tensor


class VarianceAdaptor(nn.Module):
    """Duration, pitch and energy heads (FastSpeech 2); they read E_out, so emotion moves rate, melody and force."""

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        def head() -> ConvPredictor:
            return ConvPredictor(config.width, config.predictor_hidden, config.condition, 0.2)
        self.duration, self.pitch, self.energy = head(), head(), head()
        self.pitch_in = nn.Conv1d(1, config.width, 3, padding=1)
        self.energy_in = nn.Conv1d(1, config.width, 3, padding=1)

    def predict(self, x: torch.Tensor, mask: torch.Tensor, condition: torch.Tensor) -> Prosody:
        """E_out (B, L, D) -> the three predictions."""
        return Prosody(self.duration(x, mask, condition), self.pitch(x, mask, condition),
                       self.energy(x, mask, condition))

    def adapt(self, x: torch.Tensor, mask: torch.Tensor, pitch: torch.Tensor, energy: torch.Tensor) -> torch.Tensor:
        """Add pitch and energy (B, L) to E_out."""
        keep = mask.to(x.dtype)
        x = x + self.pitch_in((pitch.to(x.dtype) * keep * 4)[:, None]).transpose(1, 2)  # spread of ln F0 is about 1/4
        return x + self.energy_in((energy.to(x.dtype) * keep)[:, None]).transpose(1, 2)


class MelDecoder(nn.Module):
    """Length-regulated tokens (B, T, D) -> natural-log mel (B, T, 80).

    The transformer blocks run at half the mel rate (43 frames/s, ample for speech and half the cost); two residual
    convolutions then refine at the full rate.
    """

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        d, r = config.width, config.refine_width
        self.place = nn.Linear(3, d)
        self.down = nn.Linear(2 * d, d)
        self.blocks = nn.ModuleList(
            Block(d, config.heads, config.hidden, config.kernel, config.condition, 0.0)
            for _ in range(config.decoder_blocks))
        self.norm = nn.LayerNorm(d)
        self.up = nn.Linear(d, 2 * r)
        self.refine = nn.ModuleList(nn.Conv1d(r, r, 5, padding=2) for _ in range(2))
        self.out = nn.Linear(r, 80)

    def forward(self, x: torch.Tensor, durations: torch.Tensor, frames: torch.Tensor,
                condition: torch.Tensor) -> torch.Tensor:
        """Expand tokens (B, L, D) by durations (B, L) to frames.max() and decode."""
        total = int(frames.max())
        even = total + total % 2
        index = expand_index(durations, even)
        mask = torch.arange(even, device=x.device)[None] < frames[:, None]
        y = x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))
        y = y + self.place(self._place(durations, index, x.dtype))
        b, _, d = y.shape
        y = self.down((y * mask[..., None]).reshape(b, even // 2, 2 * d))
        for block in self.blocks:
            y = block(y, mask[:, ::2], condition)
        keep = mask[:, None].to(y.dtype)
        y = F.gelu(self.up(self.norm(y))).reshape(b, even, -1).transpose(1, 2)
        for conv in self.refine:
            y = y + F.gelu(conv(y * keep))
        return ((self.out(y.transpose(1, 2)).float() * MEL_SCALE - MEL_SHIFT) * mask[..., None])[:, :total]

    def _place(self, durations: torch.Tensor, index: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Where in its token a frame lies: fraction, sine of it, and the token's log-length (B, T, 3)."""
        length = durations.gather(1, index).clamp(min=1)
        start = (durations.cumsum(1) - durations).gather(1, index)
        t = torch.arange(index.shape[1], device=index.device)[None]
        fraction = ((t - start + 0.5) / length).clamp(0, 1).float()
        return torch.stack([fraction - 0.5, (fraction * torch.pi).sin(), length.float().log() / 3], -1).to(dtype)


def energy_of(mel: torch.Tensor) -> torch.Tensor:
    """Frame energy (…, T) from natural-log mel (…, T, 80): ln of the bands' L2 norm, roughly standardised."""
    return (torch.logsumexp(2 * mel, -1) / 2 - 1.0) / 1.5


def token_mean(values: torch.Tensor, durations: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
    """Mean over each token's frames: values (B, T), durations (B, L) -> (B, L); tokens with no valid frame give 0."""
    total = values.shape[1]
    index = expand_index(durations, total)
    inside = torch.arange(total, device=values.device)[None] < durations.sum(1, keepdim=True)
    weight = (inside if valid is None else inside & valid).to(values.dtype)
    sums = torch.zeros_like(durations, dtype=values.dtype).scatter_add_(1, index, values * weight)
    count = torch.zeros_like(sums).scatter_add_(1, index, weight)
    return sums / count.clamp(min=1)
