"""Smooth shapes on a canvas: splines, anti-aliased fills, soft shadows.

Coordinates of a drawing are face units: x to the right, y down, the origin between the eyes, 1 = the distance between
the outer corners of the eyes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

SHIFT = 4  # OpenCV's fixed point: 1/16 pixel
Colour = tuple[float, float, float]
_TURN = np.linspace(0, 2 * np.pi, 25)[:-1]
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], 1)


@functools.lru_cache(maxsize=64)
def _catmull(count: int, steps: int, closed: bool) -> np.ndarray:
    """Matrix (count * steps, count) that turns control points into a Catmull-Rom curve through them."""
    t = np.arange(steps) / steps
    basis = np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], 1) / 2
    spans = count if closed else count - 1
    rows = np.zeros((spans * steps + (not closed), count))
    for i in range(spans):
        for j in range(4):
            at = (i - 1 + j) % count if closed else min(max(i - 1 + j, 0), count - 1)
            rows[i * steps:(i + 1) * steps, at] += basis[:, j]
    if not closed:
        rows[-1, -1] = 1.0
    return rows


def curve(points: np.ndarray, *, closed: bool = False, steps: int = 6) -> np.ndarray:
    """A smooth curve (M, 2) through control points (N, 2)."""
    points = np.asarray(points, np.float64)
    return _catmull(len(points), steps, closed) @ points


def mirrored(right: np.ndarray) -> np.ndarray:
    """A symmetric outline from its right half, given from top to bottom: (N, 2) -> (2N - 2, 2) or so."""
    left = right[::-1] * [-1, 1]
    return np.concatenate([right, left[np.abs(left[:, 0]) > 1e-9]])


def oval(x: float, y: float, rx: float, ry: float) -> np.ndarray:
    """An upright ellipse (24, 2)."""
    return _CIRCLE * [rx, ry] + [x, y]


def ribbon(path: np.ndarray, width: float) -> np.ndarray:
    """A line as an outline that is thickest in the middle."""
    along = np.empty_like(path)
    along[1:-1], along[0], along[-1] = path[2:] - path[:-2], path[1] - path[0], path[-1] - path[-2]
    swell = _swell(len(path)) * width / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    across = np.stack([along[:, 1] * swell, -along[:, 0] * swell], 1)
    return np.concatenate([path + across, (path - across)[::-1]])


@functools.lru_cache(maxsize=32)
def _swell(count: int) -> np.ndarray:
    return np.sin(np.linspace(0.15, np.pi - 0.15, count))


@dataclass
class Canvas:
    """An RGB picture (H, W, 3) uint8 in face units: `scale` pixels a unit, (left, top) at pixel 0."""

    pixels: np.ndarray
    scale: float
    left: float
    top: float

    def place(self, points: np.ndarray) -> np.ndarray:
        """Face units (N, 2) -> pixels (N, 2)."""
        return (np.asarray(points, np.float64) - [self.left, self.top]) * self.scale - 0.5

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """x, y (H, W) in face units of the pixels' centres."""
        h, w = self.pixels.shape[:2]
        return np.meshgrid((np.arange(w) + 0.5) / self.scale + self.left, (np.arange(h) + 0.5) / self.scale + self.top)

    def fill(self, outline: np.ndarray, colour: Colour) -> None:
        """A filled polygon with smooth edges."""
        cv2.fillPoly(self.pixels, [_fixed(self.place(outline))], colour, cv2.LINE_AA, SHIFT)

    def line(self, path: np.ndarray, colour: Colour, width: float) -> None:
        """An open line, `width` in face units."""
        cv2.polylines(self.pixels, [_fixed(self.place(path))], False, colour, max(1, round(width * self.scale)),
                      cv2.LINE_AA, SHIFT)

    def disc(self, centre: np.ndarray, radius: float, colour: Colour) -> None:
        """A filled circle."""
        x, y = np.rint(self.place(np.asarray(centre)[None])[0] * 2**SHIFT).astype(int)
        cv2.circle(self.pixels, (int(x), int(y)), max(1, round(radius * self.scale * 2**SHIFT)), colour, -1,
                   cv2.LINE_AA, SHIFT)

    def soft(self, outline: np.ndarray, colour: Colour, alpha: float, blur: float) -> None:
        """A filled polygon blurred by `blur` face units and laid over with opacity `alpha` (0..1)."""
        if alpha < 0.01:
            return
        spread = 2.5 * blur * self.scale
        spots = self.place(outline)
        h, w = self.pixels.shape[:2]
        x0, y0 = np.maximum(np.floor(spots.min(0) - spread), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(spots.max(0) + spread) + 1, [w, h]).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(mask, [_fixed(spots - [x0, y0])], 255, cv2.LINE_AA, SHIFT)
        mask = cv2.GaussianBlur(mask, (0, 0), blur * self.scale)
        self.blend(mask, colour, alpha, x0, y0)

    def blend(self, mask: np.ndarray, layer: np.ndarray | Colour, alpha: float = 1.0, x0: int = 0, y0: int = 0) -> None:
        """Lay a colour or picture over the canvas through a mask (h, w) uint8 whose corner is at (x0, y0)."""
        part = self.pixels[y0:y0 + mask.shape[0], x0:x0 + mask.shape[1]]
        share = mask[..., None].astype(np.float32) * (alpha / 255)
        part[:] = part + (np.asarray(layer, np.float32) - part) * share + 0.5


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.rint(points * 2**SHIFT).astype(np.int32)
