"""Recordings with their background taken away (RNNoise, BSD, by the package pyrnnoise): what a voice should sound like
that is asked for by somebody's noisy prompt."""

from __future__ import annotations

import numpy as np
import soxr
from pyrnnoise import rnnoise

DELAY = 960  # samples that RNNoise is late, measured


def quiet(wav: np.ndarray, rate: int) -> np.ndarray:
    """Speech (S,) without its steady noise, as long and as loud; RNNoise works at 48 kHz in frames of 10 ms."""
    peak = max(1e-4, float(np.abs(wav).max()))
    loud = soxr.resample(wav.astype(np.float32) * (0.7 * 32767 / peak), rate, rnnoise.SAMPLE_RATE)
    whole = np.pad(loud, (0, DELAY + -len(loud) % rnnoise.FRAME_SIZE)).reshape(-1, rnnoise.FRAME_SIZE)
    out = _frames(whole)[DELAY: DELAY + len(loud)] * (peak / (0.7 * 32767))
    out = soxr.resample(out, rnnoise.SAMPLE_RATE, rate)[: len(wav)]
    return np.pad(out, (0, len(wav) - len(out))).astype(np.float32)


def _frames(frames: np.ndarray) -> np.ndarray:
    """Frames (N, 480) of 16-bit values through the network, in order, as one row."""
    state = rnnoise.create()
    pointer = rnnoise.ctypes.POINTER(rnnoise.ctypes.c_float)
    done = []
    for frame in frames:
        sound = np.ascontiguousarray(frame, np.float32)
        at = sound.ctypes.data_as(pointer)
        rnnoise.lib.rnnoise_process_frame(state, at, at)
        done.append(sound)
    rnnoise.destroy(state)
    return np.concatenate(done)
