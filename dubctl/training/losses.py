"""The training objective. All terms are means over real positions; weights live in `LossWeights`."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from dubctl.synth.aligner import MEL_SCALE
from dubctl.synth.decoder import Prosody


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of values (B, N) where mask (B, N)."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def mel_l1(made: torch.Tensor, real: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """L1 on the standardised mel (B, T, 80)."""
    return masked_mean((made - real).abs().mean(-1) / MEL_SCALE, mask)


def prosody_losses(guess: Prosody, durations: torch.Tensor, pitch: torch.Tensor, energy: torch.Tensor,
                   mask: torch.Tensor, paced: torch.Tensor) -> dict[str, torch.Tensor]:
    """Squared errors of log(d + 1) over the tokens `paced`, of pitch (x4: its spread is a quarter) and energy over
    those in `mask`.

    The duration term also holds the logarithm of the whole line's length: the mean of logs alone predicts the middle
    of each token's spread, and lines come out a third too short.
    """
    target = (durations + 1).log()
    spoken = (guess.log_duration.expm1().clamp(min=0) * paced).sum(1).clamp(min=1)
    line = (spoken.log() - (durations * paced).sum(1).clamp(min=1).log()).square().mean()
    return {"duration": masked_mean((guess.log_duration - target).square(), paced) + line,
            "pitch": masked_mean((guess.pitch - pitch).square() * 16, mask),
            "energy": masked_mean((guess.energy - energy).square(), mask)}


def lip_focus(attention: torch.Tensor, durations: torch.Tensor, mask: torch.Tensor, lip_mask: torch.Tensor,
              band: float = 0.1) -> torch.Tensor:
    """Diagonal lip focus: -log of the attention (B, L, V) that falls near where the token really lies.

    StyleDubber's band is centred on l / L x V; the learned durations say better where that is.
    """
    frames = lip_mask.sum(1, keepdim=True).clamp(min=1)
    there = (torch.arange(attention.shape[2], device=mask.device) + 0.5)[None] / frames
    total = durations.sum(1, keepdim=True).clamp(min=1)
    here = (durations.cumsum(1) - durations / 2) / total
    near = (here[:, :, None] - there[:, None]).abs() < band
    rate = (attention * near).sum(-1)
    used = mask & lip_mask.any(1, keepdim=True)
    return masked_mean(-(rate + 1e-4).log(), used)


def emotion_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy on logits (the released code's was on soft-maxed values); items labelled -1 do not count."""
    if not bool((labels >= 0).any()):
        return logits.sum() * 0
    return F.cross_entropy(logits.float(), labels, ignore_index=-1)
