"""Speech that follows the mouth: lips close where they are seen to, nothing else is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.synth.frontend import tokens_of
from dubctl.synth.inputs import Lips
from dubctl.synth.mouth import SWELL_DB, follow, opening_at, openness, swell_db
from dubctl.synth.symbols import INDEX, SYMBOLS

LINE = tokens_of("Come by, my baby.").phones
FREE = np.zeros(len(LINE), bool)
EVEN = np.full(len(LINE), 8)


def test_lips_that_close_draw_the_closed_sounds_to_them():
    wanted = openness()[LINE]
    shift = 3  # the mouth says it later than the voice would
    mouth_of_the_line = np.repeat(np.nan_to_num(wanted, nan=0.5), EVEN)
    seen = np.concatenate([np.full(shift, mouth_of_the_line[0]), mouth_of_the_line[:-shift]])
    bent = follow(EVEN, LINE, seen, FREE)

    def misfit(durations):
        mouth = np.repeat(wanted, durations)
        return np.nanmean((mouth - seen) ** 2)
    assert bent.sum() == EVEN.sum() and misfit(bent) < 0.8 * misfit(EVEN)


def test_a_mouth_that_agrees_or_is_not_seen_changes_nothing():
    agrees = np.repeat(np.nan_to_num(openness()[LINE], nan=0.5), EVEN)
    assert follow(EVEN, LINE, agrees, FREE).tolist() == EVEN.tolist()
    assert follow(EVEN, LINE, np.full(EVEN.sum(), np.nan), FREE).tolist() == EVEN.tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_length_and_what_is_held_stay_and_no_sound_is_lost(seed):
    draw = np.random.default_rng(seed)
    phones = draw.integers(1, len(SYMBOLS), draw.integers(1, 30)).tolist()
    durations, held = draw.integers(1, 20, len(phones)), draw.random(len(phones)) < 0.2
    opening = draw.random(durations.sum())
    opening[draw.random(len(opening)) < 0.2] = np.nan
    bent = follow(durations, phones, opening, held)
    assert bent.sum() == durations.sum() and bent.min() >= 1
    assert bent[held].tolist() == durations[held].tolist()


def test_the_opening_is_read_on_the_clips_clock():
    opening = np.zeros(25)
    opening[10:12] = 1.0  # on screen from .40 to .48 s
    found = opening_at(opening, np.ones(25, bool), 0.0, 86)
    assert np.argmax(found) / FRAMES_PER_SECOND == pytest.approx(0.43, abs=0.03)
    later = opening_at(opening, np.ones(25, bool), 0.2, 86)  # speech starts .2 s after the first frame
    assert np.nanargmax(later) / FRAMES_PER_SECOND == pytest.approx(0.23, abs=0.03)
    assert np.isnan(later[-10:]).all() and np.isnan(opening_at(opening, np.zeros(25, bool), 0.0, 86)).all()


def test_a_mouth_that_hardly_moves_says_nothing():
    assert np.isnan(opening_at(np.linspace(0.4, 0.5, 25), np.ones(25, bool), 0.0, 50)).all()


def test_the_sound_swells_with_the_mouth_and_is_no_louder_on_average():
    gain = swell_db(np.array([0.0, 1.0, np.nan, 0.5]))
    assert gain == pytest.approx([-SWELL_DB / 2, SWELL_DB / 2, 0, 0])
    assert swell_db(np.full(3, np.nan)).tolist() == [0, 0, 0]


def test_lips_close_in_m_b_and_p_and_open_in_ah():
    table = openness()
    assert max(table[INDEX[p]] for p in "mbp") < 0.1 < 0.6 < min(table[INDEX[p]] for p in ("ɑː", "ɛ", "æ"))
    assert np.isnan(table[[INDEX[" "], INDEX["<sil>"], INDEX[","]]]).all()


def test_a_part_of_the_lips_knows_where_it_starts():
    lips = Lips(np.zeros((10, 4)), np.ones(10, bool), late=0.01)
    part = lips.part(0.25, 1.0)
    assert len(part.features) == 8 and part.late == pytest.approx(0.01 + 0.5 / 25)
    assert np.isnan(Lips(np.ones((9, 512)), np.ones(9, bool), opening=False).open_at(20)).all()
