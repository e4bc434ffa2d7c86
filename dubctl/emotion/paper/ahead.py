"""Captions of many clips at once: a video LLM is quick only in batches, and clips are read one after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dubctl.emotion.paper.captions import Captioner, Question
from dubctl.emotion.paper.face import CaptionFaceExtractor
from dubctl.emotion.paper.scene import CaptionSceneExtractor


class CaptionsAhead:
    """Asks about the next `clips` clips, so that their extractors find the captions in the cache.

    Args:
        captioner: None where neither scene nor face is captioned.
    """

    def __init__(self, captioner: Captioner, extractors: Sequence[CaptionSceneExtractor | CaptionFaceExtractor]
                 ) -> None:
        self._captioner, self._extractors = captioner, tuple(extractors)
        self.clips = max(1, captioner.batch)

    def look(self, clips: Sequence[np.ndarray]) -> None:
        """Caption clips (N, H, W, 3) uint8 RGB at 25 fps."""
        asked = [extractor.question(frames) for extractor in self._extractors for frames in clips]
        self._captioner.captions([question for question in asked if isinstance(question, Question)])
