"""Films imagined around clips that were only heard, so that retrieval has something to find while the graphs train.

Clips are dealt into scenes of `SCENE` lines. A scene has a mood; a line feels it with probability `MOOD`. The picture
of a scene shows its mood with probability `SHOWN` and is nearly the same for all its lines; a face shows the line's
own feeling with probability `FACED`. So the picture is a noisy witness of how a line is spoken, and the sound of other
lines of the same scene, which the search finds by their picture, is a better one: that is what a rehearsal between
director and actor can teach (paper, "Multimodal Reference Footage Library"), and what one clip's vectors cannot hold.
How much better is a choice: with these numbers the pictures of a line alone name its feeling in about one case of two.

Captions are in the words of the lite describers (see synthetic_captions.py).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from synthetic_captions import POOL, CaptionPool, caption_of, face_caption, scene_stats

from dubctl.emotion.base import EMOTIONS, TextEmotionEncoder

SCENE = (4, 9)  # lines of a scene, from and below
MOOD, SHOWN, FACED = 0.85, 0.45, 0.45
WORDED = 0.25  # a line whose words feel as it is spoken
POOL_SEED = 3  # the same pictures are to choose from in every film: an encoder that remembers reads them once
UNEVEN = 0.2  # how far the manners of a scene's lines lie apart (standard deviation)


@dataclass
class Pictures:
    """Of N lines: number of their scene (N,), scene and face captions."""

    scene: np.ndarray
    scenes: list[str]
    faces: list[str]


class ScenePool:
    """Scenes' measurements by the feeling of their caption."""

    def __init__(self, rter: TextEmotionEncoder) -> None:
        draw = random.Random(POOL_SEED)
        self.stats = [scene_stats(draw) for _ in range(POOL)]
        shares = rter.classify([caption_of(s) for s in self.stats])
        strongest = shares.argmax(1)
        self.feeling = {}
        for column, name in enumerate(EMOTIONS):
            order = np.argsort(-shares[:, column], kind="stable")
            self.feeling[name] = order[: max(24, int((strongest == column).sum()) // 2)]

    def choose(self, mood: str, draw: random.Random) -> dict[str, float]:
        places = self.feeling[mood] if draw.random() < SHOWN else range(len(self.stats))
        return self.stats[int(draw.choice(list(places)))]


def shoot(feelings: Sequence[str], rter: TextEmotionEncoder, seed: int, manners: Sequence[float] = ()) -> Pictures:
    """Pictures of lines spoken with these feelings (names of `EMOTIONS`) in these manners (numbers that are near for
    like deliveries). Lines of a feeling that share a scene are alike in manner: what the search finds tells it."""
    draw = random.Random(seed)
    scenes, faces = ScenePool(rter), CaptionPool(face_caption, rter, POOL_SEED + 1, agree=FACED)
    number, shown = np.zeros(len(feelings), int), [""] * len(feelings)
    for place, (mood, lines) in enumerate(_scenes(feelings, manners or [0.0] * len(feelings), draw)):
        stats = scenes.choose(mood, draw)
        for line in lines:
            number[line], shown[line] = place, caption_of(_retaken(stats, draw))
    return Pictures(number, shown, [faces.choose(name, draw) for name in feelings])


def _scenes(feelings: Sequence[str], manners: Sequence[float],
            draw: random.Random) -> list[tuple[str, list[int]]]:
    """(mood, lines) of scenes that together hold every line once."""
    left: dict[str, list[int]] = defaultdict(list)
    blurred = [manner + draw.gauss(0, UNEVEN) for manner in manners]
    for line in sorted(range(len(feelings)), key=lambda i: blurred[i]):
        left[feelings[line]].append(line)
    scenes = []
    while any(left.values()):
        there = [name for name, lines in left.items() if lines]
        mood = draw.choices(there, [len(left[name]) for name in there])[0]
        lines: list[int] = []
        for _ in range(draw.randrange(*SCENE)):
            there = [name for name, others in left.items() if others]
            if not there:
                break
            same = draw.random() < MOOD and left[mood]
            lines.append(left[mood if same else draw.choice(there)].pop())
        scenes.append((mood, lines))
    return scenes


def _retaken(stats: dict[str, float], draw: random.Random) -> dict[str, float]:
    """The same scene in another shot."""
    return {**stats, "hue": stats["hue"] + draw.gauss(0, 3), "warmth": stats["warmth"] + draw.gauss(0, 0.7),
            "lightness": max(2.0, stats["lightness"] + draw.gauss(0, 1.5)),
            "contrast": max(0.0, stats["contrast"] + draw.gauss(0, 1)),
            "motion": stats["motion"] * float(np.exp(draw.gauss(0, 0.3)))}
