"""How a scene is lit, coloured and filmed for a mood.

Which colours carry which mood follows the reading of `dubctl.emotion.scene`'s sources (Valdez & Mehrabian 1994,
Bellantoni 2005): dark and cold for sadness, dark, cold and restless for fear, dark saturated red for anger, dark
yellow-green for disgust, bright and warm for joy, bright, cold and lively for surprise, middling and quiet for none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Look:
    """Mean colour of the picture in CIE Lab, mean change of L* from picture to picture, hardness of light 0..1."""

    lightness: float
    a: float
    b: float
    motion: float
    hard: float = 0.4


LOOKS: dict[str, tuple[Look, ...]] = {
    "sadness": (Look(23, 0, -10, 0.3), Look(35, -1, -5, 0.3, 0.1), Look(22, 3, 7, 0.3), Look(32, -7, -6, 0.3),
                Look(16, 3, -10, 0.3, 0.6)),
    "fear": (Look(18, -2, -13, 4.2, 0.8), Look(20, -11, 2, 4.2, 0.7), Look(19, 10, -17, 4.2, 0.8),
             Look(11, -2, -9, 3.5, 0.9), Look(23, -7, -9, 5.8, 0.6)),
    "anger": (Look(19, 20, 11, 4.2, 0.8), Look(20, 15, 15, 5.8, 0.7), Look(11, 15, 8, 3.5, 0.9),
              Look(20, 20, 3, 4.2, 0.7), Look(16, 12, 13, 4.2, 0.9)),
    "joy": (Look(70, 4, 36, 3.8, 0.2), Look(68, 20, 10, 3.5, 0.2), Look(65, 14, 36, 5.8, 0.3),
            Look(66, -22, 34, 3.8, 0.3), Look(74, 6, 22, 3.0, 0.1)),
    "surprise": (Look(71, -24, -12, 6.0, 0.4), Look(65, 20, -26, 6.0, 0.5), Look(66, -8, -28, 6.0, 0.5),
                 Look(64, -32, 6, 6.0, 0.5), Look(68, 22, -14, 6.0, 0.3)),
    "disgust": (Look(21, -8, 12, 2.8, 0.5), Look(20, -2, 11, 2.8, 0.6), Look(22, -9, 5, 2.9, 0.5),
                Look(18, -6, 13, 2.8, 0.3), Look(19, 6, 1, 2.7, 0.6)),
    "neutral": (Look(50, 0, 5, 1.1), Look(55, -2, -6, 1.0), Look(46, 4, 10, 1.2), Look(51, -6, 6, 1.1, 0.2),
                Look(47, -1, 1, 1.0, 0.5)),
}


def look_of(emotion: str, rng: np.random.Generator) -> Look:
    """One of an emotion's looks, varied a little."""
    look = LOOKS[emotion][rng.integers(len(LOOKS[emotion]))]
    return replace(look, lightness=look.lightness + rng.normal(0, 1.2), a=look.a + rng.normal(0, 1),
                   b=look.b + rng.normal(0, 1.2), motion=look.motion * float(rng.uniform(0.92, 1.08)))
