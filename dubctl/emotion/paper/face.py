"""Face Emotion Extractor, the paper's: a video LLM describes how the face changes -> RTER; lips come from landmarks.

The paper shows the LLM the video. Here it is shown the speaking face, cut out of the frames, so that the caption is
about the one who is dubbed; a clip without a face gets no caption and no vector, as in the lite profile.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import cv2
import numpy as np

from dubctl.emotion.base import EmotionSpace, FaceEmotion, TextEmotionEncoder
from dubctl.emotion.face_choose import lip_track, speaking_face
from dubctl.emotion.face_track import FacePath, FaceTracker
from dubctl.emotion.face_words import NO_FACE
from dubctl.emotion.onnx import THREADS
from dubctl.emotion.paper.captions import FPS, Captioner, Question, sample
from dubctl.emotion.shots import find_cuts

SIZE = 336  # pixels of the cut-out face: the input size of the usual vision towers
MARGIN = 0.35  # of the face's longer side, on each side
KEPT = 64  # tracked clips remembered between asking ahead and reading


class CaptionFaceExtractor:
    """Frames -> face caption, vector and lip track of the speaking face.

    Args:
        captioner: asks the video LLM. rter: caption -> vector. frames: how many the video LLM sees.
    """

    def __init__(self, captioner: Captioner, rter: TextEmotionEncoder, frames: int, threads: int = THREADS) -> None:
        self._captioner, self._rter, self._frames = captioner, rter, frames
        self._tracker = FaceTracker(threads)
        self._tracked: OrderedDict[str, FacePath] = OrderedDict()
        self.space = EmotionSpace(rter.space.name, f"{rter.space.revision}+face-{captioner.revision}-{frames}",
                                  rter.space.dim)

    def question(self, frames: np.ndarray) -> Question | None:
        """What is asked about a clip (N, H, W, 3) uint8 RGB at 25 fps; None where no face is seen."""
        path = self._track(frames)
        if not path.seen.any():
            return None
        at = sample(np.flatnonzero(path.seen), self._frames)
        return Question(np.stack([cut_out(frames[i], path.landmarks[i]) for i in at]), self._captioner.prompts.face,
                        FPS * len(at) / (at[-1] - at[0] + 1))

    def extract(self, frames: np.ndarray) -> FaceEmotion:
        """Frames (N, H, W, 3) uint8 RGB at 25 fps. Without a face: vector and profile None, coverage 0."""
        path = self._track(frames)
        lips, coverage = lip_track(path, find_cuts(frames)), float(path.seen.mean())
        question = self.question(frames)
        if question is None:
            return FaceEmotion(NO_FACE, None, None, lips, 0.0, {"coverage": 0.0})
        caption = self._captioner.captions([question])[0]
        return FaceEmotion(caption, self._rter.encode([caption])[0], self._rter.classify([caption])[0], lips, coverage,
                           {"coverage": coverage})

    def _track(self, frames: np.ndarray) -> FacePath:
        """Tracking costs more than anything else on a CPU, and a clip is looked at twice: its path is kept."""
        key = hashlib.sha256(np.ascontiguousarray(frames).tobytes()).hexdigest()
        if key not in self._tracked:
            self._tracked[key] = speaking_face(frames, self._tracker)
            if len(self._tracked) > KEPT:
                self._tracked.popitem(last=False)
        return self._tracked[key]


def cut_out(frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The square around a face (336, 336, 3) of a frame (H, W, 3); landmarks (P, 2+) in pixels."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    half = float((high - low).max()) * (0.5 + MARGIN)
    (x, y), (tall, wide) = (low + high) / 2, frame.shape[:2]
    left, top = int(np.clip(x - half, 0, wide - 1)), int(np.clip(y - half, 0, tall - 1))
    right, bottom = int(np.clip(x + half, left + 1, wide)), int(np.clip(y + half, top + 1, tall))
    return cv2.resize(frame[top:bottom, left:right], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
