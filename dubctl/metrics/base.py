"""What a metric is: the items it scores, the score of one item, the result over all, and the registry by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dubctl.config import nearest
from dubctl.errors import UsageError
from dubctl.metrics.stats import bootstrap_ci, ratio


class NotAvailable(Exception):
    """This metric cannot be had in this version; the others still can. Its text is the reason."""


@dataclass(frozen=True)
class EvalItem:
    """One dub to score.

    id: unique name; dub: the dubbed wav or mp4; text: the script; prompt: recording of the voice asked for;
    reference: the original actor's recording; clip: the silent clip dubbed; section: of a line of a film, which is
    then `clip`, the (start, end) seconds it was spoken to, None for all of it; speaker: groups clips for intervals;
    emotion: the label of the scene; report: the dub's own JSON report; failed: why there is no dub, or "".
    """

    id: str
    dub: Path | None = None
    text: str = ""
    prompt: Path | None = None
    reference: Path | None = None
    clip: Path | None = None
    section: tuple[float, float] | None = None
    speaker: str = ""
    emotion: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    failed: str = ""


@dataclass(frozen=True)
class Score:
    """One item's score. `failed` says why the worst case stands here ("" where it was measured)."""

    item: str
    value: float | None
    weight: float = 1.0
    failed: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A metric over all items. `value` is None with a `reason` where it is not available; `warnings`: what to know
    before the value is believed."""

    metric: str
    version: str
    higher_is_better: bool
    value: float | None
    ci95: tuple[float, float] | None = None
    n: int = 0
    failures: int = 0
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Metric(Protocol):
    """A measure of dubs. Failures are part of the measure: `worst` gives what a missing dub scores.

    needs: fields of `EvalItem` without which a row is an error (checked for all rows before anything is loaded).
    """

    name: str
    version: str
    higher_is_better: bool
    needs: tuple[str, ...]

    def prepare(self) -> None:
        """Load models. Raises DependencyError (what to install), or NotAvailable."""
        ...

    def score(self, item: EvalItem) -> Score:
        """Measure one item; may be called from several threads. Any DubctlError means: score it as `worst`."""
        ...

    def worst(self, item: EvalItem, why: str) -> Score:
        """The score of an item that could not be measured."""
        ...

    def aggregate(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> Result:
        """The result over all items, scores in the same order."""
        ...


class MeanMetric:
    """A metric whose result is the weighted mean of its items' values, with a bootstrap interval over speakers."""

    name = ""
    version = "1"
    higher_is_better = True
    needs: tuple[str, ...] = ("dub",)
    worst_value = 0.0

    def prepare(self) -> None:
        """Nothing to load."""

    def worst(self, item: EvalItem, why: str) -> Score:
        return Score(item.id, self.worst_value, failed=why)

    def aggregate(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> Result:
        values, weights = weighted(scores)
        return Result(self.name, self.version, self.higher_is_better, ratio(values, weights),
                      bootstrap_ci(values, weights, speakers(items)), len(scores), failures(scores),
                      detail=self.detail(items, scores), warnings=tuple(self.warnings(scores)))

    def warnings(self, scores: Sequence[Score]) -> list[str]:
        """What to know before the value is believed."""
        return []

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        """More figures for the report."""
        return {}


def weighted(scores: Sequence[Score]) -> tuple[np.ndarray, np.ndarray]:
    """Numerators and denominators (N,), (N,) of scores: value * weight, weight; a score without value weighs 0."""
    weights = np.array([0.0 if s.value is None else s.weight for s in scores])
    values = np.array([0.0 if s.value is None else s.value * s.weight for s in scores])
    return values, weights


def speakers(items: Sequence[EvalItem]) -> list[str] | None:
    """Speaker of each item, None unless every item names one (half-known groups would make false intervals)."""
    names = [item.speaker for item in items]
    return names if names and all(names) else None


def failures(scores: Sequence[Score]) -> int:
    return sum(bool(s.failed) for s in scores)


# name -> module:factory; a module is imported when its metric is asked for. `NAME:released` is what the published
# scripts of this family compute, to read their tables by; `NAME:prompt` also hears the prompt; `NAME:sound` takes no
# spelling for an error.
METRICS = {
    "emo-acc": "dubctl.metrics.emo_acc:EmotionAccuracy",
    "emo-acc:prompt": "dubctl.metrics.emo_acc:EmotionBesidePrompt",
    "wer": "dubctl.metrics.wer:WordErrorRate",
    "wer:sound": "dubctl.metrics.wer:WordErrorRateBySound",
    "wer:released": "dubctl.metrics.wer:ReleasedWordErrorRate",
    "secs": "dubctl.metrics.secs:SpeakerSimilarity",
    "secs:released": "dubctl.metrics.secs:ReleasedSpeakerSimilarity",
    "mcd": "dubctl.metrics.mcd:mcd",
    "mcd:released": "dubctl.metrics.mcd:mcd_released",
    "mcd-dtw": "dubctl.metrics.mcd:mcd_dtw",
    "mcd-dtw:released": "dubctl.metrics.mcd:mcd_dtw_released",
    "mcd-dtw-sl": "dubctl.metrics.mcd:mcd_dtw_sl",
    "mcd-dtw-sl:released": "dubctl.metrics.mcd:mcd_dtw_sl_released",
    "dnsmos": "dubctl.metrics.dnsmos:DnsMos",
    "distillmos": "dubctl.metrics.distillmos:DistillMos",
    "sync": "dubctl.metrics.sync:Synchrony",
    "lse-d": "dubctl.metrics.lse:lse_d",
    "lse-c": "dubctl.metrics.lse:lse_c",
    "length": "dubctl.metrics.length:ExactLength",
    "finding": "dubctl.metrics.finding:Finding",
}
ASR_METRICS = ("wer", "wer:sound", "wer:released")  # their factories take asr, device and the transcripts heard so far
SYNCNET_METRICS = ("lse-d", "lse-c")  # theirs take the checkpoint and the device


def metric_class(name: str) -> Callable[..., Metric]:
    """What makes a metric: its class, or a factory.

    Raises:
        UsageError: no metric of that name (says the nearest).
    """
    if name not in METRICS:
        raise UsageError(f"no metric is called '{name}'", nearest(name, METRICS))
    module, _, cls = METRICS[name].partition(":")
    return getattr(import_module(module), cls)


def parse_metrics(text: str) -> list[str]:
    """Names of a comma-separated list, in order, each once.

    Raises:
        UsageError: an unknown name, or none at all.
    """
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UsageError("no metric named", "known: " + ", ".join(METRICS))
    for name in names:
        if name not in METRICS:
            raise UsageError(f"no metric is called '{name}'", nearest(name, METRICS))
    return names
