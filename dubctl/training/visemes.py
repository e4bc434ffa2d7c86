"""A plausible lip track for speech without video: visemes from the aligned phones, coarticulated and noisy.

Per phone a mouth opening (0 closed .. 1 wide) and a width (-1 rounded .. 1 spread), after the viseme classes of
Jeffers & Barley (1971); smoothed over about 80 ms, jittered, and normalised as `emotion.lips.lip_features` normalises
real tracks, so that landmarks give the same features at run time.
"""

from __future__ import annotations

import functools

import numpy as np

from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.synth.mouth import FPS
from dubctl.synth.symbols import SYMBOLS

_OPENING = {0.9: "aɑɐæʌIW", 0.65: "ɛɔɒAOQYeo", 0.45: "əɚɪɜᵊᵻh", 0.35: "iuʊ", 0.25: "tdnlszkɡŋjɾxcðθʔ",
            0.2: "ʃʒʤʧɹ", 0.12: "wfv", 0.0: "pbm"}
_WIDTH = {0.6: "iɪeAɛszjI", -0.6: "uʊOQWwɔʃʒʧʤɹoYɒ"}


@functools.lru_cache(maxsize=1)
def viseme_table() -> np.ndarray:
    """(symbols, 2): opening and width of every symbol, set by hand; the voice was trained and faces were drawn with it
    (`dubctl.synth.mouth.openness` is what was measured since). Silence and punctuation rest at
    (0.04, 0)."""
    table = np.tile(np.array([0.04, 0.0], np.float32), (len(SYMBOLS), 1))
    for column, groups in enumerate((_OPENING, _WIDTH)):
        for value, phones in groups.items():
            for i, symbol in enumerate(SYMBOLS):
                if symbol[0] in phones:
                    table[i, column] = value
    return table


def synthetic_lips(phones: np.ndarray, durations: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lip features (V, 4) of one line: phones (L,), durations (L,) in mel frames, V = its length at 25 fps."""
    track = np.repeat(viseme_table()[phones], durations, 0)  # (T, 2)
    reach = rng.uniform(2.5, 5.0)
    taps = np.arange(-12, 13)
    window = np.exp(-0.5 * (taps / reach) ** 2)
    lead = int(rng.integers(0, 6))  # the mouth moves up to 60 ms before the sound
    padded = np.pad(track, ((12, 12 + lead), (0, 0)), "edge")
    smooth = np.stack([np.convolve(padded[:, c], window / window.sum(), "valid") for c in range(2)], 1)[lead:]
    frames = max(2, round(len(track) / FRAMES_PER_SECOND * FPS))
    at = np.linspace(0, len(smooth) - 1, frames)
    x = np.stack([np.interp(at, np.arange(len(smooth)), smooth[:, c]) for c in range(2)], 1)
    drift = np.cumsum(rng.normal(0, 0.02, x.shape), 0)
    x = x + rng.normal(0, rng.uniform(0.02, 0.12), x.shape) + drift - drift.mean(0)
    return normalised(x.astype(np.float32))


def normalised(track: np.ndarray) -> np.ndarray:
    """(V, 2) opening and width -> (V, 4) with velocities, on the clip's own scale."""
    opening, width = track[:, 0], track[:, 1]
    def scale(v: np.ndarray, floor: float) -> float:
        return max(float(np.percentile(v, 95) - np.percentile(v, 10)), floor)
    o = (opening - np.percentile(opening, 10)) / scale(opening, 0.05)
    w = (width - np.median(width)) / scale(width, 0.05)
    return np.stack([o, w, np.diff(o, prepend=o[:1]), np.diff(w, prepend=w[:1])], 1).astype(np.float32)
