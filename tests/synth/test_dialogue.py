"""Film dialogue as it is written: markup, brackets, capitals, stutters, drawn-out words, sounds, other alphabets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.errors import InputError
from dubctl.synth.dialogue import check_letters, unspoken, words_of
from dubctl.synth.frontend import phonemise, tokens_of
from dubctl.synth.normalise import normalise
from dubctl.synth.symbols import SYMBOLS


@pytest.mark.parametrize(("written", "spoken"), [
    ("<i>Where?</i> {\\an8}Here!", "Where? Here!"),
    ("[door slams] (quietly) Who is there?", "Who is there?"),
    ("♪ La la la ♪", "La la la"),
    ("STOP IT NOW! GET OUT OF HERE!", "stop it now! get out of here!"),
    ("IT'S OVER. THE FBI IS HERE.", "it's over. the FBI is here."),
    ("The IT department of the US", "The IT department of the US"),
    ("W-w-what?", "whə, whə, what?"),
    ("Th-that's p-possible, S-she, C-change it", "dhə, that's pə, possible, shə, she, chə, change it"),
    ("G-gentlemen, g-get, c-city, c-can, kn-know", "jə, gentlemen, gə, get, sə, city, cə, can, nə, know"),
    ("I-I'm here", "I I'm here"),
    ("e-mail, T-shirt, D-Day, re-read, ex-wife, t-test", "e-mail, T-shirt, D-Day, re-read, ex-wife, t-test"),
    ("Nooooo! Sooo sweeeet, goood, NOOOO", "No! So sweet, good, NO"),
    ("Ruuuuuth and III", "Ruth and III"),
    ("Ooops, Nnnno", "Oops, No"),
    ("B--but you—I--I can", "bə, but you—I I can"),
])
def test_what_is_said(written, spoken):
    assert normalise(written) == spoken and normalise(spoken) == spoken


@pytest.mark.parametrize(("written", "phones"), [
    ("Shh!", "ʃʃ!"), ("Mmm.", "ˈəm."), ("Mm-hmm.", "ˌʌmhˈʌm."), ("Hm?", "hˈəm?"), ("Psst!", "psst!"), ("Ow!", "ˈW!"),
    ("Uhh, umm.", "ˈʌ, ˈʌm."), ("Hmph!", "hˈʌmf!"),
    ("Pssh, bzzz.", "pʃʃ, bzz."), ("p-please", "pə, plˈiːz"), ("th-that", "ðə, ðˈæt"),
])
def test_sounds_between_words_are_not_spelt(written, phones):
    assert phonemise(written) == phones
    assert all(c in SYMBOLS or c in "ˈˌː" for c in phones)


def test_units_and_words_are_no_sounds():
    assert phonemise("5 mm") == phonemise("five millimeters")
    assert "ps" not in phonemise("3 PM PST") and "ps" in phonemise("PSST!")
    assert phonemise("owe, shush, brow") == ", ".join(phonemise(w) for w in ("owe", "shush", "brow"))


def test_a_word_of_drawn_out_letters_takes_no_time():
    assert normalise("".join(letter * 3 for letter in "abcdefghijklmnopqrstuvwxyz")) == "abcdefghijklmnopqrstuvwxyz"
    assert len(normalise("s-" * 2000 + "so " + "(" * 2000 + "<" * 2000)) < 12_000


def test_what_is_not_spoken_can_be_told():
    assert unspoken("{\\an8}[door slams] Hello (quietly) there") == ["[door slams]", "(quietly)"]
    assert unspoken("Hello there") == []


@pytest.mark.parametrize("script", ["Привет", "日本語です", "안녕", "αβγ now", "Say שלום"])
def test_other_alphabets_are_refused(script):
    with pytest.raises(InputError, match="letters that are not English"):
        tokens_of(script)


def test_accents_and_single_greek_letters_are_spoken():
    check_letters("naïve Zoë Łódź Straße ʼtis")
    assert phonemise("α")
    check_letters("α rays")


@given(st.text(alphabet="aAbBhHmMsSoOnN-'!? iIxXvVtT", max_size=40))
def test_reading_twice_changes_nothing(text):
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(max_size=60))
def test_nothing_crashes(text):
    assert isinstance(words_of(text), str)
