"""What a second encoder tells the decoder of a voice.

The voice condition is made of GE2E's d-vector and the mean pitch, and GE2E tells apart little of what another encoder
or an ear does. The timbre adapter hears CAM++'s vector of the prompt too and adds to the condition that the decoder is
told; how the line is read follows the condition as it was. It is taught with the decoder, by what both encoders hear in
the mel (models/recipes/train_timbre.py). Beyond the paper, whose voice is a d-vector.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.campplus import DIM as CAMPPLUS
from dubctl.speaker import DIM as GE2E
from dubctl.synth.config import SynthConfig

DROPOUT = 0.1  # the training has some thousand voices


class TimbreAdapter(nn.Module):
    """[d-vector (B, 256) ; CAM++ (B, 192) ; mean log-F0 (B,)] -> (B, C), to be added to the voice condition.

    Untrained, it adds nothing.
    """

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        width = 2 * config.condition
        self.into = nn.Linear(GE2E + CAMPPLUS + 1, width)
        self.within = nn.Linear(width, width)
        self.out = nn.Linear(width, config.condition)
        self.dropout = nn.Dropout(DROPOUT)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, dvector: torch.Tensor, campplus: torch.Tensor, log_f0: torch.Tensor) -> torch.Tensor:
        # unit vectors, brought to the scale of the pitch term
        told = torch.cat([dvector * 16, campplus * 14, (log_f0[:, None] - 5.1) * 3], -1)
        x = self.dropout(F.silu(self.into(told)))
        return self.out(x + self.dropout(F.silu(self.within(x))))

