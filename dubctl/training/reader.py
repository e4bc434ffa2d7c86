"""A reader of phones: what keeps made speech clear, whoever's voice it is in.

L1 to a recording weighs a blurred consonant little, and a line that is spoken in a stranger's voice has no recording at
all. The reader learns which phone each frame of the recordings is (under the learned alignment); the synthesizer is
asked to be read as well (a recogniser's judgement where the voice asked for has no recording of the line: Liu, Yang,
Wu and Lee 2018, "Improving unsupervised style transfer in end-to-end speech synthesis with end-to-end speech
recognition"). It hears about 0.25 s at a time, so that it goes by the sounds and not by the words, with each band's
mean taken away, so that it does not go by the voice, and through noise, so that a trace which only a network would
notice does not count as a phone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.progress import Progress, silent
from dubctl.synth.aligner import MEL_SCALE, MEL_SHIFT
from dubctl.synth.alignment import expand_index
from dubctl.synth.symbols import INDEX, SYMBOLS, VOWELS
from dubctl.training.judge import Judge

FIRST_SOUND = INDEX[VOWELS[0]]  # what lies before it in the inventory is silence and punctuation
LOUDEST_NOISE = 0.4  # standard deviation on the standardised mel


class PhoneReader(nn.Module):
    """Dilated convolutions; every frame's logits see 23 frames."""

    def __init__(self, width: int = 192) -> None:
        super().__init__()
        self.first = nn.Conv1d(80, width, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in (1, 2, 4, 2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.layers)
        self.out = nn.Linear(width, len(SYMBOLS))

    def forward(self, mel: torch.Tensor, mask: torch.Tensor, noise: float = 0.0) -> torch.Tensor:
        """Natural-log mel (B, T, 80) with its mask (B, T) -> logits (B, T, symbols); `noise` goes onto the mel."""
        keep = mask[..., None].to(mel.dtype)
        x = (mel + MEL_SHIFT) / MEL_SCALE
        x = x - (x * keep).sum(1, keepdim=True) / keep.sum(1, keepdim=True).clamp(min=1)
        x = (x + noise * torch.randn_like(x)) * keep
        y = F.gelu(self.first(x.transpose(1, 2))).transpose(1, 2)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            y = y + F.gelu(layer((norm(y) * keep).transpose(1, 2))).transpose(1, 2)
        return self.out(y)


@dataclass
class Spoken:
    """A batch of lines: mel (B, T, 80) and its mask, and which phone each frame is (B, T), -1 = none to be read."""

    mel: torch.Tensor
    mask: torch.Tensor
    phones: torch.Tensor


def spoken(mel: torch.Tensor, phones: torch.Tensor, durations: torch.Tensor, frames: torch.Tensor) -> Spoken:
    """Mels (B, T, 80) of tokens (B, L) that take `durations` (B, L) frames; pauses and edges are not to be read."""
    mask = torch.arange(mel.shape[1], device=mel.device)[None] < frames[:, None]
    each = phones.gather(1, expand_index(durations, mel.shape[1]))
    return Spoken(mel, mask, each.masked_fill(~mask | (each < FIRST_SOUND), -1))


class Reading(Judge[Spoken]):
    """The reader, its optimiser and the recordings it was shown last."""

    name = "reader"

    def __init__(self, lr: float, device: torch.device) -> None:
        super().__init__(PhoneReader(), lr, device)

    def errors(self, line: Spoken, noise: float) -> torch.Tensor:
        """Cross-entropy of every frame (B, T) through noise of this strength; 0 where there is nothing to read."""
        logits = self.network(line.mel.float(), line.mask, noise)
        return F.cross_entropy(logits.transpose(1, 2).float(), line.phones, ignore_index=-1, reduction="none")

    def term(self, made: Spoken, recorded: Spoken) -> torch.Tensor:
        """By how much what was made is harder to read than the recording of the same line, mean over its frames.

        A frame that is read better already asks for nothing: without that limit speech becomes ever easier to read for
        the network and less natural to an ear (models/voice/MODEL_CARD.md has figures).
        """
        noise = _some_noise()
        with torch.no_grad():
            possible = self.errors(recorded, noise)
        return _mean((self.errors(made, noise) - possible).clamp(min=0), made)

    def lesson(self, shown: Spoken) -> torch.Tensor:
        """Mean cross-entropy of the recordings' frames."""
        return _mean(self.errors(shown, _some_noise()), shown)


def _mean(values: torch.Tensor, line: Spoken) -> torch.Tensor:
    return values.sum() / (line.phones >= 0).sum().clamp(min=1)


def _some_noise() -> float:
    return LOUDEST_NOISE * float(torch.rand(()))


def school(reading: Reading, recordings: Callable[[int], Spoken], steps: int, progress: Progress = silent,
           every: int = 10) -> list[float]:
    """Train a reader alone for `steps` steps, on recordings(step); the loss of each."""
    losses = []
    for step in range(steps):
        reading.show(recordings(step))
        losses.append(reading.learn())
        if (step + 1) % every == 0:
            progress(step + 1, steps, f"reader {sum(losses[-every:]) / every:.3f}")
    return losses
