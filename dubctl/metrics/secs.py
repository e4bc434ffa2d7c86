"""Speaker similarity: cosine of GE2E vectors between the prompt and the dub (paper, "SECS"): `secs`, `secs:released`.

Version 1. `secs` scores a dub that could not be measured 0; `secs:released` leaves it out, as the scripts of
StyleDubber and its family do (Dub_Metric/SECS skips every RuntimeError and recordings under 0.1 s).

Unrelated voices reach 0.5-0.75, so the mean alone proves little: the result also says how often the right speaker's
prompt is the nearest of all prompts evaluated. The encoder is the one that conditions the synthesizer; both sides are
resampled, cut and levelled alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from dubctl.errors import InputError
from dubctl.media.audio import load_audio
from dubctl.metrics.base import EvalItem, MeanMetric, Result, Score, speakers
from dubctl.metrics.stats import bootstrap_ci, ratio
from dubctl.speaker import RATE, SpeakerEncoder, cosine


class SpeakerSimilarity(MeanMetric):
    """Mean cosine, 0 to 1; an item that could not be measured scores 0."""

    name, version, higher_is_better = "secs", "1", True
    needs = ("dub", "prompt")

    def __init__(self, encoder: SpeakerEncoder | None = None) -> None:
        self.encoder = encoder
        self._prompts: dict[Path, np.ndarray] = {}
        self._dubs: dict[str, np.ndarray] = {}
        self._lock = Lock()

    def prepare(self) -> None:
        if self.encoder is None:
            self.encoder = SpeakerEncoder()

    def score(self, item: EvalItem) -> Score:
        assert item.dub is not None and item.prompt is not None
        asked, got = self._prompt(item.prompt), self._embed(item.dub)
        with self._lock:
            self._dubs[item.id] = got
        return Score(item.id, cosine(asked, got))

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        return {"by_speaker": by_speaker(items, scores), "nearest": self._nearest(items)}

    def _nearest(self, items: Sequence[EvalItem]) -> dict[str, Any] | None:
        """How often the item's own speaker is nearest among all speakers' prompts; a failed item is a miss."""
        voices = self._voices(items)
        if len(voices) < 2:
            return None
        hits = []
        for item in items:
            got = self._dubs.get(item.id)
            hits.append(float(got is not None and max(voices, key=lambda v: cosine(voices[v], got)) == _voice(item)))
        return {"value": ratio(hits), "ci95": bootstrap_ci(hits, None, speakers(items)), "of": len(voices),
                "n": len(hits)}

    def _voices(self, items: Sequence[EvalItem]) -> dict[str, np.ndarray]:
        """Mean prompt vector of each speaker, of those too whose dubs all failed: they stay candidates."""
        prompts: dict[str, set[Path]] = {}
        for item in items:
            if item.prompt is None:
                continue
            try:
                self._prompt(item.prompt)
            except InputError:
                continue  # an unusable prompt: its items have scored the worst already
            prompts.setdefault(_voice(item), set()).add(item.prompt)
        means = {voice: np.mean([self._prompts[p] for p in sorted(paths)], axis=0) for voice, paths in prompts.items()}
        return {voice: mean / np.linalg.norm(mean) for voice, mean in means.items()}

    def _prompt(self, path: Path) -> np.ndarray:
        with self._lock:
            known = self._prompts.get(path)
        if known is None:
            known = self._embed(path)
            with self._lock:
                self._prompts[path] = known
        return known

    def _embed(self, path: Path) -> np.ndarray:
        assert self.encoder is not None
        return self.encoder.embed(load_audio(path, RATE), RATE)


class ReleasedSpeakerSimilarity(SpeakerSimilarity):
    """`secs:released`: failed dubs are left out; `n` counts those that are left."""

    name = "secs:released"

    def worst(self, item: EvalItem, why: str) -> Score:
        return Score(item.id, None, 0.0, why)

    def aggregate(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> Result:
        return replace(super().aggregate(items, scores), n=sum(s.value is not None for s in scores))


def by_speaker(items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, float]:
    """Mean score of each named speaker, worst first."""
    values: dict[str, list[float]] = {}
    for item, score in zip(items, scores, strict=True):
        if item.speaker and score.value is not None:
            values.setdefault(item.speaker, []).append(score.value)
    means = {name: float(np.mean(found)) for name, found in values.items()}
    return dict(sorted(means.items(), key=lambda pair: pair[1]))


def _voice(item: EvalItem) -> str:
    return item.speaker or str(item.prompt)
