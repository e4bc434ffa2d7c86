"""Takes: a line is rehearsed, heard, and spoken again with what was missing of the voice.

The network is asked for a voice by its d-vector and answers with one that is near it; how near differs from line to
line. It is rehearsed silently first (`dubctl.synth.rehearsal`). Then the GE2E encoder hears the finished sound, and
what is spoken next is asked for the voice plus a share of what was lacking. The first sound is a rehearsal, read
plainly: in an acted one the feeling would pass for a voice that is missed, and be taken back. Of the takes after it the
one most like the prompt is kept. Beyond the paper, which speaks once. The encoder also scores `secs`; likeness to
*other* recordings of the speaker, which no take was told of, rises too, also by an encoder that never listens (the
voice's card has all).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dubctl.errors import InputError
from dubctl.media.mel import RATE
from dubctl.speaker import cosine, moved
from dubctl.synth.prompt import Prompt, speaker_encoder

if TYPE_CHECKING:
    from dubctl.synth.voice import Performance

TAKES = 2  # a rehearsal and a take
STEP = 0.5  # of what is missing: all of it overshoots

Say = Callable[[Prompt], "tuple[Performance, np.ndarray]"]
Silently = Callable[[Prompt], "tuple[Prompt, Heard]"]
Heard = list[dict[str, Any]]  # what a report says of each take


@dataclass(frozen=True)
class Take:
    """What was performed, its sound (S,) at 22,050 Hz, and its GE2E cosine to the prompt (nan: nobody listened)."""

    performance: Performance
    wav: np.ndarray
    likeness: float = float("nan")
    rehearsal: bool = False

    def report(self) -> dict[str, Any]:
        return {"likeness": round(self.likeness, 4)} | ({"rehearsal": True} if self.rehearsal else {})


def best_take(say: Say, prompt: Prompt, count: int, rehearse: Say | None = None,
              silently: Silently | None = None) -> tuple[Take, Heard]:
    """The best of `count` takes, and a report of each, in order; with one take nobody listens ([]).

    One with too little speech to tell a voice by ends it: the best before it is kept, or the line is spoken unheard.

    Args:
        say: speaks the line with a prompt.
        rehearse: reads it plainly instead: the first of several takes, which is never kept. None: `say` is plain
            itself, and its first take as good as another.
        silently: rehearses without a sound before the first of several takes: the prompt to ask with, and a report.
    """
    if count <= 1:
        return Take(*say(prompt)), []
    takes: list[Take] = []
    asked, silent = silently(prompt) if silently is not None else (prompt, [])
    for speak in (rehearse or say, *itertools.repeat(say, count - 1)):
        take = Take(*speak(asked), rehearsal=speak is rehearse)
        try:
            heard = speaker_encoder().embed(take.wav, RATE)
        except InputError:
            takes.append(take)
            break
        takes.append(dataclasses.replace(take, likeness=cosine(heard, prompt.dvector)))
        asked = dataclasses.replace(asked, asked=asking_for_more(asked.sought, prompt.dvector, heard))
    performed = [take for take in takes if not take.rehearsal] or [Take(*say(asked))]
    best = max(performed, key=lambda take: np.nan_to_num(take.likeness, nan=-1.0))
    return best, silent + [take.report() for take in takes if not np.isnan(take.likeness)]


def asking_for_more(asked: np.ndarray, wanted: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """The d-vector (256,) to ask for next."""
    return moved(asked, STEP * (wanted - heard))
