"""What a script asks of the lips, and the window it gives together with them."""

import dataclasses

import numpy as np
import pytest

from dubctl.dubbing.scene_reading import Reading
from dubctl.dubbing.script_lips import matched, script_ends
from dubctl.emotion.base import FaceEmotion, SceneEmotion, TextEmotion
from dubctl.emotion.speech_onset import ScriptEnds
from dubctl.synth.frontend import tokens_of
from dubctl.synth.symbols import SYMBOLS
from tests.emotion.vision import talking


def phones_of(text):
    return np.array(tokens_of(text).phones)


def test_the_first_and_last_sound_of_a_script_lie_inside_silence_and_punctuation():
    assert script_ends(phones_of("\u2026 mama, please!")) == ScriptEnds("m", "z")
    assert script_ends(phones_of("and then")).last == "n"
    assert script_ends([SYMBOLS.index("<sil>"), SYMBOLS.index("."), SYMBOLS.index("<sil>")]) is None


def test_a_reading_is_matched_only_where_a_mouth_is_seen():
    vector = np.zeros(4, np.float32)
    face = FaceEmotion("", None, None, talking(75, [(20, 55)]), 1.0)
    reading = Reading(SceneEmotion("", vector, vector), face, TextEmotion("", vector, vector, vector), (0.0, 3.0), True,
                      None)
    seen = matched(reading, phones_of("bin blue at two"), 3.0)
    assert seen.window[0] == pytest.approx(0.8, abs=0.25) and seen.window[1] == pytest.approx(2.2, abs=0.15)
    assert seen.lips is not None and len(seen.lips.features) >= 30
    unseen = dataclasses.replace(reading, from_mouth=False)
    assert matched(unseen, phones_of("bin blue"), 3.0) is unseen
