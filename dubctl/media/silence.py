"""Where speech begins and ends in a recording at 22,050 Hz: training clips and prompts are cut alike."""

from __future__ import annotations

import numpy as np

from dubctl.media.mel import RATE


def trim_silence(wav: np.ndarray) -> np.ndarray:
    """`wav` (S,) without the silence at its ends; empty where all of it is silent."""
    first, last = speech_span(wav)
    return wav[first:last]


def speech_span(wav: np.ndarray, below_peak_db: float = 38.0, keep: float = 0.04) -> tuple[int, int]:
    """First and last + 1 sample of what lies within 38 dB of the loudest 20 ms, with 40 ms kept around it."""
    hop = RATE // 100
    if len(wav) < 2 * hop:
        return 0, 0
    power = np.square(wav[: len(wav) // hop * hop], dtype=np.float64).reshape(-1, hop).mean(1)
    level = 10 * np.log10(np.convolve(power, [0.5, 0.5], "same") + 1e-12)
    if level.max() < -70:
        return 0, 0
    loud = np.flatnonzero(level > level.max() - below_peak_db)
    pad = int(keep * RATE)
    return max(0, int(loud[0]) * hop - pad), min(len(wav), (int(loud[-1]) + 1) * hop + pad)
