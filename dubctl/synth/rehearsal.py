"""A silent rehearsal: before a line is sounded, the voice is asked for in the way that is heard as the prompt's.

The network answers a d-vector with a voice near it, and not quite the one. How what GE2E hears in the mel changes with
what is asked for is known here to the last derivative, so what is asked for moves up that slope, in two steps. (To ask
for more of what was lacking, as takes do, supposes that the network gives what it is asked for in every direction; it
does not, and after a few steps of that kind the likeness falls again.) It is the plain line that is read. The more a
line is acted, the shorter are the steps: what brings a voice nearer to its calm prompt takes some of a feeling away.
Beyond the paper, which speaks once.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from dubctl.speaker import moved
from dubctl.synth.chunks import chunk_tokens
from dubctl.synth.inputs import Lips, inputs_of
from dubctl.synth.mel_bridge import MelEar
from dubctl.synth.model import Synthesizer
from dubctl.synth.onset import clear_onsets
from dubctl.synth.prompt import Prompt, speaker_encoder
from dubctl.synth.refiner import Refiner, draft_of
from dubctl.synth.symbols import Tokens

STEPS = (0.2, 0.1)  # by which the unit vector moves; more or longer ones are heard in the mel and no more in the sound

Read = Callable[[torch.Tensor], torch.Tensor]  # what is asked for -> what is heard, unit vectors (256,)


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


@functools.lru_cache(maxsize=1)
def mel_ear() -> MelEar:
    """The shipped encoder behind the shipped bridge, loaded once."""
    return MelEar(speaker_encoder())


def reading(network: Synthesizer, refiner: Refiner | None, laid: Laid, prompt: Prompt, device: str,
            part: float = 1.0) -> Read:
    """How a voice that is asked for is heard when it reads the piece plainly, as a function with a gradient.

    Args:
        part: of the refiner's share (`Refiner.refine`).
    """
    tokens, ear = laid.tokens, mel_ear()
    inputs = inputs_of(tokens, prompt, laid.lips, None, network.config, device)
    durations = torch.from_numpy(laid.durations)[None].to(device)

    def read(dvector: torch.Tensor) -> torch.Tensor:
        asked = F.normalize(F.relu(dvector), dim=0).to(device)
        u = network.understand(dataclasses.replace(inputs, dvector=asked[None]))
        prosody = clear_onsets(u.prosody, tokens)
        mel = network.speak(u, inputs.mask, durations, prosody.pitch, prosody.energy)
        if refiner is not None and part > 0:
            refined = refiner.refine(draft_of(mel[0].float(), tokens.phones, laid.durations, asked), part)
            mel = mel + (refined - mel).detach()  # no slope through the refiner: half of the time, and as good
        return ear(mel[0].float().cpu())  # cuDNN has no backward pass of an LSTM that was told to evaluate

    return read


def lean(read: Read, asked: np.ndarray, wanted: np.ndarray, share: float = 1.0) -> tuple[np.ndarray, list[float]]:
    """The d-vector (256,) to ask for, from `asked` on, to be heard as `wanted`, both (256,) and unit; and the cosine to
    `wanted` that was heard before each step.

    Args:
        share: of each step.
    """
    goal, heard = torch.from_numpy(wanted), []
    for step in STEPS:
        vector = torch.from_numpy(asked).requires_grad_()
        likeness = read(vector) @ goal
        (slope,) = torch.autograd.grad(likeness, vector)
        heard.append(float(likeness.detach()))
        asked = moved(asked, share * step * F.normalize(slope, dim=0).numpy())
    return asked, heard
