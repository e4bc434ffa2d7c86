"""MediaPipe attention mesh: 478 landmarks of one face, and a flag that doubts whether there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dubctl.assets import model_file
from dubctl.emotion.face_detect import Detection, crop
from dubctl.emotion.onnx import THREADS, session

SIZE, POINTS = 192, 478


@dataclass(frozen=True)
class Roi:
    """A rotated square in the frame: centre and side in pixels, angle in radians."""

    cx: float
    cy: float
    side: float
    angle: float

    @classmethod
    def of_detection(cls, found: Detection) -> Roi:
        """Round the box, upright by the line between the eyes: for the first frame of a face."""
        x0, y0, x1, y1 = found.box
        dx, dy = found.keypoints[1] - found.keypoints[0]
        return cls((x0 + x1) / 2, (y0 + y1) / 2, 1.5 * max(x1 - x0, y1 - y0), float(np.arctan2(dy, dx)))

    @classmethod
    def of_landmarks(cls, points: np.ndarray) -> Roi:
        """Round the landmarks of the frame before: steadier than a new detection."""
        low, high = points[:468, :2].min(0), points[:468, :2].max(0)
        dx, dy = points[263, :2] - points[33, :2]
        cx, cy = (low + high) / 2
        return cls(float(cx), float(cy), float((high - low).max() * 1.5), float(np.arctan2(dy, dx)))


def box_of(points: np.ndarray) -> np.ndarray:
    """Axis-parallel box (4,) x0 y0 x1 y1 of landmarks (478, 3)."""
    return np.concatenate([points[:468, :2].min(0), points[:468, :2].max(0)])


class FaceMesh:
    """Landmarks inside a region of interest."""

    def __init__(self, threads: int = THREADS) -> None:
        self._session = session(model_file("face-landmarks", "mesh_478_attention.onnx"), threads)

    def run(self, frame: np.ndarray, roi: Roi) -> tuple[np.ndarray, float]:
        """Landmarks (478, 3) in pixels of the frame (z in the same scale) and the probability of a face, 0..1."""
        image = crop(frame, roi.cx, roi.cy, roi.side, roi.angle, SIZE).astype(np.float32)[None] / 255
        landmarks, flag = self._session.run(["landmarks", "face_flag"], {"image": image})
        u, v, z = ((landmarks[0] / SIZE - [.5, .5, 0]) * roi.side).T
        cos, sin = np.cos(roi.angle), np.sin(roi.angle)
        points = np.stack([roi.cx + u * cos - v * sin, roi.cy + u * sin + v * cos, z], 1)
        return points, float(1 / (1 + np.exp(-np.clip(float(flag[0, 0]), -80, 80))))
