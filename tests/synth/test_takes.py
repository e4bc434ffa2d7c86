"""Takes: the best is kept, one take costs no listening, and what is asked for next leans to what was missing."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from dubctl.config import Settings
from dubctl.errors import InputError
from dubctl.speaker import cosine
from dubctl.synth import takes
from dubctl.synth.prompt import read_prompt
from dubctl.synth.takes import asking_for_more, best_take

WAV, RATE = sf.read(Path(__file__).parents[2] / "examples" / "voice.wav", dtype="float32")
PROMPT = read_prompt(WAV, RATE)


class Encoder:
    """Hears the vectors it was given, in turn; None is too little speech."""

    def __init__(self, *heard):
        self.heard = list(heard)

    def embed(self, wav, rate):
        vector = self.heard.pop(0)
        if vector is None:
            raise InputError("too short")
        return vector


def unit(*values):
    vector = np.zeros(256, np.float32)
    vector[:len(values)] = values
    return vector / np.linalg.norm(vector)


def speaking(asked):
    """A voice that notes what it was asked for; its "performance" is the number of the take."""
    def say(prompt):
        asked.append(prompt)
        return len(asked), np.zeros(RATE, np.float32)
    return say


def takes_of(monkeypatch, count, *heard, rehearsed=None):
    encoder = Encoder(*heard)
    monkeypatch.setattr(takes, "speaker_encoder", lambda: encoder)
    asked = []
    prompt = dataclasses.replace(PROMPT, dvector=unit(1, 0))
    rehearse = None if rehearsed is None else speaking(rehearsed)
    take, reports = best_take(speaking(asked), prompt, count, rehearse)
    return take, [report["likeness"] for report in reports], asked


def test_the_take_most_like_the_prompt_is_kept_and_all_are_reported(monkeypatch):
    take, likeness, asked = takes_of(monkeypatch, 3, unit(1, 1), unit(1, 0.2), unit(1, 0.5))
    assert take.performance == 2
    assert likeness == pytest.approx([0.7071, 0.9806, 0.8944], abs=1e-3)
    assert take.likeness == pytest.approx(likeness[1], abs=1e-4)
    assert len(asked) == 3 and asked[1].log_f0 == PROMPT.log_f0 and asked[1].mel is PROMPT.mel


def test_a_rehearsal_is_never_kept_and_the_next_take_asks_for_what_it_lacked(monkeypatch):
    rehearsed = []
    take, likeness, asked = takes_of(monkeypatch, 2, unit(1, 0.1), unit(1, 1), rehearsed=rehearsed)
    assert len(rehearsed) == len(asked) == 1 and take.performance == 1 and not take.rehearsal
    assert likeness == pytest.approx([0.995, 0.7071], abs=1e-3)
    assert take.likeness == pytest.approx(likeness[1], abs=1e-4)
    assert asked[0].sought == pytest.approx(asking_for_more(unit(1, 0), unit(1, 0), unit(1, 0.1)))
    assert rehearsed[0].dvector == pytest.approx(unit(1, 0))


def test_a_rehearsal_that_nobody_can_hear_is_followed_by_one_take(monkeypatch):
    take, likeness, asked = takes_of(monkeypatch, 3, None, rehearsed=[])
    assert take.performance == 1 and np.isnan(take.likeness) and likeness == [] and len(asked) == 1
    assert asked[0].dvector == pytest.approx(unit(1, 0))


def test_a_silent_rehearsal_goes_before_several_takes_and_is_reported(monkeypatch):
    monkeypatch.setattr(takes, "speaker_encoder", lambda: Encoder(unit(1, 0), unit(1, 0)))
    prompt, asked = dataclasses.replace(PROMPT, dvector=unit(1, 0)), []
    leant, silent = dataclasses.replace(prompt, lean=unit(1, 0.3)), [{"likeness": 0.8, "silent": True}]
    _, reports = best_take(speaking(asked), prompt, 2, silently=lambda told: (leant, silent))
    assert reports[:1] == silent and len(reports) == 3
    assert asked[0].lean is asked[1].lean is leant.lean and asked[1].dvector is prompt.dvector
    best_take(speaking(asked), prompt, 1, silently=lambda told: pytest.fail("one take is quick"))


def test_settings_speak_as_often_as_the_voice_does():
    assert Settings().takes == takes.TAKES


def test_one_take_is_not_listened_to(monkeypatch):
    take, likeness, asked = takes_of(monkeypatch, 1)
    assert take.performance == 1 and np.isnan(take.likeness) and likeness == [] and len(asked) == 1


def test_a_take_without_speech_enough_ends_it(monkeypatch):
    take, likeness, asked = takes_of(monkeypatch, 3, None)
    assert take.performance == 1 and likeness == [] and len(asked) == 1
    take, likeness, asked = takes_of(monkeypatch, 3, unit(1, 1), None)
    assert take.performance == 1 and len(likeness) == 1 and len(asked) == 2


vectors = st.lists(st.floats(0, 1), min_size=256, max_size=256).filter(lambda v: sum(v) > 1)


@settings(max_examples=50, deadline=None)
@given(vectors, vectors)
def test_what_is_asked_for_is_such_a_vector_as_the_encoder_gives(wanted, heard):
    wanted, heard = unit(*wanted), unit(*heard)
    more = asking_for_more(wanted, wanted, heard)
    assert more.dtype == np.float32 and np.all(more >= 0)
    assert np.linalg.norm(more) == pytest.approx(1, abs=1e-4)
    assert cosine(more, heard) <= cosine(wanted, heard) + 1e-4  # away from what was heard


def test_a_voice_that_was_hit_is_asked_for_again():
    assert asking_for_more(unit(1, 2), unit(1, 2), unit(1, 2)) == pytest.approx(unit(1, 2))
