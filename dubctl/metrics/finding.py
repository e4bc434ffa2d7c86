"""What was found in the scene against its label: `finding`.

Version 1. Of a dub whose report says what the graphs took the line for (`found.shares`, probabilities of the seven
feelings), the share whose likeliest feeling is the scene's label. No recogniser is asked and no sound is heard, so it
tells how well the references are understood before it is asked whether that is heard (`emo-acc`). A failed dub is a
wrong answer; a dub of a voice without emotion graphs, or of a scene of another label, has no value. Beside it: UAR,
macro-F1, confusion, the constant majority answer and chance.

Not in the paper, whose EMO-ACC is of the sound alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.labels import emotion_class
from dubctl.metrics.base import EvalItem, MeanMetric, Score, speakers
from dubctl.metrics.classification import named_figures


class Finding(MeanMetric):
    """Share of dubs whose scene was taken for what it is labelled."""

    name, version = "finding", "1"
    needs: tuple[str, ...] = ("dub", "emotion")

    def score(self, item: EvalItem) -> Score:
        shares = (item.report.get("found") or {}).get("shares") or {}
        return self._score(item, _likeliest(shares), "" if shares else None)

    def worst(self, item: EvalItem, why: str) -> Score:
        return self._score(item, None, why)

    def _score(self, item: EvalItem, answer: str | None, why: str | None) -> Score:
        """`why` None: the voice finds nothing, so there is nothing to score."""
        label = emotion_class(item.emotion)
        detail = {"label": item.emotion if label is None else EMOTIONS[label], "answer": answer}
        if label is None or why is None:
            return Score(item.id, None, 0.0, why or "", detail)
        return Score(item.id, float(answer == EMOTIONS[label]), 1.0, why, detail)

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        judged = [(item, s) for item, s in zip(items, scores, strict=True) if s.value is not None]
        return {"classes": list(EMOTIONS), "nothing_found": len(items) - len(judged),
                **named_figures([(s.detail["label"], s.detail["answer"]) for _, s in judged],
                                speakers([item for item, _ in judged]))}


def _likeliest(shares: Mapping[str, float]) -> str | None:
    return max(shares, key=lambda name: shares[name]) if shares else None
