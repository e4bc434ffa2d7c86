"""Takes: a line is spoken, heard, and spoken again with what was missing of the voice.

The network is asked for a voice by its d-vector and answers with one that is near it; how near differs from line to
line. Here the GE2E encoder hears the finished sound, and the next take is asked for the voice plus a share of what the
last one lacked. The take that is most like the prompt is kept. Beyond the paper, which speaks once. The encoder also
scores `secs`; likeness to *other* recordings of the speaker, which no take was told of, rises as well (the voice's
card has both).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dubctl.errors import InputError
from dubctl.media.mel import RATE
from dubctl.speaker import cosine
from dubctl.synth.prompt import Prompt, speaker_encoder

if TYPE_CHECKING:
    from dubctl.synth.voice import Performance

STEP = 0.5  # of what is missing: all of it overshoots


@dataclass(frozen=True)
class Take:
    """What was performed, its sound (S,) at 22,050 Hz, and its GE2E cosine to the prompt (nan: nobody listened)."""

    performance: Performance
    wav: np.ndarray
    likeness: float = float("nan")


def best_take(say: Callable[[Prompt], tuple[Performance, np.ndarray]], prompt: Prompt,
              count: int) -> tuple[Take, list[float]]:
    """The best of `count` takes, and the likeness of each, in order; with one take nobody listens ([]).

    A take with too little speech to tell a voice by ends it: that one, or the best before it, is kept.

    Args:
        say: speaks the line with a prompt.
    """
    if count <= 1:
        return Take(*say(prompt)), []
    takes: list[Take] = []
    asked = prompt
    for _ in range(count):
        performance, wav = say(asked)
        try:
            heard = speaker_encoder().embed(wav, RATE)
        except InputError:
            if not takes:
                return Take(performance, wav), []
            break
        takes.append(Take(performance, wav, cosine(heard, prompt.dvector)))
        asked = dataclasses.replace(asked, dvector=asking_for_more(asked.dvector, prompt.dvector, heard))
    return max(takes, key=lambda take: take.likeness), [take.likeness for take in takes]


def asking_for_more(asked: np.ndarray, wanted: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The d-vector (256,) to ask for next, unit and without negative parts, as the encoder's own are."""
    more = np.maximum(asked + STEP * (wanted - heard), 0.0)
    return (more / max(float(np.linalg.norm(more)), 1e-9)).astype(np.float32)
