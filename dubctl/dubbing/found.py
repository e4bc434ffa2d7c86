"""What is found in a line, and how it is acted: by the same departures as a feeling that a director asks for.

The graphs look and listen; where the references that were retrieved carry labels of their feeling (as V2C's clips and
the built-in library do), those count too, as a director knows what the footage he shows is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dubctl.dubbing.acted import STRONGEST, Feeling, direction_of
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.labels import emotion_class
from dubctl.graph.build import MODALITIES, EmotionBatch
from dubctl.library.hits import Hit
from dubctl.synth.voice import Voice

SURE, CLEAR = 0.8, 0.35  # probability of a finding that is acted in full, and below which none is
FULL = 1.8  # how strongly: at an actor's normal intensity (1) the recogniser of `emo-acc` hears hardly more than chance
# what a label adds to a feeling's log odds, by what its clip was found by, and what the graphs' own log odds then
# still count; fitted on lines that the graphs had not learnt from (models/recipes/fit_finding.py): .62, .21, .41, .61;
# the last rounded up, for it is .75 if the graphs see no references
LABEL = {"scene": 0.6, "face": 0.2, "text": 0.4}
BESIDE_LABELS = 0.7


@dataclass(frozen=True)
class Finding:
    """shares: probability of each of `EMOTIONS`, () where the voice cannot tell; acted: what comes of it, if any;
    graphs: shares of the graphs alone; labels: how many references are labelled so."""

    shares: tuple[float, ...] = ()
    acted: Feeling | None = None
    graphs: tuple[float, ...] = ()
    labels: tuple[int, ...] = ()

    def report(self) -> dict[str, Any]:
        """For the report of a dub."""
        acted = self.acted and {"name": self.acted.name, "strength": round(self.acted.strength, 4),
                                **direction_of(self.acted).as_dict()}
        return {"shares": _named(self.shares), "acted": acted, "graphs": _named(self.graphs),
                "labels": {e: n for e, n in zip(EMOTIONS, self.labels, strict=False) if n}}


def _named(shares: tuple[float, ...]) -> dict[str, float]:
    return {e: round(p, 4) for e, p in zip(EMOTIONS, shares, strict=False)}


def find_feeling(voice: Voice, emotion: EmotionBatch, strength: float = 1.0,
                 labels: np.ndarray | None = None) -> Finding:
    """What is found in a line's basic emotion and references (a batch of one), to be acted with `strength`.

    Args:
        labels: `labels_of` the references; None leaves it to the graphs alone.
    """
    graphs = voice.finds(emotion)
    if graphs is None:
        return Finding()
    seen = emotion.basic_mask[0].cpu().numpy()[:, None]  # what a blank picture found says nothing of the scene
    labels = np.zeros((len(MODALITIES), len(EMOTIONS)), int) if labels is None else labels * seen
    shares = weighed(graphs, labels)
    return Finding(tuple(map(float, shares)), acted_of(shares, strength), tuple(map(float, graphs)),
                   tuple(map(int, labels.sum(0))))


def labels_of(hits: Sequence[Hit]) -> np.ndarray:
    """References (3, 7) by what they were found by and the feeling they are labelled with; others do not count."""
    found = np.zeros((len(MODALITIES), len(EMOTIONS)), int)
    for hit in hits:
        feeling = emotion_class(hit.emotion)
        if feeling is not None:
            found[MODALITIES.index(hit.modality), feeling] += 1
    return found


def weighed(graphs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities (7,) of the graphs' (7,) and the labels (3, 7) together; what the graphs never learnt stays 0."""
    if not labels.any():
        return graphs
    odds = BESIDE_LABELS * np.log(np.maximum(graphs, 1e-4)) + np.array([LABEL[m] for m in MODALITIES]) @ labels
    shares = np.where(graphs > 0, np.exp(odds - odds.max()), 0.0)
    return (shares / shares.sum()).astype(np.float32)


def acted_of(shares: np.ndarray, strength: float = 1.0) -> Feeling | None:
    """What is acted of probabilities (7,): the likeliest feeling, the stronger the surer it is, from `SURE` on at
    `strength` times `FULL`. None where nothing stands out, or neutral does."""
    best = int(np.argmax(shares))
    part = min(1.0, max(0.0, (float(shares[best]) - CLEAR) / (SURE - CLEAR)))
    if EMOTIONS[best] == "neutral" or part * strength == 0:
        return None
    return Feeling(EMOTIONS[best], min(STRONGEST, FULL * part * strength))
