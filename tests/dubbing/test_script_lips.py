"""What a script asks of the lips, and the window it gives together with them."""

import dataclasses

import numpy as np
import pytest

from dubctl.dubbing.scene_reading import Reading
from dubctl.dubbing.script_lips import matched, script_lips
from dubctl.emotion.base import FaceEmotion, SceneEmotion, TextEmotion
from dubctl.synth.frontend import tokens_of
from tests.emotion.vision import talking


def lips_of(text):
    phones = np.array(tokens_of(text).phones)
    return phones, np.full(len(phones), 8.0)


def test_lips_close_for_p_b_and_m_and_open_for_vowels():
    lips = script_lips(*lips_of("mama"))
    assert lips.closed_first and lips.opening[0] < 0.15 and lips.opening.max() > 0.5
    assert not script_lips(*lips_of("and then")).closed_first
    assert len(lips.opening) == pytest.approx(4 * 8 / 86.13 * 25, abs=1)


def test_a_reading_is_matched_only_where_a_mouth_is_seen():
    vector = np.zeros(4, np.float32)
    face = FaceEmotion("", None, None, talking(75, [(20, 55)]), 1.0)
    reading = Reading(SceneEmotion("", vector, vector), face, TextEmotion("", vector, vector, vector), (0.0, 3.0), True,
                      None)
    seen = matched(reading, *lips_of("bin blue at two"), 3.0)
    assert seen.window[0] == pytest.approx(0.8, abs=0.25) and seen.window[1] == pytest.approx(2.2, abs=0.15)
    assert seen.lips is not None and len(seen.lips.features) >= 30
    unseen = dataclasses.replace(reading, from_mouth=False)
    assert matched(unseen, *lips_of("bin blue"), 3.0) is unseen
