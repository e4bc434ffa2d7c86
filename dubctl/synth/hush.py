"""A pause after a vowel is silent: "Why?" ends with its vowel.

The recordings that the voice learned from breathe there, and the decoder paints it as a steady hiss above 3 kHz for as
long as the punctuation mark lasts; with nothing after it that is an s or a t ("Wise", "Wide"). A consonant may go on
into its pause (the burst of "bed"), so only vowels are cut off.
"""

from __future__ import annotations

import numpy as np

from dubctl.media.mel import LOWEST
from dubctl.synth.onset import STARTS
from dubctl.synth.symbols import VOWEL_IDS

KEEP = 2  # frames in which a vowel may die away
FADE, DEPTH = 0.5, 4.0  # nepers a frame, and at most


def hush_pauses(mel: np.ndarray, phones: list[int], durations: np.ndarray) -> np.ndarray:
    """A mel (T, 80) that fades out in the pauses after vowels, and in again before what follows; all else stays.

    Args:
        phones, durations: of its tokens (L,), frames.
    """
    found, ends = mel.copy(), np.cumsum(durations)
    for place in range(1, len(phones)):
        if phones[place] not in STARTS or phones[place - 1] not in VOWEL_IDS:
            continue
        after = next((i for i in range(place, len(phones)) if phones[i] not in STARTS), len(phones))
        first, last = int(ends[place - 1]) + KEEP, int(ends[after - 1])
        drop = np.minimum(FADE * np.arange(1, max(last - first, 0) + 1), DEPTH)
        if after < len(phones):
            drop = np.minimum(drop, FADE * np.arange(len(drop) - 1, -1, -1))
        quiet = found[first:last] - drop[:, None].astype(np.float32)
        found[first:last] = np.minimum(found[first:last], np.maximum(quiet, LOWEST))
    return found
