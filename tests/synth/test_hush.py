"""Pauses after vowels and sonorants fade to silence; obstruents and what follows keep theirs."""

import numpy as np
import pytest

from dubctl.media.mel import LOWEST
from dubctl.synth.chunks import chunk_tokens
from dubctl.synth.hush import AFTER_SONORANT, AFTER_VOWEL, DEPTH, hush_pauses

FRAMES = 12
KEEP, FADE = AFTER_VOWEL.keep, AFTER_VOWEL.slope


def spoken(text):
    phones = [p for c in chunk_tokens(text) for p in c.phones]
    return phones, np.full(len(phones), FRAMES), np.full((FRAMES * len(phones), 80), -6.0, np.float32)


@pytest.mark.parametrize("text, hushed", [("Why?", True), ("Bed.", False), ("He took it.", False), ("Me too.", True)])
def test_after_a_vowel_the_last_pause_fades_out_and_after_an_obstruent_it_stays(text, hushed):
    phones, durations, mel = spoken(text)
    change = (hush_pauses(mel, phones, durations) - mel)[:, 0]
    assert bool(change.any()) == hushed
    if hushed:
        start = int(np.flatnonzero(change)[0])
        assert start == durations[: len(phones) - 2].sum() + KEEP  # the mark and the edge are left
        assert change[start: start + 3] == pytest.approx([-FADE, -2 * FADE, -3 * FADE])
        assert change[-1] == pytest.approx(-DEPTH)


def test_a_pause_inside_a_line_is_over_when_the_next_sound_begins():
    phones, durations, mel = spoken("No, why?")
    change = (hush_pauses(mel, phones, durations) - mel)[:, 0]
    mark = next(i for i in range(2, len(phones)) if i * FRAMES + KEEP < len(change) and change[i * FRAMES + KEEP] < 0)
    inside = change[mark * FRAMES: (mark + 1) * FRAMES]
    assert np.all(inside[:KEEP] == 0) and inside[-1] == 0 and inside.min() <= -4 * FADE
    assert np.all(np.abs(np.diff(inside)) <= FADE + 1e-6)


def test_what_is_silent_already_stays_and_the_mel_given_is_not_changed():
    phones, durations, mel = spoken("Why?")
    mel[:] = LOWEST - 0.5
    kept = mel.copy()
    assert np.array_equal(hush_pauses(mel, phones, durations), kept) and np.array_equal(mel, kept)


@pytest.mark.parametrize("text", ["When?", "Home.", "Long!", "Well.", "Four!"])
def test_after_a_sonorant_the_pause_falls_silent_at_once(text):
    phones, durations, mel = spoken(text)
    change = (hush_pauses(mel, phones, durations) - mel)[:, 0]
    slope = AFTER_SONORANT.slope
    assert int(np.flatnonzero(change)[0]) == durations[: len(phones) - 2].sum()
    assert change[-2 * FRAMES: 3 - 2 * FRAMES] == pytest.approx([-slope, -2 * slope, -3 * slope])
    assert change[-1] == pytest.approx(-DEPTH)
