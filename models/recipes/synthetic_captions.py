"""Scene and face captions for footage that was only heard, in exactly the words of the lite describers.

Random but possible measurements go through `dubctl.emotion.scene.describe` and `dubctl.emotion.face_words.sentence`;
the text-emotion encoder says what each caption feels like. For a line with an emotion label, `AGREE` of the draws take
a caption of that feeling and the rest any caption: pictures agree with words often, not always.
"""

from __future__ import annotations

import random

import numpy as np

from dubctl.emotion.base import EMOTIONS, TextEmotionEncoder
from dubctl.emotion.face_words import FEELINGS, MARGIN, RESTING, sentence
from dubctl.emotion.scene import affect, describe

AGREE = 0.75
POOL = 4000  # captions drawn before any is chosen
NARROWEST = 12  # captions of a feeling that is rarely the strongest: at least this many, the clearest first

# where a feeling shows on a face, in margins (FACS: smile, frown, raised brows …)
SIGNS = {"joy": {"corners": 1.5, "eyes": -0.5}, "sadness": {"corners": -1.2, "eyes": -0.8},
         "anger": {"brows": -1.2, "frown": -1.5}, "fear": {"brows": 0.8, "frown": -1.0, "eyes": 1.0},
         "disgust": {"frown": -0.8, "corners": -0.6}, "surprise": {"brows": 1.8, "eyes": 1.5}}


def scene_caption(draw: random.Random) -> str:
    """The caption of a scene as film has them."""
    return caption_of(scene_stats(draw))


def caption_of(stats: dict[str, float]) -> str:
    """The lite describer's words for `scene_stats`."""
    return describe({**stats, **affect(stats)})


def scene_stats(draw: random.Random) -> dict[str, float]:
    """Measurements of a scene: light and saturation spread widely, cuts rare within a line."""
    return {"hue": draw.uniform(0, 360), "hue_unity": draw.betavariate(3, 2), "saturation": draw.betavariate(2, 3),
             "chroma": draw.gammavariate(2.5, 6), "lightness": min(95.0, max(2.0, draw.gauss(40, 20))),
             "contrast": draw.gammavariate(6, 3), "lightness_change": draw.gauss(0, 6), "warmth": draw.gauss(4, 9),
             "motion": draw.gammavariate(1.5, 1.8), "cuts_per_second": draw.choice((0, 0, 0, 0, 0.5, 1.0)),
             "dark_share": 0.2, "bright_share": 0.1}


def face_caption(draw: random.Random) -> str:
    """The caption of a talking face with one main feeling, or none."""
    main = draw.choice([*FEELINGS, "neutral"])
    words = [_word(draw, main if draw.random() < 0.75 else draw.choice([*FEELINGS, "neutral"])) for _ in range(3)]
    stats = {"mouth_motion": draw.gammavariate(3, 0.003), "opening": draw.uniform(0, 0.2),
             "opening_peak": draw.uniform(0.1, 0.42), "head_motion": draw.gammavariate(2, 0.025),
             "blinks_per_second": draw.gammavariate(2, 0.3)}
    for name in RESTING:
        shift = SIGNS.get(main, {}).get(name, 0.0)
        stats[name] = RESTING[name] + MARGIN[name] * draw.gauss(shift, 0.6)
        stats[f"{name}_change"] = MARGIN[name] * draw.gauss(0, 0.35)
    return sentence(words, stats, draw.choice((1.0, 1.0, 1.0, 0.4)))


def _word(draw: random.Random, name: str) -> str:
    return "calm" if name == "neutral" else draw.choice(("slightly ", "", "", "very ")) + FEELINGS[name]


class CaptionPool:
    """Captions by feeling. `draw_caption` is one of the two functions above; `agree`: how often a line gets one of its
    own feeling."""

    def __init__(self, draw_caption, rter: TextEmotionEncoder, seed: int, agree: float = AGREE) -> None:
        self.agree, draw = agree, random.Random(seed)
        self.captions = sorted({draw_caption(draw) for _ in range(POOL)})
        shares = rter.classify(self.captions)
        strongest = shares.argmax(1)
        self.feeling: dict[str, np.ndarray] = {}
        for column, name in enumerate(EMOTIONS):
            order = np.argsort(-shares[:, column], kind="stable")
            clear = int((strongest == column).sum()) // 2  # the clearer half of those that feel so
            self.feeling[name] = order[:max(NARROWEST, clear)]

    def choose(self, emotion: str, draw: random.Random) -> str:
        """A caption for a line of this emotion: of its feeling with probability `agree`, else any."""
        places = self.feeling[emotion] if draw.random() < self.agree else range(len(self.captions))
        return self.captions[int(draw.choice(list(places)))]
