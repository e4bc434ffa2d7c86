"""What one line is spoken from, as the network reads it: a batch of one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from dubctl.graph.build import EmotionBatch
from dubctl.synth.config import SynthConfig
from dubctl.synth.model import Inputs
from dubctl.synth.mouth import FPS, opening_at
from dubctl.synth.prompt import Prompt
from dubctl.synth.symbols import Tokens


@dataclass
class Lips:
    """Lip features (V, F) of the speech window at 25 fps and where the mouth is visible (V,). late: seconds from the
    first frame's start to the window's; opening: the first column is how far the mouth is open."""

    features: np.ndarray
    visible: np.ndarray
    late: float = 0.0
    opening: bool = True

    def part(self, start: float, end: float) -> Lips:
        """The share start..end (0..1) of the window."""
        n = len(self.features)
        a, b = int(start * n), max(int(start * n) + 1, round(end * n))
        return replace(self, features=self.features[a:b], visible=self.visible[a:b],
                       late=self.late + (start * n - a) / FPS)

    def open_at(self, frames: int, lead: float = 0.0) -> np.ndarray:
        """`dubctl.synth.mouth.opening_at` of so many mel frames (T,)."""
        if not self.opening:
            return np.full(frames, np.nan)
        return opening_at(self.features[:, 0], self.visible, self.late, frames, lead)


def inputs_of(tokens: Tokens, prompt: Prompt, lips: Lips | None, emotion: EmotionBatch | None, config: SynthConfig,
              device: str) -> Inputs:
    """A batch of one."""
    seen = lips if lips is not None and len(lips.features) > 1 else Lips(
        np.zeros((2, config.lip_features), np.float32), np.zeros(2, bool))
    def tensor(value: np.ndarray | list[int]) -> torch.Tensor:
        return torch.as_tensor(np.asarray(value))[None].to(device)
    phones = tensor(tokens.phones)
    mel = prompt.mel if len(prompt.mel) >= 8 else np.zeros((8, 80), np.float32)
    campplus = prompt.campplus if config.timbre else None
    has_lips = torch.full((1, len(seen.features)), lips is not None and len(lips.features) > 1, device=device)
    return Inputs(phones, tensor(tokens.stress), torch.ones_like(phones, dtype=torch.bool), tensor(prompt.dvector),
                  torch.tensor([prompt.log_f0], device=device), tensor(mel),
                  torch.full((1, len(mel)), len(prompt.mel) >= 8, device=device), tensor(seen.features),
                  tensor(seen.visible), has_lips, emotion.to(device) if emotion is not None else None,
                  None if campplus is None else tensor(campplus))
