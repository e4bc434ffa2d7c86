"""`dubctl eval`: how good are the dubs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import paper_parts_of
from dubctl.cli.options import command

if TYPE_CHECKING:
    from dubctl.metrics.run import EvalReport


@command(app, "eval", shared=("metrics", "asr", "syncnet"))
def eval_(
    run: Run,
    path: Annotated[str | None, typer.Argument(metavar="[PATH]", help=(
        "A folder of dubs, a JSONL manifest, or - (default: a manifest on stdin, else this folder)."))] = None,
    against: Annotated[str | None, typer.Option(metavar="PATH", help=(
        "Another system's dubs of the same clips: paired tests."))] = None,
    fail_if: Annotated[list[str] | None, typer.Option(metavar="COND", help="Exit 6 if so: 'wer>0.15'.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one CSV row a dub there.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help=(
        "Write one page there: figures, sound, spectrograms, confusions, references."))] = None,
) -> None:
    """Score dubs: what a recogniser hears, whose voice, which emotion, how well it fits the mouth."""
    from dubctl.device import resolve_device
    from dubctl.metrics.base import parse_metrics
    from dubctl.metrics.gate import check_gates, parse_gate
    from dubctl.metrics.items import load_items

    settings = run.settings
    names = parse_metrics(settings.metrics)
    gates = [parse_gate(condition, names) for condition in fail_if or ()]
    items = load_items(path, sys.stdin)
    others = load_items(against) if against is not None else None
    if run.dry_run:
        run.say(f"would score {len(items)} dubs with {', '.join(names)}")
        return
    run.device = resolve_device(settings.device)
    report = _evaluate(run, names, items, others)
    for warning in report.warnings:
        run.warn(warning)
    run.result = report.as_dict()
    _print(run, report)
    if csv is not None:
        report.write(csv)
        run.outputs.append(str(csv))
    if html is not None:
        from dubctl.metrics.html import write_html

        write_html(report, html, others or [])
        run.outputs.append(str(html))
    run.done, run.failed = len(items) - report.failures, report.failures
    check_gates(gates, report.results)
    run.count(run.done, 0, report.failures, "they score the worst case; --json says why for each")


def _evaluate(run: Run, names: list[str], items: list, others: list | None) -> EvalReport:
    from dubctl.metrics.compare import with_comparison
    from dubctl.metrics.run import evaluate

    settings = run.settings
    parts = paper_parts_of(run)
    options = {"asr": settings.asr or (parts and parts.asr), "device": run.device, "jobs": settings.jobs,
               "syncnet": settings.syncnet}
    with run.progress("eval") as progress:
        report = evaluate(items, names, progress=progress, **options)
    if others is None:
        return report
    with run.progress("eval --against") as progress:
        return with_comparison(report, evaluate(others, names, progress=progress, **options))


def _print(run: Run, report: EvalReport) -> None:
    """A table where somebody watches, else one tab-separated line a figure."""
    from dubctl.metrics.table import drawn, lines

    if run.json:
        return
    if run.stdout.isatty():
        run.emit(drawn(report))
        return
    for line in lines(report):
        run.emit(line)
