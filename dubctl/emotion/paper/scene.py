"""Scene Emotion Extractor, the paper's: a video LLM, told the measured hue, lightness and saturation -> RTER."""

from __future__ import annotations

import numpy as np

from dubctl.emotion.base import EmotionSpace, SceneEmotion, TextEmotionEncoder
from dubctl.emotion.paper.captions import FPS, Captioner, Question, sample
from dubctl.emotion.scene_measure import measure_scene


class CaptionSceneExtractor:
    """Frames -> scene caption and vector.

    Args:
        captioner: asks the video LLM. rter: caption -> vector. frames: how many the video LLM sees.
    """

    def __init__(self, captioner: Captioner, rter: TextEmotionEncoder, frames: int) -> None:
        self._captioner, self._rter, self._frames = captioner, rter, frames
        self.space = EmotionSpace(rter.space.name, f"{rter.space.revision}+scene-{captioner.revision}-{frames}",
                                  rter.space.dim)

    def question(self, frames: np.ndarray) -> Question:
        """What is asked about a clip (N, H, W, 3) uint8 RGB at 25 fps."""
        shown = sample(frames, self._frames)
        return Question(shown, self._captioner.prompts.of_scene(measure_scene(frames)),
                        FPS * len(shown) / len(frames))

    def extract(self, frames: np.ndarray) -> SceneEmotion:
        """Frames (N, H, W, 3) uint8 RGB at 25 fps."""
        caption = self._captioner.captions([self.question(frames)])[0]
        return SceneEmotion(caption, self._rter.encode([caption])[0], self._rter.classify([caption])[0],
                            measure_scene(frames))
