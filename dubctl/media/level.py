"""Louder or softer without clipping."""

from __future__ import annotations

import numpy as np

from dubctl.media.audio import RATE

CEILING = 0.89  # -1 dBFS: room for the codec's overshoot
REACH = int(0.005 * RATE)  # samples: how early the limiter gives way, and how slowly it comes back


def amplify(wav: np.ndarray, decibels: float, ceiling: float = CEILING) -> np.ndarray:
    """Speech (S,) at 22,050 Hz with `decibels` added; what would pass `ceiling` is turned down smoothly around it."""
    if decibels == 0 or not len(wav):
        return wav
    louder = wav * np.float32(10 ** (decibels / 20))
    if float(np.abs(louder).max()) <= ceiling:
        return louder
    need = np.minimum(1.0, ceiling / np.maximum(np.abs(louder), 1e-9))
    # the least gain within reach, then smoothed over less than that reach: never above what any sample needs
    padded = np.pad(need, REACH, mode="edge")
    least = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1).min(1)
    kernel = np.hanning(2 * REACH + 3)[1:-1]
    gain = np.convolve(np.pad(least, REACH, mode="edge"), kernel / kernel.sum(), "valid")
    return (louder * gain).astype(np.float32)
