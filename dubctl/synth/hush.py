"""A pause after a vowel or a sonorant is silent: "Why?" ends with its vowel, "When?" with its n.

The recordings that the voice learned from breathe there, and the decoder paints it as a steady hiss above 3 kHz for as
long as the punctuation mark lasts; with nothing after it that is an s or a t ("Wise", "Wide", "Winds"). Behind a
sonorant the hiss begins before the sound is over, so its upper bands, of which a sonorant has little, go first.
An obstruent may go on into its pause (the burst of "bed"), so those are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dubctl.media.mel import LOWEST
from dubctl.synth.onset import STARTS
from dubctl.synth.symbols import INDEX, VOWEL_IDS


@dataclass(frozen=True)
class Fade:
    """How a mel falls silent: `keep` frames of the pause stay whole (below 0: the sound itself is cut so much shorter),
    then `slope` nepers a frame, `depth` at most, in the bands from `band` up."""

    keep: int
    slope: float
    depth: float
    band: int = 0


SONORANTS = frozenset(INDEX[s] for s in "mnŋlɹ")
AFTER_VOWEL = (Fade(2, 0.5, 4.0),)  # in two frames a vowel may die away
AFTER_SONORANT = (Fade(-4, 0.5, 4.0, 25), Fade(-1, 1.0, 6.0))  # from about 1.1 kHz up, then all


def hush_pauses(mel: np.ndarray, phones: list[int], durations: np.ndarray) -> np.ndarray:
    """A mel (T, 80) that fades out in the pauses after vowels and sonorants, and in again before what follows; all else
    stays.

    Args:
        phones, durations: of its tokens (L,), frames.
    """
    found, ends = mel.copy(), np.cumsum(durations)
    for place in range(1, len(phones)):
        if phones[place] not in STARTS:
            continue
        after = next((i for i in range(place, len(phones)) if phones[i] not in STARTS), len(phones))
        begin, end = int(ends[place - 1]), int(ends[after - 1])
        longest = int(durations[place - 1]) - 1  # a sound keeps a frame, however short it is
        for fade in _fades(phones[place - 1]):
            _fall_silent(found[max(begin + fade.keep, begin - longest): end], fade, after < len(phones))
    return found


def _fades(sound: int) -> tuple[Fade, ...]:
    if sound in VOWEL_IDS:
        return AFTER_VOWEL
    return AFTER_SONORANT if sound in SONORANTS else ()


def _fall_silent(mel: np.ndarray, fade: Fade, goes_on: bool) -> None:
    """Fade some frames (N, 80) out, in place, and in again at their end if speech `goes_on` there."""
    drop = np.minimum(fade.slope * np.arange(1, len(mel) + 1), fade.depth)
    if goes_on:
        drop = np.minimum(drop, fade.slope * np.arange(len(mel) - 1, -1, -1))
    part = mel[:, fade.band:]
    np.minimum(part, np.maximum(part - drop[:, None].astype(np.float32), LOWEST), out=part)
