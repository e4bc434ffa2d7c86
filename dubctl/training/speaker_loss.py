"""A small network that reads the GE2E d-vector off an 80-band mel, learned beside the synthesizer on real mels; through
it (weights held) the synthesizer's mel is pulled to the voice it was asked for."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from dubctl.synth.aligner import MEL_SCALE, MEL_SHIFT


class MelSpeakerReader(nn.Module):
    """mel (B, T, 80) with a frame mask (B, T) -> unit vectors (B, 256)."""

    def __init__(self, width: int = 192) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(i, width, 5, stride=s, padding=2)
                                   for i, s in ((80, 2), (width, 2), (width, 1)))
        self.out = nn.Sequential(nn.Linear(2 * width, 256), nn.GELU(), nn.Linear(256, 256))

    def forward(self, mel: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = ((mel + MEL_SHIFT) / MEL_SCALE * mask[..., None]).transpose(1, 2)
        for conv in self.convs:
            x = F.gelu(conv(x))
            mask = mask[:, :: conv.stride[0]]
            x = x * mask[:, None]
        count = mask.sum(1, keepdim=True).clamp(min=1)
        mean = x.sum(2) / count
        spread = ((x - mean[..., None]).square() * mask[:, None]).sum(2) / count
        return F.normalize(self.out(torch.cat([mean, (spread + 1e-5).sqrt()], 1)).float(), dim=1)

    def losses(self, real: torch.Tensor, made: torch.Tensor, mask: torch.Tensor, own: torch.Tensor,
               asked: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(reader's loss on real mels, synthesizer's loss on made mels): 1 - cosine, means over the batch."""
        held = {k: v.detach() for k, v in self.named_parameters()}
        learn = 1 - (self(real, mask) * own).sum(1).mean()
        pull = 1 - (functional_call(self, held, (made, mask)) * asked).sum(1).mean()
        return learn, pull
