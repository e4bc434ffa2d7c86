"""A silent rehearsal: before a line is sounded, the voice is asked for in the way that is heard as the prompt's.

The network answers a d-vector with a voice near it, and not quite the one. How what encoders hear in the mel changes
with what is asked for is known here to the last derivative, so what is asked for moves up that slope, in a few steps.
Two encoders listen: GE2E alone is satisfied by little that another encoder or an ear would notice. (To ask for more of
what was lacking, as takes do, supposes that the network gives what it is asked for in every direction; it does not.)
It is the plain line that is read. The more a line is acted, the shorter are the steps: what brings a voice nearer to
its calm prompt takes some of a feeling away. Beyond the paper, which speaks once.
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

from dubctl.speaker import moved
from dubctl.synth.chunks import chunk_tokens
from dubctl.synth.inputs import Lips
from dubctl.synth.kaldi_bridge import KaldiBridge, KaldiEar
from dubctl.synth.mel_bridge import MelBridge, MelEar
from dubctl.synth.model import Synthesizer, Understanding
from dubctl.synth.prompt import Prompt, second_encoder, speaker_encoder
from dubctl.synth.refiner import Refiner, draft_of
from dubctl.synth.symbols import Tokens

if TYPE_CHECKING:
    from dubctl.synth.takes import Heard

STEPS = (0.2, 0.15, 0.1)  # by which the unit vector moves
LISTENERS = ("likeness", "campplus")  # as a report names them

Likeness = Callable[[torch.Tensor], torch.Tensor]  # what is asked for (256,) -> cosines to the prompt (2,)


@dataclass(frozen=True)
class Laid:
    """A piece of the line as it will be spoken: durations (L,) frames of its tokens, and its part of the lips."""

    tokens: Tokens
    durations: np.ndarray
    lips: Lips | None = None

    @classmethod
    def longest(cls, text: str, durations: list[int], lips: Lips | None) -> Laid:
        """The longest piece of a performance, where most of the voice is heard; durations of all pieces together."""
        pieces, frames = chunk_tokens(text), np.asarray(durations, np.int64)
        ends = np.cumsum([len(piece) for piece in pieces])
        parts = np.split(frames, ends[:-1])
        i = int(np.argmax([part.sum() for part in parts]))
        if lips is not None and len(pieces) > 1:
            edges = np.concatenate([[0], np.cumsum([part.sum() for part in parts])]) / frames.sum()
            lips = lips.part(edges[i], edges[i + 1])
        return cls(pieces[i], parts[i], lips)


@dataclass(frozen=True)
class Spoken:
    """The piece as it is understood, and what makes its mel of it: a function of what is asked for.

    part: of the refiner's share (`Refiner.refine`).
    """

    network: Synthesizer
    refiner: Refiner | None
    understood: Understanding
    laid: Laid
    log_f0: float
    part: float = 1.0

    def __call__(self, asked: torch.Tensor) -> torch.Tensor:
        """Mel (T, 80) as the decoder draws it, with a slope of the d-vector (256,)."""
        u, device = self.understood, self.understood.e_out.device
        voice = F.normalize(F.relu(asked), dim=0).to(device)
        condition = self.network.voice(voice[None], torch.tensor([self.log_f0], device=device))
        mask = torch.ones(1, len(self.laid.tokens), dtype=torch.bool, device=device)
        durations = torch.from_numpy(self.laid.durations)[None].to(device)
        spoken = dataclasses.replace(u, condition=condition)
        return self.network.speak(spoken, mask, durations, u.prosody.pitch, u.prosody.energy)[0].float()

    @torch.no_grad()
    def refinement(self, asked: np.ndarray) -> torch.Tensor:
        """What the refiner adds to the mel (T, 80)."""
        mel = self(torch.from_numpy(asked))
        if self.refiner is None or self.part <= 0:
            return torch.zeros_like(mel)
        draft = draft_of(mel, self.laid.tokens.phones, self.laid.durations, asked)
        return self.refiner.refine(draft, self.part)[0] - mel


@functools.lru_cache(maxsize=1)
def ears() -> tuple[MelEar, KaldiEar]:
    """The shipped encoders behind the shipped bridges, loaded once."""
    encoder = speaker_encoder()
    return MelEar(encoder, MelBridge(encoder.basis)), KaldiEar(second_encoder(), KaldiBridge())


def likeness(spoken: Spoken, prompt: Prompt) -> Likeness:
    """How like the prompt GE2E, and CAM++ if the prompt was read by it, hear the voice that is asked for."""
    first, second = ears()
    by_ge2e = torch.from_numpy(prompt.dvector)
    by_campplus = None if prompt.campplus is None else torch.from_numpy(prompt.campplus)
    refinement = spoken.refinement(prompt.sought)  # hardly another for a voice beside it, and half of the time

    def hear(asked: torch.Tensor) -> torch.Tensor:
        mel = (spoken(asked) + refinement).cpu()  # cuDNN has no backward pass of an LSTM that was told to evaluate
        cosines = [first(mel) @ by_ge2e] + ([second(mel) @ by_campplus] if by_campplus is not None else [])
        return torch.stack(cosines)

    return hear


def lean(hear: Likeness, asked: np.ndarray, share: float = 1.0) -> tuple[np.ndarray, Heard]:
    """The d-vector (256,) to ask for, from the unit vector `asked` on, and how like the voice is before each step.

    Args:
        share: of each step.
    """
    heard: Heard = []
    for step in STEPS:
        vector = torch.from_numpy(asked).requires_grad_()
        cosines = hear(vector)
        (slope,) = torch.autograd.grad(cosines.sum(), vector)
        heard.append(dict(zip(LISTENERS, [round(c, 4) for c in cosines.tolist()], strict=False))
                     | {"rehearsal": True, "silent": True})
        asked = moved(asked, share * step * F.normalize(slope, dim=0).numpy())
    return asked, heard
