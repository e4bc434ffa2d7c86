"""Normalisation: what counts as the same word."""

from __future__ import annotations

import pytest

from dubctl.metrics.text import normalise, released_normalise


@pytest.mark.parametrize("script, heard", [
    ("Okay, I won't!", "okay i will not"),
    ("It's my favourite colour.", "It is my favorite color"),
    ("Twenty-one dogs", "21 dogs"),
    ("Mr. Hale", "mister Hale"),
    ("Hmm, yes.", "Yes"),
    ("ten dollars", "$10"),
    ("Nurse...", "Nurse."),
    ("Excuse me …", "Excuse me"),
    ("Wait... what ... ?", "Wait. What?"),
    ("It is 3.5 ...", "it is 3.5"),
])
def test_same_words_in_other_spelling_are_equal(script, heard):
    assert normalise(script) == normalise(heard)


@pytest.mark.parametrize("script, heard", [("I can", "I can't"), ("two dogs", "to dogs"), ("dog", "dogs")])
def test_other_words_stay_different(script, heard):
    assert normalise(script) != normalise(heard)


def test_the_released_scripts_normalise_otherwise():
    assert released_normalise("Don't go, 10!").split() == ["dont", "go", "one", "zero"]
