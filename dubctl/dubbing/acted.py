"""`--emotion name[:strength]`: how actors change their prosody for a feeling, asked for or found by the graphs, and
what the graphs are told to feel.

The numbers are in `acted_prosody.json` beside this file: published measurements with their source and method.
Strength 1 is what actors do at normal intensity, 2 at strong intensity; between and below, in proportion.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubctl.config import nearest
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.labels import emotion_class
from dubctl.errors import UsageError
from dubctl.synth.direction import Direction

STRONGEST = 2.0
SCENE = "scene"  # `--emotion scene:0.5`: what the graphs find, acted at so much
PITCH_LIMIT, ENERGY_LIMIT = 4.0, 8.0  # semitones and dB: actors go farther than a read voice can follow
# of the decibels that actors add: a dub has 6 dB of headroom, beyond which its peaks are limited, and a strong feeling
# is to be louder than a normal one; softer feelings keep the same share. Feelings are heard as well as with all of them
# (docs/voice-history.md).
LEVEL = 0.7
FIRST_COLOURED, COLOUR_LIMIT = 4, 6.0  # third octave (317 Hz) from which the spectrum is coloured, and dB
# Feelings whose table tilt is left out. An earlier voice tilted its spectrum by itself with references of these, and
# the table's on top made it 1.4 to 2.5 dB/octave brighter than the acted clips. This voice hardly does (.1 to .2); but
# with the tilt its feelings were heard no better and no worse (140 held-out lines, the voice's card).
UNTILTED = frozenset({"disgust", "fear", "surprise"})
INTENSITIES = ("normal", "strong")
PHRASES = {  # what the text-emotion encoder is shown for each feeling
    "anger": "I am furious, I am so angry with you!", "disgust": "This is disgusting, it makes me sick.",
    "fear": "I am terrified, I am so afraid.", "joy": "I am so happy, this is wonderful!",
    "neutral": "The meeting is on Tuesday.", "sadness": "I am so sad, I could cry.",
    "surprise": "Wow, what a surprise, I did not expect that!",
}


@dataclass(frozen=True)
class Feeling:
    """A feeling the director asks for, strength 0..2."""

    name: str
    strength: float = 1.0

    @property
    def blend(self) -> float:
        """How far the graphs' own finding gives way to it, 0..1: at strength 1 it is overridden."""
        return min(1.0, self.strength)

    @property
    def phrase(self) -> str:
        return PHRASES[self.name]


def parse_feeling(text: str) -> Feeling:
    """`sadness`, `sadness:0.5`, a data set's name for it (sad, happy …), or `scene:0.5`: what the scene says.

    Raises:
        UsageError: no such feeling (the nearest is named), or a strength that is not 0..2.
    """
    given, colon, strength = text.strip().lower().partition(":")
    known = None if given.isdigit() else emotion_class(given)
    name = given if known is None else EMOTIONS[known]
    if name not in (*EMOTIONS, SCENE):
        raise UsageError(f"--emotion {text}: no such feeling", nearest(name, [*EMOTIONS, SCENE]))
    try:
        value = float(strength) if colon else 1.0
    except ValueError:
        value = math.nan
    if not 0 <= value <= STRONGEST:
        raise UsageError(f"--emotion {text}: how strongly?",
                         "give a strength from 0 to 2 (1 is acted normally, 2 strongly)")
    return Feeling(name, value)


def direction_of(feeling: Feeling) -> Direction:
    """The departures from neutral that actors make for a feeling; its numbers are monotonic in its strength."""
    if feeling.name == "neutral" or not feeling.strength:
        return Direction()
    row = _table()["emotions"][feeling.name]
    def at(measure: str) -> float:
        ratio = measure.endswith("_ratio")
        normal, strong = (math.log(v) if ratio else v for v in (row[i][measure] for i in ("normal", "strong")))
        value = _at(feeling.strength, normal, strong)
        return math.exp(value) if ratio else value
    pitch, energy = at("pitch_st"), LEVEL * at("energy_db")
    return Direction(rate=at("rate_ratio"), pitch_st=min(max(pitch, -PITCH_LIMIT), PITCH_LIMIT),
                     range_ratio=at("range_ratio"), energy_db=min(max(energy, -ENERGY_LIMIT), ENERGY_LIMIT),
                     tilt_db_per_octave=0.0 if feeling.name in UNTILTED else at("tilt_db_per_octave"),
                     contour_st=_curve(feeling.strength, *(_typical(row[i])["contour_st"] for i in INTENSITIES)),
                     colour_db=_curve(feeling.strength, *(_colour(_typical(row[i])["ltas_db"]) for i in INTENSITIES)),
                     acted=feeling.strength)


def _typical(at: dict[str, Any]) -> dict[str, Any]:
    """The commonest delivery: the mean of all has no melody, since each actor times his own."""
    return at["typical"][0]


def _colour(ltas: list[float]) -> list[float]:
    """A long-term spectrum (18,) dB without its tilt, which is a handle of its own, and without what lies below the
    voice's pitch range, which moves with the pitch; within `COLOUR_LIMIT`."""
    count, octaves = len(ltas), [i / 3 for i in range(len(ltas))]
    kept = range(FIRST_COLOURED, count)
    x, y = [octaves[i] for i in kept], [ltas[i] for i in kept]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
    rest = [b - mean_y - slope * (a - mean_x) for a, b in zip(x, y, strict=True)]
    return [0.0] * FIRST_COLOURED + [min(max(v, -COLOUR_LIMIT), COLOUR_LIMIT) for v in rest]


def _curve(strength: float, normal: list[float], strong: list[float]) -> tuple[float, ...]:
    """From 0 through `normal` at 1 to `strong` at 2, point by point."""
    share = max(0.0, strength - 1)
    return tuple(min(strength, 1.0) * ((1 - share) * a + share * b) for a, b in zip(normal, strong, strict=True))


def _at(strength: float, normal: float, strong: float) -> float:
    """From 0 through `normal` at 1 to `strong` at 2, where that lies farther the same way; else it stays at normal."""
    if strength <= 1:
        return strength * normal
    farther = strong if normal * strong > 0 and abs(strong) > abs(normal) else normal
    return normal + (strength - 1) * (farther - normal)


@functools.lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("acted_prosody.json").read_text(encoding="utf-8"))
