"""Where in a lip track the speech starts and ends: people open their mouth and wait, so that movement alone is early.

A small convolutional network looks at 0.7 s of opening and width to both sides of every frame's edge and says how
likely a sound starts or ends there; where the script is known, the kinds of its first and last sound are told to it.
It sees no time: a mouth that does the same later in the clip gets the same answer, later.

`models/recipes/speech_onset.py` fits it to 350 clips of ONE speaker of GRID (CC BY 4.0), whose lines start with one of
four words (bin, lay, place, set) and end with one of four (again, now, please, soon). Within 80 ms of the sound on
clips that it was not fitted on: 93 % of starts and of ends; of starts with a first word that it never met, 73 %. Other
faces have not been measured.
`benchmarks/speech_window.py` measures it.
N frames at 25 fps; edge i lies before frame i.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from dubctl.emotion.base import LipTrack

WEIGHTS = Path(__file__).with_suffix(".safetensors")
REACH = 15  # frames that an edge may lie before or after the one that movement gives: the network chooses, not invents
NEAR = 2.0  # frames: the answer is the edge with most probability this near, 80 ms
SHUT = 0.12  # of the clip's range of opening
SHORTEST = 2  # frames of speech
FIRST_KINDS = ("pbm", "sz", "ln")  # sounds that the clips of the fit start with, and others made alike by the lips
LAST_KINDS = ("nŋ", "sz")  # other sounds are "unknown", which the network has met too
FEATURES = 5 + len(FIRST_KINDS) + len(LAST_KINDS)


@dataclass(frozen=True)
class ScriptEnds:
    """First and last sound of a script, as IPA letters; "" where it is not known."""

    first: str
    last: str


@dataclass(frozen=True)
class OnsetModel:
    """Weights: `lift` (H, F), then residual convolutions (H, H, K) with their dilations, then `read` (2, H)."""

    arrays: dict[str, np.ndarray]

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> OnsetModel:
        return cls({name: array.astype(np.float32) for name, array in load_file(path).items()})

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(2, N): how likely speech starts, and ends, at the edge before each frame; features (N, F)."""
        a = self.arrays
        hidden = np.maximum(a["lift.weight"] @ features.T.astype(np.float32) + a["lift.bias"][:, None], 0)
        for i, dilation in enumerate(a["dilations"].astype(int)):
            hidden = hidden + np.maximum(_convolved(hidden, a[f"{i}.weight"], int(dilation))
                                         + a[f"{i}.bias"][:, None], 0)
        return a["read.weight"] @ hidden + a["read.bias"][:, None]


@functools.lru_cache(maxsize=1)
def shipped() -> OnsetModel:
    """The model that comes with the package."""
    return OnsetModel.load()


def edges(track: LipTrack, first: int, end: int, script: ScriptEnds | None = None,
          model: OnsetModel | None = None) -> tuple[float, float]:
    """Seconds at which speech starts and ends, near frames first..end in which the mouth moves."""
    seen = np.pad(features(track, script), ((0, 1), (0, 0)), mode="edge")  # one edge more than frames
    starts, ends = (model or shipped()).logits(seen)
    count = len(track.opening)
    start = likeliest(starts, max(0, first - REACH), min(first + REACH, end - SHORTEST))
    stop = likeliest(ends, max(end - REACH, int(np.ceil(start)) + SHORTEST), min(end + REACH, count))
    return start / track.fps, stop / track.fps


def likeliest(logits: np.ndarray, low: int, high: int) -> float:
    """The edge in low..high, in quarters of a frame, within `NEAR` of which there is most probability; logits (N,)."""
    if high <= low:
        return float(max(low, 0))
    some = logits[low: high + 1]
    share = np.exp(some - some.max())
    fine = np.arange(0, (len(some) - 1) * 4 + 1) / 4
    dense = np.interp(fine, np.arange(len(some)), share / share.sum())
    near = np.convolve(np.pad(dense, 8 * int(NEAR)), np.ones(int(8 * NEAR) + 1), "same")
    near = np.convolve(near, np.ones(5) / 5, "same")[8 * int(NEAR): -8 * int(NEAR)]  # of equals the middle one
    return low + float(fine[int(np.argmax(near))])


def features(track: LipTrack, script: ScriptEnds | None = None) -> np.ndarray:
    """(N, F): opening and width on the clip's own scale, their change, whether the lips are shut; kinds of sound."""
    opening = scaled(track.opening, track.visible, 10, 0.04)
    width = scaled(track.width, track.visible, 50, 0.06)
    columns = [opening, width, *(np.gradient(v) if len(v) > 1 else np.zeros(len(v)) for v in (opening, width)),
               (opening < SHUT).astype(np.float64)]
    kinds = kinds_of(script)
    return np.concatenate([np.stack(columns, 1), np.tile(kinds, (len(opening), 1))], 1)


def kinds_of(script: ScriptEnds | None) -> np.ndarray:
    """One-hot kinds of the first and of the last sound; zeros for what is not known."""
    if script is None:
        return np.zeros(len(FIRST_KINDS) + len(LAST_KINDS))
    return np.array([script.first in tuple(kind) for kind in FIRST_KINDS]
                    + [script.last in tuple(kind) for kind in LAST_KINDS], np.float64)


def scaled(values: np.ndarray, visible: np.ndarray, origin: float, floor: float) -> np.ndarray:
    """Values (N,) from their `origin` percentile, over their 10th-95th range (at least `floor`), of visible frames."""
    seen = values[visible] if visible.any() else values
    low, zero, high = np.percentile(seen.astype(np.float64), (10, origin, 95))
    return (values - zero) / max(high - low, floor)


def smooth(values: np.ndarray) -> np.ndarray:
    """[1 2 1] / 4 with the ends repeated (N,)."""
    padded = np.pad(values.astype(np.float64), 1, mode="edge")
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


def _convolved(values: np.ndarray, weight: np.ndarray, dilation: int) -> np.ndarray:
    """Dilated convolution (H, N) of (H, N) with (H, H, K), the ends repeated: nothing tells where a clip begins."""
    taps, count = weight.shape[2], values.shape[1]
    padded = np.pad(values, ((0, 0), ((taps - 1) // 2 * dilation,) * 2), mode="edge")
    return sum((weight[:, :, k] @ padded[:, k * dilation: k * dilation + count] for k in range(taps)),
               np.zeros((len(weight), count), np.float32))
