"""The clocks of a clip and how they meet: seconds, 25-fps video frames, audio samples.

A clip's length is a rational number of seconds (packets x time base); every other length is derived from it once, by
rounding to the nearest whole unit, so that no two parts of the pipeline can disagree by a sample.
"""

from __future__ import annotations

from fractions import Fraction

FPS = 25.0  # the video clock of the synthesizer


def samples_at(seconds: float | Fraction, rate: int = 22_050) -> int:
    """Samples in `seconds` of audio: the nearest whole number (as `dubctl.media.mel.samples_of`).

    >>> samples_at(3.0)
    66150
    """
    return round(seconds * rate)


def frames_at(seconds: float | Fraction, fps: float = FPS) -> int:
    """Video frames in `seconds`: the nearest whole number, at least 1.

    >>> frames_at(2.98), frames_at(0.001)
    (74, 1)
    """
    return max(1, round(seconds * fps))


def frame_at(seconds: float, frames: int, fps: float = FPS) -> int:
    """Index of the frame on screen at `seconds`, kept inside 0..frames-1."""
    return min(max(int(seconds * fps + 1e-6), 0), frames - 1)
