"""Fundamental frequency on the mel clock (SwiftF0: a small network whose weights come with its package)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import soxr

from dubctl.media.mel import HOP, RATE

F0_MIN, F0_MAX, VOICED = 55.0, 600.0, 0.6


@functools.lru_cache(maxsize=1)
def _detector() -> Any:
    import swift_f0

    return swift_f0.SwiftF0(threads=1, spin=False)


def f0_track(wav: np.ndarray, frames: int) -> np.ndarray:
    """F0 in Hz (frames,) float32 of speech (S,) at 22,050 Hz, one value per mel frame; 0 where unvoiced."""
    audio = soxr.resample(np.asarray(wav, np.float32), RATE, 16_000)
    result = _detector().detect(audio, 16_000, fmin=F0_MIN, fmax=F0_MAX)
    times, pitch = np.asarray(result.timestamps), np.asarray(result.pitch_hz, np.float32)
    voiced = (np.asarray(result.confidence) >= VOICED) & (pitch > F0_MIN) & (pitch < F0_MAX)
    if len(times) == 0:
        return np.zeros(frames, np.float32)
    centres = (np.arange(frames) + 0.5) * HOP / RATE
    right = np.clip(np.searchsorted(times, centres), 0, len(times) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(times[left] - centres) <= np.abs(times[right] - centres), left, right)
    return np.where(voiced[nearest], pitch[nearest], 0.0).astype(np.float32)


def mean_log_f0(f0: np.ndarray) -> float | None:
    """Mean natural-log F0 over voiced frames; None if fewer than five frames are voiced."""
    voiced = f0[f0 > 0]
    return float(np.log(voiced).mean()) if len(voiced) >= 5 else None
