"""What the graphs find in a line, and how it is acted: by the same departures as a feeling that a director asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dubctl.dubbing.acted import STRONGEST, Feeling, direction_of
from dubctl.emotion.base import EMOTIONS
from dubctl.graph.build import EmotionBatch
from dubctl.synth.voice import Voice

SURE, CLEAR = 0.8, 0.35  # probability of a finding that is acted in full, and below which none is
FULL = 1.6  # how strongly: at an actor's normal intensity (1) the recogniser of `emo-acc` hears hardly more than chance


@dataclass(frozen=True)
class Finding:
    """shares: probability of each of `EMOTIONS`, () where the voice cannot tell; acted: what comes of it, if any."""

    shares: tuple[float, ...] = ()
    acted: Feeling | None = None

    def report(self) -> dict[str, Any]:
        """For the report of a dub."""
        acted = self.acted and {"name": self.acted.name, "strength": round(self.acted.strength, 4),
                                **direction_of(self.acted).as_dict()}
        return {"shares": {e: round(p, 4) for e, p in zip(EMOTIONS, self.shares, strict=False)}, "acted": acted}


def find_feeling(voice: Voice, emotion: EmotionBatch, strength: float = 1.0) -> Finding:
    """What the graphs find in a line's basic emotion and references (a batch of one), to be acted with `strength`."""
    shares = voice.finds(emotion)
    return Finding() if shares is None else Finding(tuple(map(float, shares)), acted_of(shares, strength))


def acted_of(shares: np.ndarray, strength: float = 1.0) -> Feeling | None:
    """What is acted of probabilities (7,): the likeliest feeling, the stronger the surer it is, from `SURE` on at
    `strength` times `FULL`. None where nothing stands out, or neutral does."""
    best = int(np.argmax(shares))
    part = min(1.0, max(0.0, (float(shares[best]) - CLEAR) / (SURE - CLEAR)))
    if EMOTIONS[best] == "neutral" or part * strength == 0:
        return None
    return Feeling(EMOTIONS[best], min(STRONGEST, FULL * part * strength))
