"""The figures of an evaluation as a table for people and as tab-separated lines for programs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dubctl.metrics.base import Result
from dubctl.metrics.run import EvalReport


@dataclass(frozen=True)
class Figure:
    """One line: a metric's value, or (name indented by "  ") one that stands beside it."""

    name: str
    value: float | None
    ci95: Sequence[float] | None = None
    n: int | None = None
    failures: int | None = None
    note: str = ""


def figures(result: Result) -> Iterator[Figure]:
    """The figures of one metric: itself, then what it must be read beside."""
    arrow = "higher is better" if result.higher_is_better else "lower is better"
    yield Figure(result.metric, result.value, result.ci95, result.n, result.failures, result.reason or arrow)
    detail = result.detail
    if "uar" in detail:
        yield Figure("  unweighted recall", detail["uar"], detail["uar_ci95"], detail["n"])
        yield Figure("  macro-F1", detail["macro_f1"], None, detail["n"])
        truth = detail.get("ground_truth")
        if truth:
            yield Figure("  recordings: accuracy", truth["accuracy"], truth["accuracy_ci95"], truth["n"])
            yield Figure("  recordings: unweighted recall", truth["uar"], truth["uar_ci95"], truth["n"])
        if "majority" in detail:
            always = detail["majority"]
            yield Figure(f"  always '{always['class']}'", always["accuracy"], None, detail["n"],
                         note=f"unweighted recall {always['uar']:.4f}")
            yield Figure("  chance", detail["chance"]["accuracy"], None, detail["n"])
    if detail.get("nearest"):
        near = detail["nearest"]
        yield Figure(f"  right voice of {near['of']}", near["value"], near["ci95"], near["n"])
        yield Figure("  chance", 1 / near["of"], None, near["n"])
    for name in ("onset_error", "offset_error", "length_error", "lips_loudness"):
        if isinstance(detail.get(name), Mapping) and detail[name]["n"]:
            yield Figure(f"  {name.replace('_', ' ')}", detail[name]["mean"], detail[name]["ci95"], detail[name]["n"])


def lines(report: EvalReport) -> list[str]:
    """`name, value, [low, high], n=…, failures=…`, tab-separated; a metric without value says why."""
    out = []
    for result in report.results.values():
        if result.value is None:
            out.append(f"{result.metric}\t-\t{result.reason or 'no dub could be measured'}")
            continue
        for row in figures(result):
            counts = [f"n={row.n}"] + ([f"failures={row.failures}"] if row.failures is not None else [])
            name = row.name.strip() if row.name == result.metric else f"{result.metric}/{row.name.strip()}"
            out.append("\t".join([name, _number(row.value), _interval(row.ci95), *counts]))
    return out + [line for name, test in report.comparison.get("metrics", {}).items()
                  for line in _comparison_lines(name, test)]


def drawn(report: EvalReport, width: int = 110) -> str:
    """The same as a rich table (text with escape codes)."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column, side in (("metric", "left"), ("value", "right"), ("95 % interval", "left"), ("n", "right"),
                         ("failed", "right"), ("", "left")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for result in report.results.values():
        for row in figures(result):
            table.add_row(row.name, _number(row.value), _interval(row.ci95), "" if row.n is None else str(row.n),
                          "" if row.failures is None else str(row.failures), row.note)
    tables = [table]
    if report.comparison:
        tables.append(_comparison_table(report.comparison))
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    for one in tables:
        console.print(one)
    return console.file.getvalue().rstrip("\n")  # type: ignore[attr-defined]


def _comparison_table(comparison: Mapping[str, Any]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title=f"paired on {comparison['pairs']} clips", title_justify="left")
    for column in ("metric", "this", "other", "difference", "95 % interval", "p", "better"):
        table.add_column(column)
    for row in comparison_rows(comparison):
        table.add_row(*row)
    return table


def comparison_rows(comparison: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Cells (metric, this, other, difference, interval, p, better) of every paired test."""
    for name, test in comparison["metrics"].items():
        if "difference" not in test:
            yield name, "", "", "", "", "", f"only {test['n']} pairs"
            continue
        for label, row in _tests(name, test):
            yield (label, _number(row.get("ours")), _number(row.get("theirs")), _number(row["difference"]),
                   _interval(row.get("ci95")), _number(row.get("p")), row["better"])


def _tests(name: str, test: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield name, test
    if "mcnemar" in test:
        yield "  McNemar", {"difference": None, "p": test["mcnemar"]["p"],
                            "better": f"{test['mcnemar']['only_ours']} : {test['mcnemar']['only_theirs']} clips"}
    if "uar" in test:
        yield "  unweighted recall", test["uar"]


def _comparison_lines(name: str, test: Mapping[str, Any]) -> Iterator[str]:
    if "difference" not in test:
        yield f"{name} against\t-\tonly {test['n']} pairs"
        return
    for label, row in _tests(name, test):
        title = name if label == name else f"{name}/{label.strip()}"
        p = f"p={row['p']:.4g}" if row.get("p") is not None else "-"
        yield "\t".join([f"{title} against", _number(row["difference"]), _interval(row.get("ci95")),
                         f"n={test['n']}", p, row["better"]])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _interval(bounds: Sequence[float] | None) -> str:
    return f"[{bounds[0]:.4f}, {bounds[1]:.4f}]" if bounds else "-"
