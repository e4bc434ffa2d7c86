"""Speech on the clip's clock: exact samples, inside the window, grown only when it must."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.dubbing.placement import NARROWEST, place, room_frames, widened
from dubctl.media.level import CEILING
from dubctl.media.mel import HOP, RATE


@given(st.integers(0, 60_000), st.floats(0, 4), st.integers(1, 90_000))
def test_the_track_has_exactly_the_samples_asked_for(spoken, start, samples):
    track = place(np.ones(spoken, np.float32), start, samples)
    assert len(track) == samples and np.abs(track).max(initial=0) <= CEILING + 1e-6


def test_silence_lies_outside_the_speech_and_sound_inside():
    track = place(np.full(RATE, 0.3, np.float32), 0.5, 2 * RATE)
    first = round(0.5 * RATE)
    assert not track[:first].any() and not track[first + RATE:].any()
    assert np.allclose(track[first + 200: first + RATE - 200], 0.3)


def test_loud_speech_is_turned_down_not_clipped():
    wave = np.sin(np.arange(RATE) / 20).astype(np.float32) * 3
    track = place(wave, 0.0, RATE)
    assert np.abs(track).max() == pytest.approx(CEILING, rel=1e-3)
    assert np.corrcoef(track[500:-500], wave[500:-500])[0, 1] > 0.9999


@given(st.floats(0, 3), st.floats(0.1, 3), st.floats(0.1, 8), st.floats(0.5, 8))
def test_a_window_grows_only_when_fast_speech_does_not_fit(start, length, natural, clip):
    window = (min(start, clip), min(start + length, clip))
    grown = widened(window, natural, clip)
    assert 0 <= grown[0] <= window[0] and window[1] - 1e-9 <= grown[1] <= clip + 1e-9
    if window[1] - window[0] >= natural * NARROWEST:
        assert grown == window
    else:
        assert grown[1] - grown[0] >= min(natural * NARROWEST, clip) - 1e-6


def test_room_is_whole_frames_inside_the_window():
    assert room_frames((0.0, 3.0)) == 3 * RATE // HOP
    assert room_frames((1.0, 1.0 + HOP / RATE)) == 1
