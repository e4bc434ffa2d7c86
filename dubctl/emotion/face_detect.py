"""BlazeFace short range (MediaPipe): faces with six keypoints. Decoding as in the model's card."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dubctl.assets import model_file
from dubctl.emotion.onnx import THREADS, session

SIZE = 128
ANCHORS = np.array([((x + .5) / n, (y + .5) / n)
                    for n, k in ((16, 2), (8, 6)) for y in range(n) for x in range(n) for _ in range(k)])


@dataclass(frozen=True)
class Detection:
    """score 0..1; box (4,) x0 y0 x1 y1 and keypoints (6, 2) in pixels of the frame.

    Keypoints: eye at image left, eye at image right, nose tip, mouth centre, ear at image left, ear at image right.
    """

    score: float
    box: np.ndarray
    keypoints: np.ndarray


def crop(image: np.ndarray, cx: float, cy: float, side: float, angle: float, size: int) -> np.ndarray:
    """The rotated square round (cx, cy) of `side` pixels, sampled bilinearly to size x size; outside is 0."""
    cos, sin, half = np.cos(angle), np.sin(angle), side / 2
    corners = np.array([[-half, -half], [half, -half], [-half, half]]) @ np.array([[cos, sin], [-sin, cos]]) + [cx, cy]
    matrix = cv2.getAffineTransform(corners.astype(np.float32), np.float32([[0, 0], [size, 0], [0, size]]))
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes x0 y0 x1 y1."""
    inner = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    both = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inner
    return float(inner / both) if both > 0 else 0.0


class FaceDetector:
    """Finds faces from about 1/8 of the frame's width up; smaller ones by `tiles`."""

    def __init__(self, threads: int = THREADS, threshold: float = 0.5) -> None:
        self._session = session(model_file("face-detector", "model.onnx"), threads)
        self.threshold = threshold

    def detect(self, frame: np.ndarray, *, tiles: bool = False) -> list[Detection]:
        """Faces of an (H, W, 3) uint8 RGB frame, best first.

        With `tiles`, three overlapping squares along the longer side are searched instead of the whole frame.
        """
        height, width = frame.shape[:2]
        if not tiles or max(height, width) < 1.2 * min(height, width):
            squares = [(width / 2, height / 2, float(max(width, height)))]
        if tiles:
            squares = _tiles(width, height)
        images = np.stack([crop(frame, cx, cy, side, 0.0, SIZE) for cx, cy, side in squares])
        boxes, logits = self._session.run(None, {"image": images.astype(np.float32) / 127.5 - 1})
        found = [item for (cx, cy, side), b, s in zip(squares, boxes, logits, strict=True)
                 for item in self._decode(b, s[:, 0], cx - side / 2, cy - side / 2, side)]
        return _distinct(found)

    def _decode(self, b: np.ndarray, logits: np.ndarray, x0: float, y0: float, side: float) -> list[Detection]:
        scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80)))
        keep = scores >= self.threshold
        scores, anchors, b = scores[keep], ANCHORS[keep], b[keep] / SIZE
        centre, size = anchors + b[:, :2], b[:, 2:4]
        points = (anchors[:, None] + b[:, 4:].reshape(-1, 6, 2)).reshape(-1, 12)
        rows = np.hstack([centre - size / 2, centre + size / 2, points])
        out, left = [], list(np.argsort(-scores))
        while left:  # weighted non-maximum suppression: overlapping boxes are averaged, not dropped
            best = left[0]
            group = [i for i in left if overlap(rows[best, :4], rows[i, :4]) > 0.3] or [best]
            weight = scores[group] / scores[group].sum()
            xy = (rows[group] * weight[:, None]).sum(0).reshape(8, 2) * side + [x0, y0]
            out.append(Detection(float(scores[best]), xy[:2].ravel(), xy[2:]))
            left = [i for i in left if i not in group]
        return out


def _tiles(width: int, height: int) -> list[tuple[float, float, float]]:
    """(cx, cy, side) of three overlapping squares along the longer side; of four corners in a squarish frame."""
    short, long = sorted((width, height))
    if long < 1.2 * short:  # three tiles would be the frame itself thrice
        side = 0.6 * long
        return [(x, y, side) for x in (side / 2, width - side / 2) for y in (side / 2, height - side / 2)]
    spots = (short / 2, long / 2, long - short / 2)
    return [(s, height / 2, short) if width > height else (width / 2, s, short) for s in map(float, spots)]


def _distinct(found: list[Detection]) -> list[Detection]:
    """The best of every group of boxes that overlap (the same face seen in two tiles)."""
    out: list[Detection] = []
    for item in sorted(found, key=lambda d: -d.score):
        if all(overlap(item.box, other.box) < 0.3 for other in out):
            out.append(item)
    return out
