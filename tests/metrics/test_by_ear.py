"""Spelling is no error where it cannot be heard, and anything else still is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.metrics.base import EvalItem
from dubctl.metrics.by_ear import respelt
from dubctl.metrics.wer import WordErrorRate, WordErrorRateBySound


@pytest.mark.parametrize(("script", "heard", "wanted"), [
    ("in the guys' apartment.", "In the guy's apartment", "in the guys' apartment."),
    ("Eggshell is not good", "egg shell is not good", "Eggshell is not good"),
    ("the eggshell.", "the egg shell there", "the eggshell. there"),  # what was added stays
    ("All right! So that's it!", "Alright, so that's it.", "All right! So that's it!"),
    ("Ten! Nine!", "10, 9.", "Ten! Nine!"),
    ("Oh wow, you", "Oh well, you", "Oh well, you"),
    ("Good, good.", "God, good", "God, good."),
    ("You gouged a hole", "you gouge the hole", "You gouge the hole"),
    ("Yes.", "", ""), ("", "yes", "yes"), ("Yes -- no", "yes no", "Yes no"),
])
def test_words_are_respelt_where_they_sound_as_the_script_does(script: str, heard: str, wanted: str) -> None:
    assert respelt(script, heard) == wanted


WORDS = st.lists(st.sampled_from(("river", "sat", "man", "all", "day", "window", "bread", "seven")), max_size=7)


@given(said=WORDS, heard=WORDS)
def test_words_that_sound_otherwise_are_left_as_they_were_heard(said: list[str], heard: list[str]) -> None:
    assert respelt(" ".join(said), " ".join(heard)) == " ".join(heard)


def test_the_metric_counts_only_what_is_heard() -> None:
    class Asr:
        name = "table"

        def transcribe(self, wav: object) -> str:
            raise AssertionError

    heard = {Path("a.wav"): "Egg shell is not bad to eat."}
    item = EvalItem("a", dub=Path("a.wav"), text="Eggshell is not good to eat.")
    assert WordErrorRate(asr=Asr(), heard=heard).score(item).value == pytest.approx(3 / 6)
    score = WordErrorRateBySound(asr=Asr(), heard=heard).score(item)
    assert score.value == pytest.approx(1 / 6) and score.detail["heard"] == "Eggshell is not bad to eat."
