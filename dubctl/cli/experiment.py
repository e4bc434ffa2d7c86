"""`dubctl experiment`: a table or figure of the paper from one configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_file, existing_library, paper_parts_of, warn_other_profile
from dubctl.cli.options import command
from dubctl.errors import InputError, PartialFailure, UsageError


@command(app, "experiment", shared=("library", "metrics", "asr", "vocoder"))
def experiment(
    run: Run,
    file: Annotated[Path, typer.Argument(metavar="CONFIG", help="Experiment file, e.g. examples/experiments/….toml.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Folder to write or go on with.")],
    others: Annotated[list[str] | None, typer.Option("--with", metavar="NAME=LIB", help=(
        "Another library that a variant asks for (repeatable)."))] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this variant (repeatable).")] = None,
    setting: Annotated[str | None, typer.Option(metavar="N", help="Dubbing setting 1.0, 2.0 or 3.0.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="At most so many lines (0 = all).")] = 0,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Steps to train each variant for.")] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="Very small models, to try an experiment out.")] = False,
) -> None:
    """Run a table of variants: each is trained, dubs the test lines, is scored. Prints table and plots; resumes."""
    from dubctl.experiments.config import check_setting, chosen, load_experiment

    existing_file(file, "experiment file")
    settings = run.settings
    library = existing_library(settings.library)
    if library is None:
        raise UsageError("an experiment needs a library with sound", "--library LIB (the built-in one has none)")
    if setting is not None:
        check_setting(setting)
    libraries, parts = dict(_named(pair) for pair in others or ()), paper_parts_of(run)
    plan_for = load_experiment(file)
    variants = chosen(plan_for, only or ())
    if run.dry_run:
        run.say(f"would run {', '.join(variant.name for variant in variants)} on {library} into {out}")
        return
    from dubctl.device import resolve_device
    from dubctl.experiments.plot import text
    from dubctl.experiments.run import Plan, run_experiment
    from dubctl.experiments.table import markdown
    from dubctl.library.store import Library

    warn_other_profile(run, library, Library.open(library).profile)
    run.device = resolve_device(settings.device)
    metrics = "" if run.resolved.origins["metrics"] == "default" else settings.metrics
    outcome = run_experiment(Plan(
        plan_for, library, out, variants, libraries, metrics, setting or "", limit, steps, tiny, run.resolved.train,
        run.device, settings.seed, settings.jobs, settings.asr or (parts.asr if parts else None),
        parts.vocoder if parts else settings.vocoder, settings.keep_going), run.progress)
    for warning in outcome.warnings:
        run.warn(warning)
    run.result, run.outputs = {"rows": outcome.rows, "failed": outcome.failed}, [str(path) for path in outcome.files]
    run.done, run.failed = len(variants) - len(outcome.failed), len(outcome.failed)
    for line in markdown(outcome.rows, list(outcome.rows[0]["metrics"])):
        run.emit(line)
    for figure in outcome.figures:  # to see at once; the SVG is the result
        run.say("\n" + "\n".join(text(figure)))
    if outcome.failed and run.done:
        raise PartialFailure(f"{run.failed} of {len(variants)} variants failed: {', '.join(outcome.failed)}",
                             "the warnings say why; run it again to go on")
    if outcome.failed:
        raise InputError(f"all {run.failed} variants failed", "the warnings say why")


def _named(pair: str) -> tuple[str, Path]:
    name, _, path = pair.partition("=")
    if not name or not path:
        raise UsageError(f"--with {pair}: expected NAME=LIB", "for example --with i3d=lib-i3d/")
    existing_library(Path(path))
    return name, Path(path)
