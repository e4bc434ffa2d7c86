"""Putting speech on the clip's clock: the window it may use, and exact samples around it."""

from __future__ import annotations

import numpy as np

from dubctl.media.level import CEILING
from dubctl.media.mel import FRAMES_PER_SECOND, RATE

NARROWEST = 0.58  # of the natural length: a mouth is followed this far, and quick talkers reach 0.6 of a reading pace
EASY = 0.75  # of it: spoken so, a line is still well understood
FADE = int(0.004 * RATE)


def holds(window: tuple[float, float], natural_seconds: float, narrowest: float = NARROWEST) -> bool:
    """Whether speech fits into the window at `narrowest` of its natural length."""
    return window[1] - window[0] >= natural_seconds * narrowest


def widened(window: tuple[float, float], natural_seconds: float, last: float, first: float = 0.0,
            narrowest: float = NARROWEST) -> tuple[float, float]:
    """The window, grown only when even speech hurried to `narrowest` of its natural length does not fit: first to the
    right, up to `last` seconds, then to the left, down to `first`."""
    start, end = window
    need = natural_seconds * narrowest
    if end - start < need:
        end = min(last, start + need)
    if end - start < need:
        start = max(first, end - need)
    return start, end


def room_frames(window: tuple[float, float]) -> int:
    """Whole mel frames inside a window."""
    return int((window[1] - window[0]) * FRAMES_PER_SECOND + 1e-6)


def place(speech: np.ndarray, start: float, samples: int) -> np.ndarray:
    """Speech (S,) at `start` seconds in a track of exactly `samples` samples: silence elsewhere, ends faded."""
    track = np.zeros(samples, np.float32)
    first = min(max(0, round(start * RATE)), max(0, samples - 1))
    speech = speech[: samples - first].astype(np.float32)
    if len(speech) > 2 * FADE:
        ramp = np.linspace(0, 1, FADE, dtype=np.float32)
        speech = speech.copy()
        speech[:FADE] *= ramp
        speech[-FADE:] *= ramp[::-1]
    track[first: first + len(speech)] = speech
    peak = float(np.abs(track).max(initial=0.0))
    return track * min(1.0, CEILING / peak) if peak > 0 else track
