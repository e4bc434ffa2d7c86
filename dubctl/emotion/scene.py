"""Scene Emotion Extractor, lite: measured colour, light and motion -> a caption in words -> RTER.

Paper, "Scene Emotion Extractor": a video LLM, prompted with hue, lightness and saturation, describes the emotion that
a scene conveys. Here a fixed mapping from the literature on colour and emotion writes the caption:

- Valdez & Mehrabian 1994, "Effects of color on emotions" (J. Exp. Psychol.: General 123:394): with standardised
  brightness B and saturation S, pleasure = .69 B + .22 S, arousal = -.31 B + .60 S, dominance = -.76 B + .32 S.
- Motion and cutting raise arousal: Detenber, Simons & Bennett 1998 (J. Broadcast. Electron. Media 42:113), and the
  editing "pace" of Adams, Dorai & Venkatesh 2002 (IEEE Trans. Multimedia 4:472).
- Warm and cold light, low-key light and hue as film uses them: Bellantoni 2005, "If It's Purple, Someone's Gonna Die";
  Wei, Dimitrova & Chang 2004, "Color-mood analysis of films" (ICME).

A caption is a hypothesis about a mood, as it is in the paper, and no fact about the plot.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dubctl.emotion.base import EmotionSpace, SceneEmotion, TextEmotionEncoder
from dubctl.emotion.scene_measure import hue_name, measure_scene

REVISION = "scene1"  # of the captions: other words, other vectors

MOODS = {  # (pleasure, arousal) -> mood by tint: cold, plain, warm
    ("low", "low"): ("gloomy, lonely and sad", "gloomy and quiet", "melancholic and nostalgic"),
    ("low", "mid"): ("bleak and uneasy", "sombre and uneasy", "dark and brooding"),
    ("low", "high"): ("frightening and cold", "threatening and tense", "violent, angry and dangerous"),
    ("mid", "low"): ("lonely and thoughtful", "quiet and thoughtful", "tender and thoughtful"),
    ("mid", "mid"): ("sober and cool", "ordinary and neutral", "warm and friendly"),
    ("mid", "high"): ("nervous and tense", "restless and excited", "passionate and excited"),
    ("high", "low"): ("calm and peaceful", "peaceful and gentle", "soft, loving and happy"),
    ("high", "mid"): ("fresh and hopeful", "pleasant and hopeful", "happy and loving"),
    ("high", "high"): ("lively and surprising", "joyful and lively", "joyful and exciting"),
}


class LiteSceneExtractor:
    """Frames -> scene caption and vector. `rter` encodes the caption; left out, the shipped encoder does."""

    def __init__(self, rter: TextEmotionEncoder | None = None) -> None:
        if rter is None:
            from dubctl.emotion.rter import LiteTextEmotionEncoder

            rter = LiteTextEmotionEncoder()
        self._rter = rter
        self.space = EmotionSpace(rter.space.name, f"{rter.space.revision}+{REVISION}", rter.space.dim)

    def extract(self, frames: np.ndarray) -> SceneEmotion:
        """Frames (N, H, W, 3) uint8 RGB at 25 fps."""
        return self.felt(measure_scene(frames))

    def felt(self, measures: Mapping[str, float]) -> SceneEmotion:
        """What `measure_scene` found, in words and as a vector."""
        stats = {**measures, **affect(measures)}
        caption = describe(stats)
        return SceneEmotion(caption, np.asarray(self._rter.encode([caption])[0], np.float32),
                            np.asarray(self._rter.classify([caption])[0], np.float32), stats)


def affect(stats: Mapping[str, float]) -> dict[str, float]:
    """Pleasure, arousal and dominance (about -2..2) of measured colour, arousal raised by motion and cuts.

    Brightness and saturation are standardised by what film frames have about (L* 45 +- 25, saturation .35 +- .2);
    in near darkness nobody sees how saturated a colour is, so there it counts less.
    """
    bright = (stats["lightness"] - 45) / 25
    saturated = (stats["saturation"] - 0.35) / 0.2 * min(1.0, stats["lightness"] / 20)
    stir = min(stats["motion"] / 3, 3.0) - 1 + min(stats["cuts_per_second"], 2.0)  # 0 at everyday motion
    return {"pleasure": 0.69 * bright + 0.22 * saturated, "arousal": -0.31 * bright + 0.60 * saturated + 0.8 * stir,
            "dominance": -0.76 * bright + 0.32 * saturated}


def describe(stats: Mapping[str, float]) -> str:
    """The caption of `measure_scene` + `affect` numbers, such as
    "A dark, cold blue, nearly still scene; the mood is gloomy and quiet."
    """
    looks = ", ".join(word for word in (_light(stats), _colour(stats), _contrast(stats), _motion(stats)) if word)
    article = "An" if looks[0] in "aeiou" else "A"
    return f"{article} {looks} scene{_change(stats)}; the mood is {mood(stats)}."


def mood(stats: Mapping[str, float]) -> str:
    """Words for pleasure and arousal, tinted by the warmth of the light."""
    low_high = ("low", "mid", "high")
    pleasure = low_high[int(np.digitize(stats["pleasure"], (-0.35, 0.45)))]
    arousal = low_high[int(np.digitize(stats["arousal"], (-0.1, 0.55)))]
    return MOODS[pleasure, arousal][int(np.digitize(stats["warmth"], (-4.0, 9.0)))]


def _light(stats: Mapping[str, float]) -> str:
    words = ("black", "very dark", "dark", "dim", "evenly lit", "bright", "glaring")
    return words[int(np.digitize(stats["lightness"], (3, 14, 28, 42, 60, 90)))]


def _colour(stats: Mapping[str, float]) -> str:
    if stats["lightness"] < 3:
        return ""
    if stats["chroma"] < 4:
        return "colourless grey"
    if stats["hue_unity"] < 0.35:
        return "many-coloured" if stats["saturation"] > 0.35 else "pale, mixed-coloured"
    tint = "cold " if stats["warmth"] < -4 else "warm " if stats["warmth"] > 9 else ""
    depth = "deep " if stats["saturation"] > 0.65 else "faded " if stats["saturation"] < 0.25 else ""
    return f"{tint}{depth}{hue_name(stats['hue'])}"


def _contrast(stats: Mapping[str, float]) -> str:
    if stats["contrast"] > 27:
        return "harshly contrasted"
    return "flat and foggy" if stats["contrast"] < 7 and 20 < stats["lightness"] < 85 else ""


def _motion(stats: Mapping[str, float]) -> str:
    words = ("nearly still", "slow", "moving", "fast and restless")
    motion = words[int(np.digitize(stats["motion"], (0.7, 2.0, 5.0)))]
    if stats["cuts_per_second"] > 0.7:
        return f"{motion}, quickly cut"
    return motion


def _change(stats: Mapping[str, float]) -> str:
    if abs(stats["lightness_change"]) < 10:
        return ""
    return " that grows brighter" if stats["lightness_change"] > 0 else " that sinks into darkness"
