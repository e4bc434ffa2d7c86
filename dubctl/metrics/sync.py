"""Does the speech fit the mouth? `sync`, against the visible speech window of the clip.

Version 1. The window is where the clip's mouth moves for speech (`dubctl.emotion.lips.speech_window`), measured anew
from the picture, not taken from the dub's report. Per dub, in seconds: onset error (start of the sound minus start of
the window), offset error, length error (length of the sound minus that of the window); and the correlation (Pearson)
of mouth opening and loudness, frame by frame in the window, at the best lag of at most two frames. Sound starts and
ends where it passes 9 dB over its quiet tenth, within 25 to 38 dB under its loudest 20 ms.
Value: the mean of |onset error| and |offset error|. A dub that could not be measured scores its clip's length. A clip
without a visible speaking mouth has no value: `coverage` says how many had one. The mouth itself is read to about
+-0.1 s, so smaller differences say nothing.
LSE-C and LSE-D (Prajwal et al. 2020) are the metrics `lse-c` and `lse-d`, which need a SyncNet checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dubctl.errors import DubctlError, InputError
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE
from dubctl.metrics.base import EvalItem, MeanMetric, Score, speakers
from dubctl.metrics.faces import Mouth, mouth_of, seconds_of
from dubctl.metrics.stats import bootstrap_ci, ratio

LAGS = range(-2, 3)  # frames of 40 ms
_FIGURES = ("onset_error", "offset_error", "length_error", "lips_loudness")


class Synchrony(MeanMetric):
    """Mean error of onset and offset in seconds; lower is better."""

    name, version, higher_is_better, needs = "sync", "1", False, ("dub", "clip")

    def score(self, item: EvalItem) -> Score:
        assert item.dub is not None and item.clip is not None
        mouth = mouth_of(item.clip, item.section)
        if mouth.window is None:
            return Score(item.id, None, 0.0, "", {"mouth": False})
        found = measure(load_audio(item.dub, RATE), mouth)
        value = (abs(found["onset_error"]) + abs(found["offset_error"])) / 2
        return Score(item.id, value, detail={"mouth": True, **found})

    def worst(self, item: EvalItem, why: str) -> Score:
        assert item.clip is not None
        try:
            if mouth_of(item.clip, item.section).window is None:
                return Score(item.id, None, 0.0, why, {"mouth": False})
            return Score(item.id, seconds_of(item), failed=why, detail={"mouth": True})
        except DubctlError:
            return Score(item.id, None, 0.0, why, {"mouth": False})

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        found: dict[str, Any] = {"coverage": ratio([float(s.detail.get("mouth", False)) for s in scores])}
        for name in _FIGURES:
            rows = [(item, s.detail[name]) for item, s in zip(items, scores, strict=True)
                    if s.detail.get(name) is not None]
            values = [value for _, value in rows]
            groups = speakers([item for item, _ in rows])
            found[name] = {"mean": ratio(values), "ci95": bootstrap_ci(values, None, groups), "n": len(values)}
            if name != "lips_loudness":
                found[name]["mean_abs"] = ratio([abs(value) for value in values])
        return found


def measure(wav: np.ndarray, mouth: Mouth) -> dict[str, float | None]:
    """The four figures of mono speech (S,) at 22,050 Hz, whose first sample lies at the clip's start.

    Raises:
        InputError: silence.
    """
    assert mouth.window is not None
    start, end = sound_span(wav)
    begin, stop = mouth.window
    return {"onset_error": round(start - begin, 4), "offset_error": round(end - stop, 4),
            "length_error": round((end - start) - (stop - begin), 4), "lips_loudness": lips_loudness(wav, mouth)}


def sound_span(wav: np.ndarray) -> tuple[float, float]:
    """Seconds at which the speech in (S,) at 22,050 Hz starts and ends; steady noise under it is not speech.

    Raises:
        InputError: silence.
    """
    hop = RATE // 100
    if len(wav) < 2 * hop:
        raise InputError("the dub is silent")
    power = np.square(wav[: len(wav) // hop * hop], dtype=np.float64).reshape(-1, hop).mean(1)
    level = 10 * np.log10(np.convolve(power, [0.5, 0.5], "same") + 1e-12)
    top = float(level.max())
    if top < -70:
        raise InputError("the dub is silent")
    loud = np.flatnonzero(level > np.clip(np.percentile(level, 10) + 9, top - 38, top - 25))
    return loud[0] * hop / RATE, min(len(wav), (loud[-1] + 1) * hop) / RATE


def lips_loudness(wav: np.ndarray, mouth: Mouth) -> float | None:
    """Best correlation of opening and loudness in the window over lags of -2 … 2 frames; None where one is flat."""
    assert mouth.window is not None
    lips = mouth.lips
    count = len(lips.opening)
    level = loudness(wav, count, lips.fps)
    inside = np.arange(int(mouth.window[0] * lips.fps), min(count, int(np.ceil(mouth.window[1] * lips.fps))))
    inside = inside[lips.visible[inside]]
    best: float | None = None
    for lag in LAGS:
        at = inside[(inside + lag >= 0) & (inside + lag < count)]
        x, y = lips.opening[at], level[at + lag]
        if len(at) >= 8 and x.std() > 1e-6 and y.std() > 1e-6:
            found = float(np.corrcoef(x, y)[0, 1])
            best = found if best is None else max(best, found)
    return best if best is None else round(best, 4)


def loudness(wav: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """Level of each video frame's sound (frames,) in dB, at most 40 dB under the loudest."""
    hop = RATE / fps
    padded = np.pad(wav, (0, max(0, int(np.ceil(frames * hop)) - len(wav))))
    power = np.array([np.square(padded[int(i * hop):int((i + 1) * hop)], dtype=np.float64).mean()
                      for i in range(frames)])
    level = 10 * np.log10(power + 1e-12)
    return np.maximum(level, level.max() - 40)
