"""Durations fill the room exactly, keep every token, and stay natural where they can."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.synth.durations import FASTEST, SLOWEST, fit, whole_frames

LENGTHS = st.lists(st.floats(0.2, 40), min_size=2, max_size=60)


@given(LENGTHS, st.integers(0, 500))
def test_whole_frames_sum_and_never_drop_a_token(lengths, spare):
    total = len(lengths) + spare
    frames = whole_frames(np.array(lengths), total)
    assert frames.sum() == total and frames.min() >= 1


@given(LENGTHS, st.integers(0, 800))
def test_fit_stays_in_the_room_and_within_the_slowest(lengths, spare):
    natural = np.maximum(np.array(lengths), 1.0)
    room = len(lengths) + spare
    found = fit(natural, np.zeros(len(lengths), bool), room)
    assert found.frames <= room
    assert found.stretch <= SLOWEST + 1.0 / natural.sum() + len(lengths) / natural.sum() * (room < natural.sum())
    if room <= natural.sum() * SLOWEST:
        assert found.frames == room
    assert found.hurried == (room < FASTEST * natural.sum())


def test_long_rooms_widen_sentence_pauses_before_leaving_silence():
    natural = np.array([10.0, 5.0, 10.0])
    plain = fit(natural, np.array([False, False, False]), 200)
    paused = fit(natural, np.array([False, True, False]), 200)
    assert paused.frames > plain.frames
    assert paused.durations[1] > plain.durations[1] and abs(int(paused.durations[0] - plain.durations[0])) <= 1


def test_too_little_room_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        fit(np.ones(5), np.zeros(5, bool), 4)
