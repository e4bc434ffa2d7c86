"""Metrics named by the command card whose work is still to be done: asked for, they answer so and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence

from dubctl.metrics.base import EvalItem, NotAvailable, Result, Score


class _Unavailable:
    name = ""
    version = "0"
    higher_is_better = True
    needs: tuple[str, ...] = ()
    reason = ""

    def prepare(self) -> None:
        raise NotAvailable(self.reason)

    def score(self, item: EvalItem) -> Score:
        raise NotAvailable(self.reason)

    def worst(self, item: EvalItem, why: str) -> Score:
        raise NotAvailable(self.reason)

    def aggregate(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> Result:
        return Result(self.name, self.version, self.higher_is_better, None, reason=self.reason)


class EmotionAccuracy(_Unavailable):
    """Accuracy of an emotion recogniser that never saw the synthesizer's training data."""

    name = "emo-acc"
    reason = "emo-acc is not available yet: no emotion recogniser for scoring ships in this version"


class MelCepstralDistortion(_Unavailable):
    """MCD over a DTW path, weighted by speech length (Chen et al. 2022)."""

    name, higher_is_better = "mcd-dtw-sl", False
    reason = "mcd-dtw-sl is not available yet in this version"
