"""Cuts: where one shot ends and the next begins.

A cut changes the whole picture at once: the change stands out from the motion around it, and is large against the
light there is (a cut between two dark shots moves few grey levels). A waving arm, a pan or a fade does not.
"""

from __future__ import annotations

import cv2
import numpy as np

SMALL = (48, 27)  # width, height of the pictures compared
PIXEL_JUMP, RELATIVE_JUMP = 0.03, 0.12  # change of grey level (0..1), and the same over the light of both pictures
OVER_MOTION, OVER_MOTION_COLOUR, COLOUR_JUMP = 5.0, 3.0, 0.25  # less needs to stand out where the colours change too


def thumbnails(frames: np.ndarray, size: tuple[int, int] = SMALL) -> np.ndarray:
    """Frames (N, H, W, 3) uint8 as float32 (N, h, w, 3) in 0..1, area-averaged to `size` (w, h)."""
    small = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
    return small.astype(np.float32) / 255


def changes(thumbs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N-1,) mean absolute pixel change and (N-1,) half L1 histogram change (0..1) between neighbours."""
    pixel = np.abs(np.diff(thumbs, axis=0)).mean(axis=(1, 2, 3))
    bins = (thumbs * 7.999).astype(np.int64) @ np.array([64, 8, 1])
    hists = np.stack([np.bincount(b.ravel(), minlength=512) for b in bins]) / bins[0].size
    # neighbouring bins count as near: a slight change of light moves whole areas over a bin's edge
    soft = cv2.GaussianBlur(hists.reshape(-1, 8, 64).astype(np.float32), (3, 3), 0).reshape(len(hists), -1)
    return pixel, np.abs(np.diff(soft, axis=0)).sum(axis=1) / 2


def find_cuts(frames: np.ndarray) -> list[int]:
    """Indices of the first frame of every shot but the first, rising. Frames (N, H, W, 3) uint8 RGB."""
    if len(frames) < 2:
        return []
    return cuts_from(thumbnails(frames))


def cuts_from(thumbs: np.ndarray) -> list[int]:
    """As `find_cuts`, from `thumbnails`."""
    if len(thumbs) < 2:
        return []
    pixel, colour = changes(thumbs)
    light = thumbs.mean(axis=(1, 2, 3))
    relative = pixel / (light[1:] + light[:-1] + 0.02)
    cuts = []
    for i in range(len(pixel)):
        around = np.delete(pixel[max(0, i - 3):i + 4], min(i, 3))
        stands_out = pixel[i] / (float(around.mean()) + 1e-4) if around.size else OVER_MOTION + 1
        sudden = stands_out > (OVER_MOTION_COLOUR if colour[i] > COLOUR_JUMP else OVER_MOTION)
        if sudden and pixel[i] > PIXEL_JUMP and relative[i] > RELATIVE_JUMP:
            cuts.append(i + 1)
    return cuts


def shots(frames: np.ndarray, cuts: list[int] | None = None) -> list[tuple[int, int]]:
    """[start, stop) of every shot, covering all frames; `cuts` where they are known already."""
    edges = [0, *(find_cuts(frames) if cuts is None else cuts), len(frames)]
    return list(zip(edges[:-1], edges[1:], strict=True))
