"""Word error rate of a Whisper transcript against the script: corpus, per line, and as the released scripts compute it.

The reference is the script, the hypothesis the transcript. (The paper's scripts call `jiwer.wer(predicted, gt)`, which
divides by the words *heard*; see `released` in the result.) A dub that could not be heard is an empty transcript: every
word of its script counts as deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jiwer

from dubctl.media.audio import load_audio
from dubctl.metrics.asr import RATE, Transcriber, load_asr
from dubctl.metrics.base import EvalItem, MeanMetric, Score
from dubctl.metrics.text import normalise, released_normalise


class WordErrorRate(MeanMetric):
    """Corpus WER: substituted, deleted and inserted words over the words of all scripts. Lower is better; can pass 1.

    Args:
        asr: a Transcriber, or what `load_asr` takes (None: `DUBCTL_ASR`, else an installed Whisper).
        device, threads: for `load_asr`.
    """

    name, version, higher_is_better = "wer", "1", False
    needs = ("dub", "text")

    def __init__(self, asr: Any = None, device: str = "cpu", threads: int = 0) -> None:
        self.asr: Transcriber | None = asr if hasattr(asr, "transcribe") else None
        self._spec = (None if self.asr else asr, device, threads)

    def prepare(self) -> None:
        if self.asr is None:
            self.asr = load_asr(*self._spec)

    def score(self, item: EvalItem) -> Score:
        assert self.asr is not None and item.dub is not None
        return count_errors(item.id, item.text, self.asr.transcribe(load_audio(item.dub, RATE)))

    def worst(self, item: EvalItem, why: str) -> Score:
        return count_errors(item.id, item.text, "", failed=why)

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        kinds = {kind: sum(s.detail[kind] for s in scores) for kind in ("words", *_KINDS)}
        return {"asr": getattr(self.asr, "name", ""), "normaliser": "whisper-english", **kinds,
                "released": released_wer(scores)}


_KINDS = ("substitutions", "deletions", "insertions")


def count_errors(item: str, script: str, heard: str, failed: str = "") -> Score:
    """Score of one line: value = errors / words of the script, weight = words of the script.

    A script of which the normaliser leaves nothing ("Hmm.") has weight 1, so that words heard on it still count.
    """
    reference, hypothesis = normalise(script), normalise(heard)
    if reference:
        found = jiwer.process_words(reference, hypothesis)
        counts = {kind: int(getattr(found, kind)) for kind in _KINDS}
    else:
        counts = {"substitutions": 0, "deletions": 0, "insertions": len(hypothesis.split())}
    weight = max(1, len(reference.split()))
    detail = {"script": script, "heard": heard, "words": len(reference.split()), **counts}
    return Score(item, sum(counts.values()) / weight, float(weight), failed, detail)


def released_wer(scores: Sequence[Score]) -> dict[str, Any]:
    """The paper's released computation, to read its tables by: arguments swapped, mean over lines, failures dropped.

    An empty transcript or any exception is left out there, so `n` can be smaller than the number of lines.
    """
    values = []
    for score in scores:
        reference, heard = (released_normalise(score.detail[key]) for key in ("script", "heard"))
        if not score.failed and reference.split() and heard.split():
            values.append(jiwer.process_words(heard, reference).wer)
    return {"value": sum(values) / len(values) if values else None, "n": len(values)}
