"""A silent rehearsal: before a line is sounded, its voice is led to where it is heard as the prompt's.

The network answers a d-vector with a voice near it, and not quite the one. How what encoders hear in the mel changes
with the network's voice condition is known here to the last derivative, so the condition moves up that slope, in a few
steps. Two encoders listen: GE2E alone is satisfied by little that another encoder or an ear would notice. (To ask for
more of what was lacking, as takes do, supposes that the network gives what it is asked for in every direction; it does
not.) It is the plain line that is read, and how it is read stays. The more a line is acted, the shorter are the steps:
what brings a voice nearer to its calm prompt takes some of a feeling away. Beyond the paper, which speaks once.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from dubctl.synth.kaldi_bridge import KaldiBridge, KaldiEar
from dubctl.synth.mel_bridge import MelBridge, MelEar
from dubctl.synth.model import Synthesizer, Understanding
from dubctl.synth.prompt import Prompt, second_encoder, speaker_encoder
from dubctl.synth.refiner import Refiner, draft_of
from dubctl.synth.symbols import Tokens

if TYPE_CHECKING:
    from dubctl.synth.takes import Heard

STEPS = (0.2, 0.15, 0.1)  # of the length of the condition
LISTENERS = {"likeness": 2.0, "campplus": 1.0}  # as a report names them, and how much each says

Likeness = Callable[[torch.Tensor], torch.Tensor]  # voice condition (C,) -> cosines to the prompt (2,)


@dataclass(frozen=True)
class Spoken:
    """A piece of the line as it is understood, and what makes its mel of it: a function of the voice condition.

    durations (L,) frames of its tokens; part: of the refiner's share (`Refiner.refine`).
    """

    network: Synthesizer
    refiner: Refiner | None
    understood: Understanding
    tokens: Tokens
    durations: np.ndarray
    part: float = 1.0

    def __call__(self, condition: torch.Tensor) -> torch.Tensor:
        """Mel (T, 80) as the decoder draws it, with a slope of the condition (C,)."""
        u, device = self.understood, self.understood.e_out.device
        mask = torch.ones(1, len(self.tokens), dtype=torch.bool, device=device)
        durations = torch.from_numpy(self.durations)[None].to(device)
        spoken = dataclasses.replace(u, condition=condition[None].to(device))
        return self.network.speak(spoken, mask, durations, u.prosody.pitch, u.prosody.energy)[0].float()

    @torch.no_grad()
    def refinement(self, dvector: np.ndarray) -> torch.Tensor:
        """What the refiner, told a d-vector (256,), adds to the mel (T, 80)."""
        mel = self(self.understood.condition[0])
        if self.refiner is None or self.part <= 0:
            return torch.zeros_like(mel)
        draft = draft_of(mel, self.tokens.phones, self.durations, dvector)
        return self.refiner.refine(draft, self.part)[0] - mel


@functools.lru_cache(maxsize=1)
def ears() -> tuple[MelEar, KaldiEar]:
    """The shipped encoders behind the shipped bridges, loaded once."""
    encoder = speaker_encoder()
    return MelEar(encoder, MelBridge(encoder.basis)), KaldiEar(second_encoder(), KaldiBridge())


def likeness(spoken: Spoken, prompt: Prompt) -> Likeness:
    """How like the prompt GE2E, and CAM++ if the prompt was read by it, hear the voice of a condition."""
    first, second = ears()
    by_ge2e = torch.from_numpy(prompt.dvector)
    by_campplus = None if prompt.campplus is None else torch.from_numpy(prompt.campplus)
    refinement = spoken.refinement(prompt.sought)  # hardly another for a voice beside it, and half of the time

    def hear(condition: torch.Tensor) -> torch.Tensor:
        mel = (spoken(condition) + refinement).cpu()  # cuDNN has no backward pass of an LSTM that was told to evaluate
        cosines = [first(mel) @ by_ge2e] + ([second(mel) @ by_campplus] if by_campplus is not None else [])
        return torch.stack(cosines)

    return hear


def lean(hear: Likeness, condition: np.ndarray, share: float = 1.0) -> tuple[np.ndarray, Heard]:
    """The voice condition (C,) to speak with, from `condition` on, and how like the voice is before each step.

    Args:
        share: of each step.
    """
    heard: Heard = []
    length, weights = float(np.linalg.norm(condition)), torch.tensor(list(LISTENERS.values()))
    for step in STEPS:
        here = torch.from_numpy(condition).requires_grad_()
        cosines = hear(here)
        (slope,) = torch.autograd.grad(cosines @ weights[:len(cosines)], here)
        if not (torch.isfinite(cosines).all() and torch.isfinite(slope).all()):
            break  # a voice of one's own that has hardly learnt may draw no sound at all
        heard.append(dict(zip(LISTENERS, [round(c, 4) for c in cosines.tolist()], strict=False))
                     | {"rehearsal": True, "silent": True})
        condition = condition + share * step * length * F.normalize(slope, dim=0).numpy()
    return condition, heard
