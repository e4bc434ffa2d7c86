"""Word error rate of a Whisper transcript against the script: `wer`, `wer:sound` and `wer:released`.

Version 2 (in 1 an ellipsis at a line's end was a word). `wer`: corpus WER, errors over the words of all scripts, both
sides through Whisper's English normaliser. A dub that could not be heard is an empty transcript: every word of its
script counts as deleted.
`wer:sound`: the same, but what differs in spelling alone is no error (`dubctl.metrics.by_ear`): how much of `wer` a
listener would hear.
`wer:released`: what the scripts of StyleDubber and its family compute (Dub_Metric/WER_Whisper): `jiwer.wer(predicted,
gt)`, arguments swapped, so errors over the words *heard*; the mean over lines; empty transcripts and failed lines left
out; punctuation dropped and digits spoken one by one. (Their transcripts also come from temperature fallback and are
not repeatable; ours are greedy.)

A recogniser without fallback may repeat a phrase until its window is full. Such a transcript counts as it stands, with
all its insertions; the lines are named in a warning and in `looped`, for one can make most of a small list's WER.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer

from dubctl.media.audio import load_audio
from dubctl.metrics.asr import RATE, Transcriber, load_asr
from dubctl.metrics.base import EvalItem, MeanMetric, Result, Score
from dubctl.metrics.by_ear import respelt
from dubctl.metrics.text import normalise, released_normalise


class WordErrorRate(MeanMetric):
    """Corpus WER: substituted, deleted and inserted words over the words of all scripts. Lower is better; can pass 1.

    Args:
        asr: a Transcriber, or what `load_asr` takes (None: `DUBCTL_ASR`, else an installed Whisper).
        device, threads: for `load_asr`.
        heard: transcripts by file, shared by metrics of one evaluation so that nothing is transcribed twice.
    """

    name, version, higher_is_better = "wer", "2", False
    needs = ("dub", "text")

    def __init__(self, asr: Any = None, device: str = "cpu", threads: int = 0,
                 heard: dict[Path, str] | None = None) -> None:
        self.heard = {} if heard is None else heard
        self.asr: Transcriber | None = asr if hasattr(asr, "transcribe") else None
        self._spec = (None if self.asr else asr, device, threads)

    def prepare(self) -> None:
        if self.asr is None:
            self.asr = load_asr(*self._spec)

    def score(self, item: EvalItem) -> Score:
        return count_errors(item.id, item.text, self.transcript(item))

    def transcript(self, item: EvalItem) -> str:
        """What the recogniser hears in the dub."""
        assert self.asr is not None and item.dub is not None
        if item.dub not in self.heard:
            self.heard[item.dub] = self.asr.transcribe(load_audio(item.dub, RATE))
        return self.heard[item.dub]

    def worst(self, item: EvalItem, why: str) -> Score:
        return count_errors(item.id, item.text, "", failed=why)

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        kinds = {kind: sum(s.detail[kind] for s in scores) for kind in ("words", *KINDS)}
        return {"asr": getattr(self.asr, "name", ""), "normaliser": "whisper-english", **kinds,
                "looped": looped(scores), "released": released_wer(scores)}

    def warnings(self, scores: Sequence[Score]) -> list[str]:
        found = looped(scores)
        named = ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
        return [f"the recogniser repeats itself in {len(found)} of {len(scores)} transcripts, which count as they "
                f"stand: {named}"] if found else []


class WordErrorRateBySound(WordErrorRate):
    """`wer:sound`, see above; `heard` in an item's detail is what was compared: the transcript as re-spelt."""

    name = "wer:sound"

    def score(self, item: EvalItem) -> Score:
        return count_errors(item.id, item.text, respelt(item.text, self.transcript(item)))


class ReleasedWordErrorRate(WordErrorRate):
    """`wer:released`, see above. Lines that it leaves out have no value; `n` counts the lines that are left."""

    name, version = "wer:released", "1"

    def score(self, item: EvalItem) -> Score:
        heard = self.transcript(item)
        detail = {"script": item.text, "heard": heard}
        return Score(item.id, released_line(item.text, heard), 1.0, "", detail)

    def worst(self, item: EvalItem, why: str) -> Score:
        return Score(item.id, None, 0.0, why, {"script": item.text, "heard": ""})

    def aggregate(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> Result:
        return replace(super().aggregate(items, scores), n=sum(s.value is not None for s in scores))

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        return {"asr": getattr(self.asr, "name", ""), "left_out": sum(s.value is None for s in scores)}


LOOP_RATIO = 2.4  # Whisper's own sign of a loop (Radford et al. 2022, 4.5): text that shrinks so much when compressed


def looped(scores: Sequence[Score]) -> list[str]:
    """Lines whose transcript repeats itself and has at least twice the script's words: a line may repeat itself too."""
    found = []
    for score in scores:
        heard = score.detail["heard"].encode()
        if len(heard) > LOOP_RATIO * len(zlib.compress(heard)):
            said, words = (len(normalise(score.detail[text]).split()) for text in ("script", "heard"))
            if words >= 2 * max(1, said):
                found.append(score.item)
    return found


KINDS = ("substitutions", "deletions", "insertions")


def count_errors(item: str, script: str, heard: str, failed: str = "") -> Score:
    """Score of one line: value = errors / words of the script, weight = words of the script.

    A script of which the normaliser leaves nothing ("Hmm.") has weight 1, so that words heard on it still count.
    """
    reference, hypothesis = normalise(script), normalise(heard)
    if reference:
        found = jiwer.process_words(reference, hypothesis)
        counts = {kind: int(getattr(found, kind)) for kind in KINDS}
    else:
        counts = {"substitutions": 0, "deletions": 0, "insertions": len(hypothesis.split())}
    weight = max(1, len(reference.split()))
    detail = {"script": script, "heard": heard, "words": len(reference.split()), **counts}
    return Score(item, sum(counts.values()) / weight, float(weight), failed, detail)


def released_line(script: str, heard: str) -> float | None:
    """WER of one line with script and transcript swapped; None where nothing was heard."""
    reference, hypothesis = released_normalise(script), released_normalise(heard)
    if not reference.split() or not hypothesis.split():
        return None
    return float(jiwer.process_words(hypothesis, reference).wer)


def released_wer(scores: Sequence[Score]) -> dict[str, Any]:
    """`wer:released` out of the scores of `wer`: value and the number of lines it counts."""
    values = [released_line(s.detail["script"], s.detail["heard"]) for s in scores if not s.failed]
    known = [value for value in values if value is not None]
    return {"value": sum(known) / len(known) if known else None, "n": len(known)}
