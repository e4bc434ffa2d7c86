"""Text -> IPA -> tokens; unknown words are spoken, empty scripts refused."""

import pytest

from dubctl.errors import InputError
from dubctl.synth.frontend import phonemise, sentences, tokens_of


def test_known_words_have_stress_and_punctuation_survives():
    ipa = phonemise("Hello, world!")
    assert "ˈ" in ipa and "," in ipa and ipa.endswith("!")


def test_unknown_words_and_names_are_spoken():
    assert len(tokens_of("Zyxqwert Blorfington")) > 12


@pytest.mark.parametrize("script", ["", "   ", "...", "?!", "♥ ★"])
def test_nothing_to_speak_is_an_input_error(script):
    with pytest.raises(InputError, match="nothing to speak"):
        tokens_of(script)


def test_abbreviations_end_no_sentence():
    assert sentences("Mr. Jones left. Did Dr. Who? Yes!") == ["mister Jones left.", "Did doctor Who?", "Yes!"]


def test_a_long_sentence_is_cut_at_a_comma():
    long = "and so it went on and on and on and on, " * 8 + "until the end."
    parts = sentences(long)
    assert len(parts) > 1 and all(len(p) <= 180 for p in parts)
    assert sum(p.count("on and on") for p in parts) == sum([long.count("on and on")])


def test_numbers_change_the_sounds():
    assert tokens_of("7").phones == tokens_of("seven").phones
