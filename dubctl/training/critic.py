"""A critic of mel-spectrograms: what keeps the decoder from painting the average of all good answers.

L1 alone is best served by a blurred mel; a least-squares critic (Mao et al. 2017; on windows of the mel as in
HiFiSinger, Chen et al. 2020) that tells made from real windows asks for real texture instead. Feature matching
(Larsen et al. 2016) keeps the two aligned: both are windows at the same place of the same line.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.synth.aligner import MEL_SCALE, MEL_SHIFT
from dubctl.training.judge import Judge

WINDOW = 128  # mel frames, 1.5 s
STEP_GAIN = 3.0  # brings the steps between neighbours to the spread of the mel itself


class MelCritic(nn.Module):
    """Convolutions over time and band; every score sees about 0.35 s and 30 bands, and which bands they are.

    Beside the mel it is given the steps to the next frame and to the next band: blur is the want of them, and with them
    it tells made from real after 50 steps of training, without them after 200.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        sizes = (4, width, width * 3 // 2, width * 2, width * 2)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, stride=1 if i == 0 else 2, padding=1)
                                    for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False)))
        self.score = nn.Conv2d(sizes[-1], 1, 3, padding=1)
        self.register_buffer("band", torch.linspace(-1, 1, 80), persistent=False)

    def forward(self, mel: torch.Tensor) -> list[torch.Tensor]:
        """Natural-log mel (B, T, 80) -> the layers' features and, last, the scores (B, 1, T / 8, 10)."""
        x = (mel + MEL_SHIFT) / MEL_SCALE
        later, higher = F.pad(x.diff(dim=1), (0, 0, 0, 1)), F.pad(x.diff(dim=2), (0, 1))
        x = torch.stack([x, self.band.expand_as(x), STEP_GAIN * later, STEP_GAIN * higher], 1)
        seen = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            seen.append(x)
        return [*seen, self.score(x)]


@dataclass
class Pair:
    """Windows (B, T, 80) at the same places: what was made and what was recorded; `own` (B,): the recording is of the
    voice that was asked for."""

    made: torch.Tensor
    real: torch.Tensor
    own: torch.Tensor


def window_pair(made: torch.Tensor, real: torch.Tensor, frames: torch.Tensor, own: torch.Tensor) -> Pair:
    """One random window of each item of mels (B, T, 80), as long as the shortest item allows, at most 1.5 s."""
    length = min(WINDOW, int(frames.min()))
    start = (torch.rand(len(made), device=made.device) * (frames - length + 1)).long()
    place = (start[:, None] + torch.arange(length, device=made.device))[..., None].expand(-1, -1, made.shape[2])
    return Pair(made.gather(1, place), real.gather(1, place), own)


class Critique(Judge[Pair]):
    """The critic, its optimiser and the last windows it was shown."""

    name = "critic"

    def __init__(self, lr: float, device: torch.device) -> None:
        super().__init__(MelCritic(), lr, device)

    def terms(self, pair: Pair) -> dict[str, torch.Tensor]:
        """`adversarial`: how far the critic is from taking the made windows for real ones. `match`: mean difference of
        its features of made and real, relative to those of the real, where the recording is of the asked voice."""
        self.show(Pair(pair.made.detach(), pair.real, pair.own))
        *made, score = self.network(pair.made.float())
        with torch.no_grad():
            *real, _ = self.network(pair.real)
        terms = {"adversarial": (score - 1).square().mean()}
        if bool(pair.own.any()):
            terms["match"] = torch.stack([(m[pair.own] - r[pair.own]).abs().mean() / r.abs().mean().clamp(min=1e-4)
                                          for m, r in zip(made, real, strict=True)]).mean()
        return terms

    def lesson(self, shown: Pair) -> torch.Tensor:
        """0.5: it cannot tell, 0: it always can."""
        return ((self.network(shown.real)[-1] - 1).square().mean()
                + self.network(shown.made.float())[-1].square().mean())
