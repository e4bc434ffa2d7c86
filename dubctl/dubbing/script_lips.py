"""The script against the lips: where in the clip the mouth says what is about to be spoken."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from dubctl.dubbing.scene_reading import Reading, lips_in
from dubctl.emotion.lips import speech_window
from dubctl.emotion.speech_onset import ScriptEnds
from dubctl.synth.symbols import SYMBOLS, is_sound


def script_ends(phones: Sequence[int] | np.ndarray) -> ScriptEnds | None:
    """First and last sound of a line of phone ids (L,), past silences and punctuation; None where there is none."""
    sounds = [SYMBOLS[int(i)][0] for i in phones if is_sound(int(i))]
    return ScriptEnds(sounds[0], sounds[-1]) if sounds else None


def matched(reading: Reading, phones: Sequence[int] | np.ndarray, clip_seconds: float) -> Reading:
    """The reading with its speech window set by lips and script together; as it was where no mouth is seen."""
    if not reading.from_mouth:
        return reading
    found = speech_window(reading.face.lips, script=script_ends(phones))
    if found is None:
        return reading
    window = (max(0.0, found[0]), min(clip_seconds, found[1]))
    return dataclasses.replace(reading, window=window, lips=lips_in(reading.face.lips, window))
