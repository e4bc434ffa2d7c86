"""`dubctl eval`: how good are the dubs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.options import command

if TYPE_CHECKING:
    from dubctl.metrics.base import Result


@command(app, "eval", shared=("metrics", "asr"))
def eval_(
    run: Run,
    path: Annotated[str | None, typer.Argument(metavar="[PATH]", help=(
        "A folder of dubs, a JSONL manifest, or - (default: a manifest on stdin, else this folder)."))] = None,
    fail_if: Annotated[list[str] | None, typer.Option(metavar="COND", help="Exit 6 if so: 'wer>0.15'.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one CSV row a dub there.")] = None,
) -> None:
    """Score dubs. What a recogniser hears, whose voice it is."""
    from dubctl.device import resolve_device
    from dubctl.metrics.base import parse_metrics
    from dubctl.metrics.gate import check_gates, parse_gate
    from dubctl.metrics.items import load_items
    from dubctl.metrics.run import evaluate

    settings = run.settings
    names = parse_metrics(settings.metrics)
    gates = [parse_gate(condition, names) for condition in fail_if or ()]
    items = load_items(path, sys.stdin)
    if run.dry_run:
        run.say(f"would score {len(items)} dubs with {', '.join(names)}")
        return
    run.device = resolve_device(settings.device)
    with run.progress("eval") as progress:
        report = evaluate(items, names, asr=settings.asr, device=run.device, jobs=settings.jobs, progress=progress)
    for warning in report.warnings:
        run.warn(warning)
    run.result = report.as_dict()
    for result in report.results.values():
        run.emit(_line(result))
    if csv is not None:
        report.write(csv)
        run.outputs.append(str(csv))
    run.done, run.failed = len(items) - report.failures, report.failures
    check_gates(gates, report.results)
    run.count(run.done, 0, report.failures, "they score the worst case; --json says why for each")


def _line(result: Result) -> str:
    """`wer 0.0812 [0.0610, 0.1023] n=30`, or why there is no value; tab-separated."""
    if result.value is None:
        return f"{result.metric}\t-\t{result.reason}"
    interval = f"[{result.ci95[0]:.4f}, {result.ci95[1]:.4f}]" if result.ci95 else "-"
    return f"{result.metric}\t{result.value:.4f}\t{interval}\tn={result.n}\tfailures={result.failures}"
