"""Colour, light and motion of a scene, measured from its frames."""

from __future__ import annotations

import cv2
import numpy as np

from dubctl.emotion.shots import cuts_from, thumbnails

SIZE = (96, 54)
HUES = (("red", 15), ("orange", 42), ("yellow", 68), ("green", 165), ("cyan", 195), ("blue", 255), ("purple", 290),
        ("pink", 345), ("red", 361))  # name, upper edge in degrees
BAR = 6.0  # grey levels: rows and columns never brighter than this are letterbox bars


def measure_scene(frames: np.ndarray, fps: float = 25.0) -> dict[str, float]:
    """Numbers of a scene (N, H, W, 3) uint8 RGB.

    hue: degrees, mean weighted by chroma; hue_unity: 0 (all hues) .. 1 (one hue); saturation: 0..1 (HSV, dark pixels
    count less); lightness, contrast: mean and standard deviation of L* (0..100); lightness_change: last third - first
    third; warmth: mean b* + a*/2 (positive is warm); motion: mean change of L* between neighbouring frames of a shot;
    cuts_per_second; dark_share, bright_share: pixels with L* < 20, > 80.
    """
    thumbs = thumbnails(_without_bars(frames), SIZE)
    lab = np.stack([cv2.cvtColor(thumb, cv2.COLOR_RGB2LAB) for thumb in thumbs])
    hsv = np.stack([cv2.cvtColor(thumb, cv2.COLOR_RGB2HSV) for thumb in thumbs])
    light, third = lab[..., 0], max(1, len(lab) // 3)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    spin = (chroma * np.exp(1j * np.deg2rad(hsv[..., 0].astype(np.float64)))).sum()
    value = hsv[..., 2] + 1e-3
    cuts = cuts_from(thumbs)
    change = np.abs(np.diff(light, axis=0)).mean(axis=(1, 2))
    inside = np.delete(change, [cut - 1 for cut in cuts])
    return {
        "hue": float(np.rad2deg(np.angle(spin)) % 360), "hue_unity": float(abs(spin) / (chroma.sum() + 1e-6)),
        "saturation": float((hsv[..., 1] * value).sum() / value.sum()), "chroma": float(chroma.mean()),
        "lightness": float(light.mean()), "contrast": float(light.std(axis=(1, 2)).mean()),
        "lightness_change": float(light[-third:].mean() - light[:third].mean()),
        "warmth": float(lab[..., 2].mean() + lab[..., 1].mean() / 2),
        "motion": float(inside.mean()) if inside.size else 0.0,
        "cuts_per_second": len(cuts) * fps / len(frames),
        "dark_share": float((light < 20).mean()), "bright_share": float((light > 80).mean()),
    }


def hue_name(degrees: float) -> str:
    """Everyday name of a hue in degrees."""
    return next(name for name, edge in HUES if degrees % 360 < edge)


def _without_bars(frames: np.ndarray) -> np.ndarray:
    """Cut off letterbox and pillarbox bars, which would darken every measure. A black clip stays as it is."""
    step = max(1, len(frames) // 12)
    peak = frames[::step].max(axis=(0, 3))
    rows, columns = (np.flatnonzero(np.percentile(peak, 98, axis=axis) > BAR) for axis in (1, 0))
    (top, bottom), (left, right) = _bars(rows, frames.shape[1]), _bars(columns, frames.shape[2])
    return frames[:, top:bottom, left:right]


def _bars(lit: np.ndarray, size: int) -> tuple[int, int]:
    """[first, stop) of what lies between two bars of about equal width; all of it where there are none."""
    if lit.size < 8:
        return 0, size
    before, after = int(lit[0]), int(size - 1 - lit[-1])
    alike = abs(before - after) <= max(2, 0.04 * size)  # a dark half of a picture is no bar
    return (before, size - after) if alike else (0, size)
