"""How film dialogue is written, made into words that a front end for prose can speak.

Subtitle markup and what stands in brackets are not spoken; shouting in capitals is not spelt ("STOP IT" is no I, T),
nor is a stutter ("W-what?"), nor a sound between words ("Shh!", "Mmm"); "Nooooo!" is "no".
"""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator

from dubctl.errors import InputError
from dubctl.media.subtitles import BRACKETS, without_tags

_STUTTER = re.compile(r"\b((?:(?:[A-Za-z]|[Tt]h|[Ss]h|[Cc]h|[Ww]h|[Pp]h|[Kk]n|[Ss][cklmnptw]|[BbCcFfGgPp][lr]|[DdTt]r)"
                      r"(?:-{1,2}|—) *)+)([A-Za-z][A-Za-z']*)")
_COMPOUNDS = frozenset({"d-day", "b-boy", "b-boys", "b-ball", "t-test", "t-tests"})
_VOICED_TH = frozenset("than that the their them then there these they this those though".split())
_SOFT_G = ("ge", "gi", "gy")
_HARD_G = ("gear", "geese", "get", "gift", "gig", "giggl", "gild", "gill", "girl", "give", "giving", "gimme", "girth")
_STUTTERED = re.compile(r"([a-z]{1,2})ə")
_ONSETS = {"th": "θ", "dh": "ð", "sh": "ʃ", "ch": "ʧ", "wh": "w", "ph": "f", "c": "k", "g": "ɡ", "j": "ʤ", "q": "kw",
           "r": "ɹ", "x": "z", "y": "j"}
_LONG = re.compile(r"([a-z])\1{2,}", re.I)
MOST_RUNS = 6  # of a drawn-out word that are looked up; 2^n spellings
_SHORT_O = frozenset({"stop", "lose", "loser"})  # "Stooop!" is no stoop
# Sounds between words: how they are written, and their phones (misaki's notation).
_SOUNDS = tuple((re.compile(rf"(?:{written})", re.I), phones) for written, phones in (
    ("h+m+", "hˈəm"), ("m{2,}h*", "ˈəm"), ("m+-?h+m+", "ˌʌmhˈʌm"), ("s+h+", "ʃʃ"), ("p+f+t*", "pff"),
    ("p+s+t+", "psst"), ("b+r{2,}", "bɹˈɜː"), ("g+r{2,}", "ɡɹˈɜː"), ("z{2,}", "zz"), ("t+c+h+", "tʧ"),
    ("h+m+p+h+", "hˈʌmf"), ("m+p+h+", "ˈʌmf"), ("p+s+h+", "pʃʃ"), ("b+z+t*", "bzz"), ("s{3,}", "ss"), ("f{3,}", "ff"),
    ("mwah+", "mwˈɑː"), ("m{2,}-m{2,}", "ˈəmʔˈəm"),
    ("a{2,}h+|ah{2,}", "ˈɑː"), ("a+r{2,}g+h*|a{2,}r+g+h*|a+r+g+h+", "ˈɑːɹɡ"), ("o{2,}h+", "ˈuː"), ("oh{2,}", "ˈO"),
    ("aw{2,}", "ˈɔː"), ("e+w+", "ˈiːuː"), ("o+w+", "ˈW"), ("u+g+h+", "ˈʌɡ"), ("u+h{2,}", "ˈʌ"),
    ("u+m{2,}", "ˈʌm"), ("(?:ha){3,}h?", "hɑːhɑːhˈɑː")))
_ABBREVIATIONS = frozenset({"PST", "HM", "MM", "PFT", "SH", "BZ"})  # Pacific time, His Majesty …
_SOUND_WORDS = re.compile(r"(?<![\w'-])([A-Za-zə]+(?:-[A-Za-z]+)*)(?![\w'])(?!-\w)")


def unspoken(text: str) -> list[str]:
    """What of a script stands in brackets, as stage directions and sound descriptions do."""
    return [found[0] for found in BRACKETS.finditer(without_tags(text))]


def words_of(text: str) -> str:
    """A line as it is spoken; what a dictionary can speak stays as it is.

    >>> words_of("<i>W-what?</i> [door slams] STOP IT! Nooooo!")
    'whə, what?  stop it! No!'
    """
    text = BRACKETS.sub(" ", without_tags(text))
    text = "".join(_calmed(part) for part in re.split(r"(?<=[.!?…])(?=\s)", text))
    text = _STUTTER.sub(_stutter, text)
    return re.sub(r"[A-Za-z]+", lambda found: _drawn_out(found[0]), text)


