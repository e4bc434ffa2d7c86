"""Distances on a face, each over the outer eye distance, so that size and place in the picture do not matter."""

from __future__ import annotations

import numpy as np

RIGHT_EYE, LEFT_EYE = 33, 263
BROW_RIGHT, BROW_LEFT = (70, 63, 105, 66, 107), (300, 293, 334, 296, 336)
INNER_BROWS = (107, 336)


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Outer eye distance (N,) in pixels, of landmarks (N, 478, 3); in space, so that a turned head keeps its size."""
    return np.maximum(_gap(points, RIGHT_EYE, LEFT_EYE, 3), 1e-6)


def opening(points: np.ndarray) -> np.ndarray:
    """Mouth opening (N,): inner lips, 0 = closed."""
    return _gap(points, 13, 14, 2) / eye_distance(points)


def width(points: np.ndarray) -> np.ndarray:
    """Mouth width (N,): between the corners."""
    return _gap(points, 61, 291, 3) / eye_distance(points)


def corners(points: np.ndarray) -> np.ndarray:
    """How far the mouth's corners lie above its middle (N,): a smile is positive, drooping corners negative."""
    upright = _upright(points)
    return (upright[:, [13, 14], 1].mean(1) - upright[:, [61, 291], 1].mean(1)) / eye_distance(points)


def brows(points: np.ndarray) -> np.ndarray:
    """Height of the brows over the eye corners (N,)."""
    upright = _upright(points)
    lids = upright[:, [33, 133, 263, 362], 1].mean(1)
    return (lids - upright[:, [*BROW_RIGHT, *BROW_LEFT], 1].mean(1)) / eye_distance(points)


def frown(points: np.ndarray) -> np.ndarray:
    """Distance of the inner ends of the brows (N,): smaller when they are drawn together."""
    return _gap(points, *INNER_BROWS, 3) / eye_distance(points)


def eyes(points: np.ndarray) -> np.ndarray:
    """Opening of the eyes (N,), mean of both; 0 = shut."""
    return (_gap(points, 159, 145, 2) + _gap(points, 386, 374, 2)) / 2 / eye_distance(points)


MEASURES = {"opening": opening, "width": width, "corners": corners, "brows": brows, "frown": frown, "eyes": eyes}


def _gap(points: np.ndarray, a: int, b: int, dims: int) -> np.ndarray:
    return np.linalg.norm(points[:, a, :dims] - points[:, b, :dims], axis=1)


def _upright(points: np.ndarray) -> np.ndarray:
    """x, y turned so that the line between the eyes is level (N, 478, 2)."""
    dx, dy = (points[:, LEFT_EYE, :2] - points[:, RIGHT_EYE, :2]).T
    angle = np.arctan2(dy, dx)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = points[..., 0], points[..., 1]
    return np.stack([x * cos + y * sin, y * cos - x * sin], -1)
