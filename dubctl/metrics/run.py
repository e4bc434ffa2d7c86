"""Evaluate dubs: check every row, load the models, score, aggregate. Nothing is dropped on the way."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dubctl.errors import DubctlError, InputError
from dubctl.files import write_json, write_text
from dubctl.metrics.base import (
    ASR_METRICS,
    SYNCNET_METRICS,
    EvalItem,
    Metric,
    NotAvailable,
    Result,
    Score,
    metric_class,
    speakers,
)
from dubctl.metrics.stats import too_few
from dubctl.progress import Progress, silent


@dataclass(frozen=True)
class EvalReport:
    """All scores of an evaluation.

    scores: metric name -> one score per item, in the order of `items`; a metric that is not available has none.
    comparison: paired tests against another system (`dubctl.metrics.compare`), {} without one.
    """

    items: list[EvalItem]
    results: dict[str, Result]
    scores: dict[str, list[Score]]
    warnings: list[str] = field(default_factory=list)
    comparison: dict[str, Any] = field(default_factory=dict)

    @property
    def failures(self) -> int:
        """Items that at least one metric had to score as the worst case."""
        return sum(any(scores[i].failed for scores in self.scores.values()) for i in range(len(self.items)))

    def rows(self) -> list[dict[str, Any]]:
        """One row per item: id, speaker, the value of each metric, its details, and why it failed."""
        return [self._row(i, item) for i, item in enumerate(self.items)]

    def _row(self, i: int, item: EvalItem) -> dict[str, Any]:
        row: dict[str, Any] = {"id": item.id, "speaker": item.speaker, "dub": str(item.dub or "")}
        for name in self.results:
            row[name] = self.scores[name][i].value if name in self.scores else None
        found = {name: scores[i] for name, scores in self.scores.items()}
        row["detail"] = {name: score.detail for name, score in found.items() if score.detail}
        row["failed"] = {name: score.failed for name, score in found.items() if score.failed}
        return row

    def as_dict(self) -> dict[str, Any]:
        """Everything, JSON-able: metrics (aggregates), items (rows), n, failures, warnings."""
        return {"metrics": {name: result.as_dict() for name, result in self.results.items()}, "items": self.rows(),
                "n": len(self.items), "failures": self.failures, "warnings": list(self.warnings),
                **({"comparison": self.comparison} if self.comparison else {})}

    def as_csv(self) -> str:
        """One line per item: id, speaker, dub, one column per metric, failed."""
        sink = io.StringIO()
        names = ["id", "speaker", "dub", *self.results, "failed"]
        writer = csv.DictWriter(sink, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in self.rows():
            writer.writerow({**row, "failed": "; ".join(f"{k}: {v}" for k, v in row["failed"].items())})
        return sink.getvalue()

    def write(self, out: Path | str) -> None:
        """Write to `out`, CSV if it is called so, JSON otherwise; atomic."""
        if Path(out).suffix.lower() == ".csv":
            write_text(out, self.as_csv())
        else:
            write_json(out, self.as_dict())


def evaluate(items: Sequence[EvalItem], metrics: Sequence[str | Metric], *, asr: Any = None, device: str = "cpu",
             jobs: int = 1, progress: Progress = silent, syncnet: Path | None = None) -> EvalReport:
    """Score `items` with `metrics` (names or instances).

    Args:
        asr: for `wer`: a Whisper folder or a Transcriber; None looks at `DUBCTL_ASR` and installed packages.
        device: where the recogniser runs.
        jobs: threads that score items.
        progress: called with (scores done, scores in all, item).
        syncnet: SyncNet checkpoint for `lse-c` and `lse-d`; None looks at `DUBCTL_SYNCNET`.

    Raises:
        UsageError: unknown metric. InputError: a row lacks what a metric needs, or no dub exists at all (checked
        before any model is loaded). DependencyError: a metric's package or model is missing.
    """
    heard: dict[Path, str] = {}
    made = [_make(metric, asr, device, heard, syncnet) if isinstance(metric, str) else metric for metric in metrics]
    check_rows(items, made)
    results: dict[str, Result] = {}
    scores: dict[str, list[Score]] = {}
    warnings: list[str] = []
    missing = [item.id for item in items if _lost(item)]
    if missing:
        warnings.append(f"{len(missing)} of {len(items)} dubs are missing and score the worst case: "
                        + ", ".join(missing[:3]) + (" …" if len(missing) > 3 else ""))
    for turn, metric in enumerate(made):
        try:
            metric.prepare()
        except NotAvailable as reason:
            warnings.append(str(reason))
            results[metric.name] = metric.aggregate([], [])
            continue
        tick = _tick(progress, turn * len(items), len(made) * len(items))
        scores[metric.name] = _score_all(metric, items, jobs, tick)
        results[metric.name] = metric.aggregate(items, scores[metric.name])
        warnings.extend(results[metric.name].warnings)
    few = too_few(len(items), speakers(items))
    if few and scores:
        warnings.append(few)
    return EvalReport(list(items), results, scores, list(dict.fromkeys(warnings)))


def check_rows(items: Sequence[EvalItem], metrics: Sequence[Metric]) -> None:
    """Raise InputError for the first row that lacks what a metric needs, or names an input that does not exist.

    A missing *dub* is no error here but the worst score, unless there is no dub at all.
    """
    for number, item in enumerate(items, 1):
        for metric in metrics:
            for need in metric.needs:
                _check_field(item, number, metric.name, need)
    if items and any("dub" in m.needs for m in metrics) and all(_lost(item) for item in items):
        raise InputError(f"none of the {len(items)} dubs exists (first: {items[0].failed or items[0].dub})",
                         "paths in a manifest start at the manifest's folder")


def _check_field(item: EvalItem, number: int, metric: str, need: str) -> None:
    value = getattr(item, need)
    if need == "dub":
        if value is None and not item.failed:
            raise InputError(f"row {number} ('{item.id}') names no dub", "add 'dub', or 'failed' with the reason")
    elif not value or (isinstance(value, str) and not value.strip()):
        raise InputError(f"row {number} ('{item.id}') has no {need}, which {metric} needs", f"add '{need}' to the row")
    elif isinstance(value, Path) and not value.is_file():
        raise InputError(f"row {number} ('{item.id}'): {need} does not exist: {value}")


def _lost(item: EvalItem) -> str:
    """Why there is no dub to measure, "" if there is one."""
    if item.failed:
        return item.failed
    return "" if item.dub is not None and item.dub.is_file() else f"no such file: {item.dub}"


def _make(name: str, asr: Any, device: str, heard: dict[Path, str], syncnet: Path | None) -> Metric:
    make = metric_class(name)
    if name in ASR_METRICS:
        return make(asr=asr, device=device, heard=heard)
    return make(syncnet=syncnet, device=device) if name in SYNCNET_METRICS else make()


def _tick(progress: Progress, done: int, total: int) -> Callable[[str], None]:
    count = done

    def tick(note: str) -> None:
        nonlocal count
        count += 1
        progress(count, total, note)

    return tick


def _score_all(metric: Metric, items: Sequence[EvalItem], jobs: int, tick: Callable[[str], None]) -> list[Score]:
    """Scores in the order of items; what cannot be measured scores the worst case."""

    def one(item: EvalItem) -> Score:
        why = _lost(item)
        if why:
            return metric.worst(item, why)
        try:
            return metric.score(item)
        except DubctlError as err:
            return metric.worst(item, err.message)

    scores = []
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        for item, score in zip(items, pool.map(one, items), strict=True):
            scores.append(score)
            tick(item.id)
    return scores