def with_sounds(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of a line in order: words as they are, False; or the phones of a sound between them, True."""
    end = 0
    for found in _SOUND_WORDS.finditer(text):
        phones = _sound(found[1])
        if phones:
            yield text[end: found.start()], False
            yield phones, True
            end = found.end()
    yield text[end:], False


def check_letters(text: str) -> None:
    """Refuse words of other alphabets, which espeak-ng would spell letter by letter ("Chinese letter").

    A single Greek letter is a symbol and has its name.

    Raises:
        InputError: a word has letters that are not Latin.
    """
    for word in re.findall(r"\w+", unicodedata.normalize("NFKC", text)):
        kinds = [unicodedata.name(c, "?").split()[0] for c in word if c.isalpha()]
        foreign = [kind for kind in kinds if kind not in ("LATIN", "MODIFIER")]
        if foreign and (len(kinds) > 1 or foreign != ["GREEK"]):
            raise InputError(f"the script has letters that are not English: {word!r}",
                             "dubctl speaks English; write names in Latin letters")


def _sound(word: str) -> str:
    begun = _STUTTERED.fullmatch(word)
    if begun:
        return (_ONSETS.get(begun[1]) or "".join(_ONSETS.get(letter, letter) for letter in begun[1])) + "ə"
    if word in _ABBREVIATIONS:
        return ""
    return next((phones for written, phones in _SOUNDS if written.fullmatch(word)), "")


def _calmed(sentence: str) -> str:
    """A sentence that is shouted in capitals, in small letters; abbreviations ("FBI") stay."""
    words = re.findall(r"[^\W\d_]+", sentence)
    if sum(len(w) > 1 for w in words) < 2 or any(c.islower() for c in sentence):
        return sentence
    def calm(found: re.Match[str]) -> str:
        word = found[0].lower()
        return word if "'" in word or word in _lexicon() else found[0]
    return re.sub(r"[A-Z]+'[A-Z]+|[A-Z]{2,}", calm, sentence)


def _stutter(found: re.Match[str]) -> str:
    """"W-w-what" -> "whə, whə, what"; a piece that the word does not begin with is none (T-shirt, e-mail)."""
    pieces = [p for p in re.split(r"[-— ]+", found[1]) if p]
    word = found[2]
    low = word.lower()
    whole = f"{pieces[-1].lower()}-{low}"
    begun = all(low.startswith(p.lower()) for p in pieces)
    if begun and low.partition("'")[0] == "i":
        return " ".join([*pieces, word])
    if not begun or low[0] in "aeiou" or whole in _COMPOUNDS or len(low) <= len(pieces[-1]):
        return found[0]
    return " ".join([*(_begun(p.lower(), low) for p in pieces), word])


def _begun(piece: str, word: str) -> str:
    """How a word is begun and broken off, as `_STUTTERED` reads it."""
    if piece in tuple("tscpw") and word.startswith(f"{piece}h"):
        piece += "h"
    if piece == "th" and word.partition("'")[0] in _VOICED_TH:
        piece = "dh"
    elif piece == "c" and word[1:2] in tuple("eiy"):
        piece = "s"
    elif piece == "g" and word.startswith(_SOFT_G) and not word.startswith(_HARD_G):
        piece = "j"
    elif piece in ("k", "kn") and word.startswith("kn"):
        piece = "n"
    return f"{piece}ə,"


def _drawn_out(word: str) -> str:
    """"Nooooo" -> "No", "Sweeeet" -> "Sweet": each run of three and more is one letter or two, as the word has it."""
    if not _LONG.search(word) or _sound(word) or len(set(word.lower())) == 1:
        return word
    runs = ["".join(group) for _, group in itertools.groupby(word, str.lower)]
    if sum(len(r) > 2 for r in runs) > MOST_RUNS:
        return "".join(r[0] for r in runs)
    spelt = ["".join(part) for part in itertools.product(*[[r[:2], r[0]] if len(r) > 2 else [r] for r in runs])]
    known = [s for s in spelt if s.lower() in _lexicon()]
    short = [s for s in known if s.lower() in _SHORT_O]
    return (short or known or spelt[-1:])[0]


@functools.lru_cache(maxsize=1)
def _lexicon() -> frozenset[str]:
    """English words in small letters: the pronouncing dictionary that comes with misaki."""
    file = importlib.resources.files("misaki") / "data" / "us_gold.json"
    return frozenset(word for word in json.loads(file.read_text(encoding="utf-8")) if word.islower())
