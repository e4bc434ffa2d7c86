"""A recording cut in its pauses: nothing said is lost, everything stays in step, short things stay whole."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

from voice_parts import KEPT, LEAST, PAUSE, cut

from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.synth.symbols import EDGE, INDEX, is_sound, tokenise
from dubctl.training.data import Item
from dubctl.training.features import Features

LINE = "aaa,bbb ddd.fff"
SPOKEN = round(LEAST * FRAMES_PER_SECOND / 3) + 1  # frames of a sound: three of them are long enough


def clip(pauses, spoken=SPOKEN, phonemes=LINE):
    tokens, pauses = tokenise(phonemes), iter(pauses)
    durations = np.array([4, *(spoken if is_sound(p) else next(pauses) for p in tokens.phones[1:-1]), 4])
    frames = int(durations.sum())
    mel = np.arange(frames, dtype=np.float16)[:, None].repeat(80, 1)
    dvector = np.eye(256, dtype=np.float32)[0]
    return Item("a", "s", tokens, Features(mel, np.full(frames, 120, np.float16), dvector),
                noisy=(mel + 1, dvector), played=True), durations


def voices(first, last):
    return np.full(256, first, np.float32), np.full(256, last, np.float32)


def test_every_pause_that_is_long_enough_is_cut():
    item, durations = clip((PAUSE, PAUSE + 5, PAUSE))
    parts = list(cut(item, durations, voices))
    assert [p.tokens.text() for p in parts] == ["aaa,", "bbb", "ddd.", "fff"]
    assert [p.id for p in parts] == ["a_0", "a_1", "a_2", "a_3"]


@pytest.mark.parametrize("pauses", [(PAUSE, PAUSE + 5, PAUSE), (40, 2, 90), (PAUSE - 1, 30, PAUSE - 1)])
def test_parts_hold_every_sound_and_stay_in_step(pauses):
    item, durations = clip(pauses)
    spoken = np.repeat(item.tokens.phones, durations)
    for part in (parts := list(cut(item, durations, voices))):
        assert part.frames == part.durations.sum() == len(part.noisy[0]) == len(part.features.f0)
        assert len(part.durations) == len(part.tokens.phones) == len(part.tokens.stress)
        assert part.tokens.phones[0] == part.tokens.phones[-1] == INDEX[EDGE]
        assert (part.durations > 0).all() and part.frames >= LEAST * FRAMES_PER_SECOND
        assert part.speaker == "s" and part.played
        first = int(part.features.mel[0, 0])
        heard = np.repeat(part.tokens.phones, part.durations)
        assert all(spoken[first + i] == p for i, p in enumerate(heard) if is_sound(int(p)))
        assert np.array_equal(part.noisy[0], part.features.mel + 1)
        assert part.features.dvector[0] == first and part.noisy[1][0] == first + part.frames
    assert sum(is_sound(p) for part in parts for p in part.tokens.phones) == 12


def test_pauses_that_are_cut_leave_little_silence_behind():
    item, durations = clip((60, 2, 2))
    first, second = cut(item, durations, voices)
    assert list(first.durations[-2:]) == [KEPT - 1, 1] and second.durations[0] == KEPT
    assert first.frames + second.frames == item.frames - 60 + 2 * KEPT


@pytest.mark.parametrize("made", [clip((PAUSE - 1,) * 3), clip((30,) * 3, spoken=20), clip((), phonemes="aaa")])
def test_what_has_no_such_pause_stays_whole(made):
    item, durations = made
    (only,) = cut(item, durations, voices)
    assert only.tokens == item.tokens and only.frames == item.frames and np.array_equal(only.durations, durations)
