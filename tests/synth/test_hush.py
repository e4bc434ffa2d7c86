"""Pauses after vowels and sonorants fade to silence; obstruents and what follows keep theirs."""

import numpy as np
import pytest

from dubctl.media.mel import LOWEST
from dubctl.synth.hush import AFTER_SONORANT, AFTER_VOWEL, hush_pauses
from dubctl.synth.voice import chunk_tokens

FRAMES = 12
KEEP, FADE, DEPTH = AFTER_VOWEL[0].keep, AFTER_VOWEL[0].slope, AFTER_VOWEL[0].depth


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


def test_after_a_sonorant_the_high_bands_go_first_and_then_all():
    phones, durations, mel = spoken("When?")
    change = hush_pauses(mel, phones, durations) - mel
    end = int(durations[: len(phones) - 2].sum())
    high, whole = AFTER_SONORANT
    first = [int(np.flatnonzero(change[:, band])[0]) for band in (79, 0)]
    assert first == [end + high.keep, end + whole.keep]
    assert not change[: end + whole.keep, : high.band].any()
    assert change[-1] == pytest.approx(LOWEST - mel[-1])  # deeper than there is room for


def test_a_sonorant_of_a_frame_or_two_keeps_one():
    phones, durations, mel = spoken("When?")
    for frames in (1, 2):
        durations[len(phones) - 3] = frames
        short = mel[: durations.sum()]
        start = int(durations[: len(phones) - 3].sum())
        change = hush_pauses(short, phones, durations) - short
        assert not change[: start + 1].any() and change[start + 1:].any()
