"""A b or d that opens a phrase is let go at once: "Bed", "Down" after a pause.

The decoder, which works at half the mel's rate and was taught by L1, fades such a sound in over some frames; a person's
mouth opens within one. With nothing before it to be guessed from, "Bed" was then heard as "Bad", and "But", whose burst
is weak, as "What" or "When".
Inside a phrase the same would be a click at every word and costs DNSMOS .1 (docs/voice-history.md): those stay as they
are. So do the other plosives: what was wrong with them was their length (`dubctl.synth.onset`), and with a burst as
well they are heard as others.
"""

from __future__ import annotations

import numpy as np

from dubctl.media.mel import HIGHEST, LOWEST
from dubctl.synth.onset import opening
from dubctl.synth.symbols import INDEX, VOWEL_IDS

PLOSIVES = frozenset(INDEX[s] for s in "bd")
BANDS = slice(25, 80)  # from about 1.1 kHz up: of a closure nothing is heard there
SHUT_LIPS = slice(5, 80)  # from about 200 Hz up: a b that glides into the voice from there is a w
RELEASE, AFTER, CLOSURE = 1.8, 0.72, -1.0  # nepers added to the frame of the release, the one after, those before


def clear_bursts(mel: np.ndarray, phones: list[int], durations: np.ndarray) -> np.ndarray:
    """A mel (T, 80) whose opening plosives end in a burst; all else stays.

    Args:
        phones, durations: of its tokens (L,), frames.
    """
    found, ends = mel.copy(), np.cumsum(durations)
    for place, phone in enumerate(phones[:-1]):
        if phone in PLOSIVES and phones[place + 1] in VOWEL_IDS and opening(phones, place):
            _let_go(found, int(ends[place] - durations[place]), int(ends[place]),
                    SHUT_LIPS if phone == INDEX["b"] else BANDS)
    return found


def _let_go(mel: np.ndarray, start: int, end: int, shut_bands: slice) -> None:
    """Between the quietest and the loudest frame about a plosive (frames `start` to `end`), whose closure is quieter in
    `shut_bands`."""
    about = slice(max(start - 1, 0), min(end + 2, len(mel)))
    loudness = mel[about, BANDS].mean(1)
    if len(loudness) < 3:
        return
    shut = int(np.argmin(loudness[:-2]))
    release = shut + 1 + int(np.argmax(loudness[shut + 1:]))
    for frames, bands, nepers in ((slice(shut, release), shut_bands, CLOSURE),
                                  (slice(release, release + 1), BANDS, RELEASE),
                                  (slice(release + 1, release + 2), BANDS, AFTER)):
        part = mel[about.start + frames.start: about.start + frames.stop, bands]
        np.clip(part + np.float32(nepers), LOWEST, HIGHEST, out=part)
