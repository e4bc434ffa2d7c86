"""A pause after a vowel or a sonorant is silent: "Why?" ends with its vowel, "When?" with its n.

The recordings that the voice learned from breathe there, and the decoder paints it as a steady hiss above 3 kHz for as
long as the punctuation mark lasts; with nothing after it that is an s or a t ("Wise", "Wide", "Winds"). Behind a
sonorant it begins as the sound ends, so there the fade is steep and at once. An obstruent may go on into its pause (the
burst of "bed"), so those are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dubctl.media.mel import LOWEST
from dubctl.synth.onset import STARTS
from dubctl.synth.symbols import INDEX, VOWEL_IDS

DEPTH = 4.0  # nepers that a fade goes down at most


@dataclass(frozen=True)
class Fade:
    """keep: frames of the pause in which the sound may die away; slope: nepers a frame from there on."""

    keep: int
    slope: float


AFTER_VOWEL, AFTER_SONORANT = Fade(2, 0.5), Fade(0, 1.0)
FADES = dict.fromkeys(VOWEL_IDS, AFTER_VOWEL) | {INDEX[s]: AFTER_SONORANT for s in "mnŋlɹ"}


def hush_pauses(mel: np.ndarray, phones: list[int], durations: np.ndarray) -> np.ndarray:
    """A mel (T, 80) that fades out in the pauses after vowels and sonorants, and in again before what follows; all else
    stays.

    Args:
        phones, durations: of its tokens (L,), frames.
    """
    found, ends = mel.copy(), np.cumsum(durations)
    for place in range(1, len(phones)):
        fade = FADES.get(phones[place - 1])
        if phones[place] not in STARTS or fade is None:
            continue
        after = next((i for i in range(place, len(phones)) if phones[i] not in STARTS), len(phones))
        first, last = int(ends[place - 1]) + fade.keep, int(ends[after - 1])
        drop = np.minimum(fade.slope * np.arange(1, max(last - first, 0) + 1), DEPTH)
        if after < len(phones):
            drop = np.minimum(drop, fade.slope * np.arange(len(drop) - 1, -1, -1))
        quiet = found[first:last] - drop[:, None].astype(np.float32)
        found[first:last] = np.minimum(found[first:last], np.maximum(quiet, LOWEST))
    return found
