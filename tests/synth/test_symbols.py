"""Phone tokens: padding is no phone, punctuation is one pause, stress sits on vowels."""

from hypothesis import given
from hypothesis import strategies as st

from dubctl.synth.symbols import INDEX, PAD, SYMBOLS, Tokens, tokenise


def test_symbols_are_unique_and_padding_is_zero():
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert INDEX[PAD] == 0


def test_stress_and_length_ride_on_the_vowel():
    tokens = tokenise("fˈɑːðɚ")
    assert [SYMBOLS[p] for p in tokens.phones] == ["<sil>", "f", "ɑː", "ð", "ɚ", "<sil>"]
    assert tokens.stress == [0, 0, 2, 0, 0, 0]


def test_punctuation_swallows_spaces_and_the_stronger_mark_wins():
    phones = [SYMBOLS[p] for p in tokenise("nˈO ,  bi?! i").phones]
    assert phones == ["<sil>", "n", "O", ",", "b", "i", "?", "i", "<sil>"]


@given(st.text(alphabet="abdˈˌː ,.!?ɑɛɪŋʃ#7", max_size=40))
def test_any_string_gives_valid_tokens(phonemes):
    tokens = tokenise(phonemes)
    assert isinstance(tokens, Tokens) and len(tokens.phones) == len(tokens.stress) >= 2
    assert all(0 < p < len(SYMBOLS) for p in tokens.phones)
    pauses = [SYMBOLS[p] in " ,.!?" for p in tokens.phones]
    assert not any(a and b for a, b in zip(pauses, pauses[1:], strict=False))
