"""Mel-cepstral distortion against the original actor's recording, in dB: `mcd`, `mcd-dtw`, `mcd-dtw-sl`.

Version 1. Both recordings at 22,050 Hz; mel-cepstra of order 13 every 5 ms (`cepstra.py`); distance of two frames
(10 sqrt 2 / ln 10) |c - c'| (Kubichek 1993), averaged over pairs of frames:

- `mcd`: frame t against frame t, the shorter recording padded with silence;
- `mcd-dtw`: pairs along the cheapest path of dynamic time warping;
- `mcd-dtw-sl`: that, times the longer speech over the shorter (Chen et al. 2022, V2C, "MCD-DTW-SL").

Corrected (the plain names): c1 … c13, so that loudness counts for nothing; silence at both ends is cut first, so that
"speech length" is what is said and not the clip; what lies 60 dB below the loudest is silence.
`:released` is the arithmetic of pymcd 0.2.1 that the papers of this family call: c0 is in the cost (not in the path),
the power envelope is taken for an amplitude (all cepstra doubled), whole files are compared. It is for reading their
tables by, not equal to the last digit: our envelope is a CheapTrick of 1024 points on SwiftF0 pitch (theirs 512 points
on DIO) and the warping path exact (theirs fastdtw).
A dub that could not be measured scores what silence scores against its recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dubctl.errors import InputError
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE
from dubctl.media.silence import trim_silence
from dubctl.metrics.base import EvalItem, MeanMetric, Score
from dubctl.metrics.cepstra import DB, dtw, envelope, mel_cepstrum, pitch

FLOOR_DB = -60.0


class MelCepstralDistortion(MeanMetric):
    """Mean distortion in dB; lower is better.

    Args:
        pairs: "frames" (frame against frame) or "dtw"; by_length: times the ratio of lengths; released: pymcd's way.
    """

    higher_is_better, needs = False, ("dub", "reference")

    def __init__(self, pairs: str = "dtw", by_length: bool = False, released: bool = False) -> None:
        self.pairs, self.by_length, self.released = pairs, by_length, released
        self.name = "mcd" + ("-dtw" if pairs == "dtw" else "") + ("-sl" if by_length else "")
        self.name += ":released" if released else ""

    def score(self, item: EvalItem) -> Score:
        assert item.dub is not None and item.reference is not None
        return self.distance(item.id, load_audio(item.reference, RATE), load_audio(item.dub, RATE))

    def worst(self, item: EvalItem, why: str) -> Score:
        """What faint noise as long as the recording scores; none where the recording is unreadable too."""
        try:
            assert item.reference is not None
            truth = load_audio(item.reference, RATE)
            hiss = np.random.default_rng(0).normal(0, 1e-3, len(truth)).astype(np.float32)
            return Score(item.id, self.distance(item.id, truth, hiss).value, failed=why)
        except (InputError, AssertionError):
            return Score(item.id, None, failed=why)

    def distance(self, name: str, truth: np.ndarray, dub: np.ndarray) -> Score:
        """Distortion of mono `dub` (S,) against `truth` (S',), both at 22,050 Hz.

        Raises:
            InputError: one of them is silent.
        """
        if not self.released:
            truth, dub = trim_silence(truth), trim_silence(dub)
        if min(len(truth), len(dub)) < RATE // 20 or not np.any(truth) or not np.any(dub):
            raise InputError("nothing to compare: a recording without sound")
        if self.pairs == "frames":
            longest = max(len(truth), len(dub))
            truth, dub = (np.pad(wav, (0, longest - len(wav))) for wav in (truth, dub))
        a, b = (self._cepstra(wav) for wav in (truth, dub))
        straight = np.repeat(np.arange(min(len(a), len(b)))[:, None], 2, 1)
        path = dtw(a[:, 1:], b[:, 1:]) if self.pairs == "dtw" else straight
        first = 0 if self.released else 1
        gap = np.linalg.norm(a[path[:, 0], first:] - b[path[:, 1], first:], axis=1)
        stretch = max(len(a), len(b)) / min(len(a), len(b))
        value = DB * float(gap.mean()) * (stretch if self.by_length else 1.0)
        return Score(name, value, detail={"pairs": len(path), "length_ratio": stretch})

    def _cepstra(self, wav: np.ndarray) -> np.ndarray:
        """(F, 14)."""
        power = envelope(wav, pitch(wav))
        if self.released:
            return mel_cepstrum(power**2 + 1e-8)
        return mel_cepstrum(np.maximum(power, power.max() * 10 ** (FLOOR_DB / 10)))

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        ratios = [s.detail["length_ratio"] for s in scores if "length_ratio" in s.detail]
        return {"length_ratio": float(np.mean(ratios)) if ratios else None}


# what `--metrics` names; see `dubctl.metrics.base.METRICS`
mcd = partial(MelCepstralDistortion, "frames")
mcd_dtw = partial(MelCepstralDistortion, "dtw")
mcd_dtw_sl = partial(MelCepstralDistortion, "dtw", by_length=True)
mcd_released = partial(MelCepstralDistortion, "frames", released=True)
mcd_dtw_released = partial(MelCepstralDistortion, "dtw", released=True)
mcd_dtw_sl_released = partial(MelCepstralDistortion, "dtw", by_length=True, released=True)
