"""Takes: a line is rehearsed plainly, heard, and spoken asking for what the rehearsal lacked of the voice.

The network is asked for a voice by its d-vector and answers with one that is near it; how near differs from line to
line. Here the GE2E encoder hears the finished sound of a rehearsal, and the next take is asked for the voice plus a
share of what was missing. Rehearsals are plain readings: heard in an acted one, the feeling would pass for a voice that
is missed, and be taken back. Beyond the paper, which speaks once. The encoder also scores `secs`; likeness to *other*
recordings of the speaker, which no take was told of, rises as well (the voice's card has both).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from dubctl.errors import InputError
from dubctl.media.mel import RATE
from dubctl.speaker import cosine
from dubctl.synth.prompt import Prompt, speaker_encoder

STEP = 0.5  # of what is missing: all of it overshoots


def rehearsed(read: Callable[[Prompt], np.ndarray], prompt: Prompt, count: int) -> tuple[Prompt, list[float]]:
    """The prompt to ask with after `count` rehearsals, and the GE2E cosine of each to the prompt, in order.

    What is asked for follows from the likest rehearsal; one with too little speech to tell a voice by ends them.

    Args:
        read: reads the line plainly with a prompt: (S,) at 22,050 Hz.
    """
    asked, best, likeness = prompt, prompt, list[float]()
    for _ in range(count):
        try:
            heard = speaker_encoder().embed(read(asked), RATE)
        except InputError:
            break
        likeness.append(cosine(heard, prompt.dvector))
        after = dataclasses.replace(asked, dvector=asking_for_more(asked.dvector, prompt.dvector, heard))
        best = after if likeness[-1] == max(likeness) else best
        asked = after
    return best, likeness


def asking_for_more(asked: np.ndarray, wanted: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The d-vector (256,) to ask for next, unit and without negative parts, as the encoder's own are."""
    more = np.maximum(asked + STEP * (wanted - heard), 0.0)
    return (more / max(float(np.linalg.norm(more)), 1e-9)).astype(np.float32)
