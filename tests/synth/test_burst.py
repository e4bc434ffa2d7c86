"""A b or d that opens a phrase gets a burst; no other sound is touched."""

import numpy as np
import pytest

from dubctl.media.mel import HIGHEST, LOWEST
from dubctl.synth.burst import AFTER, BANDS, CLOSURE, RELEASE, SHUT_LIPS, clear_bursts
from dubctl.synth.chunks import chunk_tokens

FRAMES = 6


def spoken(text):
    """Phones and durations of a line, and a mel whose sounds fade in over their frames."""
    phones = [p for c in chunk_tokens(text) for p in c.phones]
    fade = np.tile(np.linspace(-9, -5, FRAMES, dtype=np.float32), len(phones))
    return phones, np.full(len(phones), FRAMES), np.repeat(fade[:, None], 80, 1)


@pytest.mark.parametrize("text, bursts", [("Down.", 1), ("Bed, bed.", 2), ("Good. Come, take, pay.", 0),
                                          ("He took it.", 0), ("So, do it!", 1), ("Stay. Clean.", 0), ("Ah. Me.", 0)])
def test_only_b_and_d_that_open_a_phrase_before_a_vowel_get_a_burst(text, bursts):
    phones, durations, mel = spoken(text)
    changed = np.flatnonzero(np.abs(clear_bursts(mel, phones, durations) - mel).max(1) > 0)
    groups = np.split(changed, np.flatnonzero(np.diff(changed) > 1) + 1) if len(changed) else []
    assert len(groups) == bursts


def test_the_closure_is_quieter_and_the_release_louder_above_its_first_bands():
    phones, durations, mel = spoken("Down.")
    change = clear_bursts(mel, phones, durations) - mel
    assert np.all(change[:, : BANDS.start] == 0)
    steps = change[:, BANDS.start]
    release = int(np.argmax(steps))
    assert steps[release] == pytest.approx(RELEASE) and steps[release + 1] == pytest.approx(AFTER)
    before = steps[:release][steps[:release] != 0]
    assert 0 < len(before) <= FRAMES + 2 and np.allclose(before, CLOSURE)
    assert np.count_nonzero(steps) == len(before) + 2


def test_of_a_b_the_voice_too_is_shut_off_before_it_is_let_go():
    phones, durations, mel = spoken("Bed.")
    change = clear_bursts(mel, phones, durations) - mel
    assert np.all(change[:, : SHUT_LIPS.start] == 0)
    low, high = change[:, SHUT_LIPS.start], change[:, BANDS.start]
    assert np.any(low) and np.array_equal(low != 0, np.isclose(high, CLOSURE))
    assert np.allclose(low[low != 0], CLOSURE)


def test_what_comes_out_is_a_mel_and_what_came_in_stays_as_it_was():
    phones, durations, mel = spoken("Down.")
    mel[:, :] = np.where(mel < -7, LOWEST, HIGHEST)
    kept = mel.copy()
    found = clear_bursts(mel, phones, durations)
    assert np.array_equal(mel, kept) and found.dtype == np.float32
    assert found.min() >= LOWEST and found.max() <= HIGHEST


def test_a_sound_too_short_for_a_closure_and_a_burst_stays():
    phones, durations, _ = spoken("Down.")
    assert clear_bursts(np.zeros((0, 80), np.float32), phones, np.zeros_like(durations)).shape == (0, 80)
