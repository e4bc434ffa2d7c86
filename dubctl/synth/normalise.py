"""English text normalisation: what is written -> what is said (dialogue, abbreviations, names, numbers, symbols)."""

from __future__ import annotations

import re
import unicodedata

from num2words import num2words

from dubctl.synth.dialogue import words_of
from dubctl.synth.numbers import read_numbers, say

_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "st": "saint", "prof": "professor", "gen": "general",
    "col": "colonel", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "jr": "junior", "sr": "senior",
    "etc": "et cetera", "vs": "versus", "approx": "approximately", "dept": "department", "no": "number",
    "ave": "avenue", "rev": "reverend", "hon": "honourable", "mt": "mount",
}
_SYMBOLS = {"&": " and ", "%": " percent ", "@": " at ", "+": " plus ", "=": " equals ", "#": " number ",
            "°": " degrees ", "*": " ", "_": " ", "/": " slash ", "|": " ", "~": " ", "^": " ", "\\": " ", "<": " ",
            ">": " ", "[": ", ", "]": ", ", "{": ", ", "}": ", ", "(": ", ", ")": ", "}
_RULERS = frozenset("Alexander Benedict Catherine Charles Edward Elizabeth Francis Frederick George Gustav Henry Ivan "
                    "James John Louis Napoleon Paul Peter Philip Pius Ramses Richard Wilhelm William".split())
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "—", "−": "-", "…": "...", "«": '"', "»": '"'})


def normalise(text: str) -> str:
    """The spoken form of a written English line: words, apostrophes and `, . ! ? ; : —` only.

    >>> normalise("Dr. Smith paid $3.50 on May 3rd, 1999.")
    'doctor Smith paid three dollars and fifty cents on May third, nineteen ninety-nine.'
    """
    text = re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞])", " and ", text.translate(_QUOTES))
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    text = words_of(text)
    text = _abbreviations(text)
    text = _names(text)
    text = read_numbers(text)
    for char, word in _SYMBOLS.items():
        text = text.replace(char, word)
    return _tidy(text)


def _abbreviations(text: str) -> str:
    def word(match: re.Match[str]) -> str:
        closes = match[1].lower() == "etc" and match.end() == len(text)
        return _ABBREVIATIONS[match[1].lower()] + ("." if closes else "")
    names = "|".join(k for k in _ABBREVIATIONS if k != "no")
    text = re.sub(rf"\b({names})\.(?=\s|,|$)", word, text, flags=re.I)
    text = re.sub(r"\bno\.\s?(?=\d)", "number ", text, flags=re.I)
    return re.sub(r"\b(?:[A-Z]\.){2,}", _initials, text)


def _initials(match: re.Match[str]) -> str:
    """U.S. -> U S; a lone A would be the article."""
    return " ".join("eh" if letter == "A" else letter for letter in match[0].replace(".", ""))


def _names(text: str) -> str:
    """Addresses, and the numbers of rulers, wars and sequels."""
    text = re.sub(r"\band/or\b", "and or", text, flags=re.I)
    text = re.sub(r"\bwww\.", "www dot ", text)
    text = re.sub(r"(?<=\w)\.(?=(?:com|org|net|edu|gov|info|io|tv|uk)\b)", " dot ", text)
    text = re.sub(r"\bWorld War I\b", "World War one", text)
    return re.sub(r"\b([A-Z][a-z]+) ([IVX]+)\b(?!')", _roman, text)


def _roman(match: re.Match[str]) -> str:
    ruler = match[1] in _RULERS
    if not re.fullmatch(r"X{0,3}(IX|IV|V?I{0,3})", match[2]) or match[2] == "I" or (len(match[2]) == 1 and not ruler):
        return match[0]  # Malcolm X
    values = [{"I": 1, "V": 5, "X": 10}[c] for c in match[2]]
    number = sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))
    return f"{match[1]} the {num2words(number, to='ordinal')}" if ruler else f"{match[1]} {say(number)}"


def _tidy(text: str) -> str:
    text = re.sub(r"\.{2,}", ", ", text).replace('"', "")
    text = re.sub(r"\s-+\s|--+", " — ", text)
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    text = "".join(c for c in text if c.isalpha() or c in " '’,.!?;:—-" or c.isspace() or unicodedata.combining(c))
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([,.!?;:])", r"\1", text)
    text = re.sub(r"([,;:])[,;:]+", r"\1", text)
    text = re.sub(r",\s*([.!?])", r"\1", text)
    text = re.sub(r"\.{2,}", ".", text)  # stops that had something unspoken between them
    return text.strip(" ,;:")
