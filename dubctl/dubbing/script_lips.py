"""The script against the lips: where in the clip the mouth says what is about to be spoken."""

from __future__ import annotations

import dataclasses

import numpy as np

from dubctl.dubbing.scene_reading import Reading, lips_in
from dubctl.emotion.lips import speech_window
from dubctl.emotion.speech_onset import ScriptLips
from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.synth.symbols import SYMBOLS
from dubctl.training.visemes import viseme_table

CLOSED_LIPS = frozenset("pbm")
SPREAD = 0.029  # seconds: how far neighbouring sounds blur into each other on the lips (standard deviation)


def script_lips(phones: np.ndarray, frames: np.ndarray, fps: float = 25.0) -> ScriptLips:
    """Lips of a line: phone ids (L,) with a silence at both ends, and mel frames (L,) they take at a natural pace."""
    inner, fine = np.asarray(phones)[1:-1], 2 * FRAMES_PER_SECOND
    counts = np.maximum(1, np.rint(2 * np.asarray(frames)[1:-1])).astype(int)
    opening = np.repeat(viseme_table()[inner, 0], counts).astype(np.float64)
    reach = round(4 * SPREAD * fine)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (SPREAD * fine)) ** 2)
    opening = np.convolve(np.pad(opening, reach, mode="edge"), kernel / kernel.sum(), "valid")
    return ScriptLips(np.interp(np.arange(0, len(opening), fine / fps), np.arange(len(opening)), opening),
                      SYMBOLS[int(inner[0])][0] in CLOSED_LIPS)


def matched(reading: Reading, phones: np.ndarray, frames: np.ndarray, clip_seconds: float) -> Reading:
    """The reading with its speech window set by lips and script together; as it was where no mouth is seen."""
    if not reading.from_mouth:
        return reading
    found = speech_window(reading.face.lips, script=script_lips(phones, frames, reading.face.lips.fps))
    if found is None:
        return reading
    window = (max(0.0, found[0]), min(clip_seconds, found[1]))
    return dataclasses.replace(reading, window=window, lips=lips_in(reading.face, window))
