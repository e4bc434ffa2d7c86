"""Text normalisation of the word error rate: Whisper's own English normaliser, on both sides.

It lower-cases, drops brackets, punctuation and fillers (hmm, mm, uh, um), expands contractions and titles (won't ->
will not, mr -> mister), writes numbers and money in digits, and maps British to American spelling with Whisper's table
(data/whisper_english_spelling.json, MIT, (c) OpenAI). Radford et al. 2022, appendix C.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@lru_cache(maxsize=1)
def english_normaliser() -> Callable[[str], str]:
    """The normaliser, a callable str -> str."""
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer  # slow to import

    table = files("dubctl.metrics") / "data" / "whisper_english_spelling.json"
    return EnglishTextNormalizer(json.loads(table.read_text(encoding="utf-8")))


def normalise(text: str) -> str:
    """`text` as words one space apart, ready to compare. Of an ellipsis Whisper's normaliser leaves full stops behind
    ("nurse ."), which are no words.

    >>> normalise("Okay, I won't. It's my favourite!")
    'okay i will not it is my favorite'
    """
    return " ".join(word for word in english_normaliser()(text).split() if word.strip("."))


def released_normalise(text: str) -> str:
    """What the paper's released scripts do: drop punctuation (don't -> dont), speak digits one by one, lower-case."""
    bare = re.sub(r"[^\w\s]", "", text)
    return re.sub(r"\d", lambda digit: " " + _DIGITS[int(digit.group())], bare).lower().strip()
