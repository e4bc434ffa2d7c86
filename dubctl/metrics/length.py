"""Length: does the speech last exactly as long as the clip it dubs, to the sample?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dubctl.media.audio import RATE, load_audio
from dubctl.media.clock import samples_at
from dubctl.metrics.base import EvalItem, MeanMetric, Score
from dubctl.metrics.faces import seconds_of


class ExactLength(MeanMetric):
    """Share of dubs with as many samples as their clip (of a film's line: its cue) lasts; `off_by_max` is the largest
    difference in samples."""

    name, version = "length", "1"
    needs = ("dub", "clip")

    def score(self, item: EvalItem) -> Score:
        assert item.dub is not None and item.clip is not None
        wanted = samples_at(seconds_of(item), RATE)
        found = len(load_audio(item.dub, RATE))
        return Score(item.id, float(found == wanted), detail={"samples": found, "clip_samples": wanted})

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        off = [abs(s.detail["samples"] - s.detail["clip_samples"]) for s in scores if not s.failed]
        return {"off_by_max": max(off, default=None)}
