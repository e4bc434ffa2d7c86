"""Mini-Xception (FER2013): seven expressions of one face. A weak cue: average it over many frames, compare, doubt."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dubctl.assets import model_file
from dubctl.emotion.face_detect import crop
from dubctl.emotion.onnx import THREADS, session

SIZE = 64
CLASSES = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")  # order of the model's output


class ExpressionModel:
    """Expression probabilities from a face's landmarks."""

    def __init__(self, threads: int = THREADS) -> None:
        self._session = session(model_file("face-expression", "model.onnx"), threads)

    def probabilities(self, frames: Sequence[np.ndarray], landmarks: Sequence[np.ndarray]) -> np.ndarray:
        """(N, 7) in the order of `CLASSES`, of N frames (H, W, 3) RGB and their landmarks (478, 3)."""
        faces = np.stack([cv2.cvtColor(crop(frame, *expression_square(points), SIZE), cv2.COLOR_RGB2GRAY)
                          for frame, points in zip(frames, landmarks, strict=True)])
        return self._session.run(None, {"face": faces[..., None].astype(np.float32) / 127.5 - 1})[0]


def expression_square(points: np.ndarray) -> tuple[float, float, float, float]:
    """Centre x, y, side and angle of the square the model wants, from landmarks (478, 3)."""
    low, high = points[:468, :2].min(0), points[:468, :2].max(0)
    centre, height = (low + high) / 2, float((high - low).max())
    dx, dy = points[263, :2] - points[33, :2]
    return float(centre[0]), float(centre[1]), 1.2 * height, float(np.arctan2(dy, dx))
