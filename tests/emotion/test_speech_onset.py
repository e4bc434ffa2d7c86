"""The start of speech: a mouth that opens and waits is not speaking yet; the script says which movements are its."""

import numpy as np
import pytest

from dubctl.emotion.base import LipTrack
from dubctl.emotion.lips import speech_window
from dubctl.emotion.speech_onset import ScriptLips, agreement, features, onset, speech_odds
from tests.emotion.vision import talking


def held_open(wait: int) -> LipTrack:
    """Opens at frame 20, waits, then speaks for 40 frames."""
    track = talking(100, [(20 + wait, 60 + wait)])
    opening = track.opening.copy()
    opening[18:20 + wait] = 0.05
    return LipTrack(opening, track.width, track.visible)


@pytest.mark.parametrize("wait", [6, 10])
def test_a_mouth_held_open_is_waited_for(wait):
    window = speech_window(held_open(wait))
    assert window is not None and window[0] == pytest.approx((20 + wait) / 25, abs=0.13)


def test_speech_is_likely_where_the_mouth_talks_and_not_where_it_rests():
    odds = speech_odds(talking(100, [(30, 70)]))
    assert (odds[34:66] > 0).all() and (odds[:22] < 0).all() and (odds[78:] < 0).all()


def test_the_build_of_a_face_changes_nothing():
    track = talking(75, [(20, 50)], size=0.2, noise=0.0)
    larger = LipTrack(track.opening * 1.7, track.width * 1.7, track.visible)
    np.testing.assert_allclose(features(track), features(larger), atol=1e-4)


def test_a_long_pause_does_not_cost_the_first_sentence():
    window = speech_window(talking(160, [(20, 50), (100, 140)]))
    assert window is not None and window[0] == pytest.approx(20 / 25, abs=0.13)


def test_the_script_agrees_best_where_it_is_spoken():
    wave = np.tile([0.0, 1.0, 0.2, 0.9, 0.5, 0.0, 0.0, 0.7], 4)
    opening = np.concatenate([np.zeros(30), 0.1 * np.repeat(wave, 1), np.zeros(20)]).astype(np.float32)
    track = LipTrack(opening, np.full(len(opening), 0.6, np.float32), np.ones(len(opening), bool))
    script = ScriptLips(wave, closed_first=True)
    scores = [agreement(track, start, 62, script) for start in range(22, 39)]
    assert int(np.argmax(scores)) + 22 == pytest.approx(30, abs=1)
    assert agreement(track, 5, 20, script) == 0.0  # nothing moves there


def test_sounds_that_open_the_mouth_early_are_taken_to_start_earlier_than_closed_ones():
    track = talking(75, [(20, 50)])
    closed, opened = (onset(track, 20, 50, ScriptLips(np.ones(5), closed_first=c)) for c in (True, False))
    assert opened < closed and onset(talking(10, [(0, 10)]), 0, 10) >= 0
