"""Spelling that cannot be heard: a transcript re-spelt as the script where both sound the same.

A recogniser hears "egg shell" or "the guy's apartment" in "eggshell" and "the guys' apartment": no dub could be
clearer, and yet each counts as two wrong words. Script and transcript are aligned with the fewest edits, where up to
`LONGEST` words on either side count as the same if the front end that the voice is read by (espeak-ng) has the same
phones for them, but for stress, length and the kinds of schwa. Words that sound otherwise stay as they were heard.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

LONGEST = 3
_UNHEARD = str.maketrans({"ɐ": "ə", "ᵻ": "ɪ", **dict.fromkeys("ˈˌː ,.!?;:—…", None)})
_EDGES = re.compile(r"^\W+|[^\w']+$")


class _Step(NamedTuple):
    edits: int
    said: int  # words of the script it takes
    found: int  # and of the transcript
    same: bool


def respelt(script: str, heard: str) -> str:
    """`heard` with the script's words where they sound as it does.

    >>> respelt("It's in the guys' eggshell.", "it's in the guy's egg shell, there")
    "It's in the guys' eggshell. there"
    """
    said, found = _words(script), _words(heard)
    out: list[str] = []
    i, j = len(said), len(found)
    steps = _alignment(said, found)
    while i or j:
        step = steps[i][j]
        out[:0] = said[i - step.said: i] if step.same else found[j - step.found: j]
        i, j = i - step.said, j - step.found
    return " ".join(out)


def _alignment(said: list[str], found: list[str]) -> list[list[_Step]]:
    """The last step of the cheapest way to each pair of places, (N + 1) x (M + 1)."""
    steps: list[list[_Step]] = []
    for i in range(len(said) + 1):
        steps.append([])
        for j in range(len(found) + 1):
            ways = [_Step(0, 0, 0, True)] if i == j == 0 else []
            if i and j:
                same = _plain(said[i - 1]) == _plain(found[j - 1])
                ways += [_Step(steps[i - 1][j - 1].edits + (not same), 1, 1, same)]
                if not same:
                    ways += [_Step(steps[i - a][j - b].edits, a, b, True) for a, b in _alike(said[:i], found[:j])]
            if i:
                ways.append(_Step(steps[i - 1][j].edits + 1, 1, 0, False))
            if j:
                ways.append(_Step(steps[i][j - 1].edits + 1, 0, 1, False))
            steps[i].append(min(ways, key=lambda way: way.edits))
    return steps


def _alike(said: list[str], found: list[str]) -> list[tuple[int, int]]:
    """How many last words of each sound the same."""
    spans = [(a, b) for a in range(1, min(LONGEST, len(said)) + 1) for b in range(1, min(LONGEST, len(found)) + 1)]
    return [(a, b) for a, b in spans if _sound(tuple(said[-a:])) == _sound(tuple(found[-b:]))]


def _words(text: str) -> list[str]:
    """Words with their punctuation; what is punctuation alone is none."""
    return [word for word in text.split() if _plain(word)]


def _plain(word: str) -> str:
    return _EDGES.sub("", word.lower())


@functools.lru_cache(maxsize=1 << 16)
def _sound(words: tuple[str, ...]) -> str:
    """The phones of these words as far as they are told apart; the words themselves where they have none."""
    from dubctl.synth.frontend import phonemise

    text = " ".join(words)
    return phonemise(text).translate(_UNHEARD) or text
