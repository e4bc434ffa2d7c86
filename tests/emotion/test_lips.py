import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubctl.emotion.base import LipTrack
from dubctl.emotion.lips import lip_features, speech_window
from tests.emotion.vision import talking

SLACK = 0.13  # three frames


@settings(deadline=None)
@given(st.integers(5, 30), st.integers(25, 60), st.floats(0.04, 0.4))
def test_the_window_spans_the_speech(start: int, length: int, size: float) -> None:
    window = speech_window(talking(start + length + 20, [(start, start + length)], size=size))
    assert window is not None
    assert window[0] == pytest.approx(start / 25, abs=SLACK)
    assert window[1] == pytest.approx((start + length) / 25, abs=SLACK)


def test_a_pause_inside_is_part_of_it() -> None:
    window = speech_window(talking(100, [(10, 35), (55, 85)]))
    assert window is not None and window[0] < 0.6 and window[1] > 3.0


@pytest.mark.parametrize("twitch", [(2, 5), (90, 93)])
def test_a_lone_twitch_is_not_speech(twitch: tuple[int, int]) -> None:
    window = speech_window(talking(100, [(30, 70), twitch]))
    assert window is not None and window[0] > 0.9 and window[1] < 3.1


def test_a_still_mouth_or_none_has_no_window() -> None:
    still = talking(75, [])
    assert speech_window(still) is None
    assert speech_window(LipTrack(still.opening + 0.3, still.width, still.visible)) is None  # open, but still
    speaking = talking(75, [(10, 60)])
    assert speech_window(LipTrack(speaking.opening, speaking.width, np.zeros(75, bool))) is None
    assert speech_window(talking(2, [])) is None


def test_speech_to_the_edges_stays_inside_the_clip() -> None:
    window = speech_window(talking(50, [(0, 50)]))
    assert window is not None and 0 <= window[0] < 0.15 and 1.85 < window[1] <= 2.0


def test_features_have_the_documented_shape_and_scale() -> None:
    track = talking(75, [(20, 60)])
    features, seen = lip_features(track, 0.5, 2.5)
    assert features.shape == (51, 4) and features.dtype == np.float32 and seen.shape == (51,)  # frames 12 .. 62
    whole, _ = lip_features(track, 0.0, 3.0)
    assert whole.shape == (75, 4)
    assert np.percentile(whole[:, 0], 10) == pytest.approx(0, abs=0.02)
    assert np.percentile(whole[:, 0], 95) == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(whole[1:, 2], np.diff(whole[:, 0]), atol=1e-5)
    np.testing.assert_allclose(features, whole[12:63], atol=1e-6)
    bigger, _ = lip_features(LipTrack(track.opening * 2, track.width * 2, track.visible), 0.0, 3.0)
    np.testing.assert_allclose(bigger[:, 0], whole[:, 0], atol=1e-4)


def test_features_survive_odd_windows_and_no_face() -> None:
    track = talking(30, [(5, 25)])
    assert lip_features(track, 5.0, 9.0)[0].shape == (1, 4)
    blind, seen = lip_features(LipTrack(track.opening, track.width, np.zeros(30, bool)), 0.0, 1.2)
    assert not blind.any() and not seen.any()
    flat, _ = lip_features(talking(30, [], noise=0.0), 0.0, 1.2)
    assert np.isfinite(flat).all() and abs(flat).max() < 1
