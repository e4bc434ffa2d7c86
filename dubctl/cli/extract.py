"""`dubctl extract`: a dataset becomes a reference footage library."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import paper_parts_of
from dubctl.cli.options import PAPER, command


@command(app, "extract", shared=PAPER)
def extract(
    run: Run,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help=(
        "Folder of clips with a manifest, or with .txt/.lab or subtitles beside; a manifest; - for one on stdin."))],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="LIB", help="Library folder to write or go on with.")],
) -> None:
    """Measure a dataset into a library. Captions and emotion vectors of scene, face, text and voice."""
    from dubctl.library.datasets import read_dataset

    settings, parts = run.settings, paper_parts_of(run)
    if run.dry_run:
        run.say(f"would measure {len(read_dataset(dataset))} clips into {out}")
        return
    from dubctl.emotion.profiles import load_profile
    from dubctl.library.extract import extract_dataset

    with run.progress("extract") as progress:
        report = extract_dataset(dataset, out, load_profile(settings.profile, parts), jobs=settings.jobs,
                                 force=run.force, keep_going=settings.keep_going, progress=progress,
                                 loader=functools.partial(load_profile, settings.profile, parts))
    for warning in (*report.warnings, *(f"{clip}: {why}" for clip, why in report.failures)):
        run.warn(warning)
    run.result = {"failures": [{"id": clip, "why": why} for clip, why in report.failures]}
    run.wrote(out)
    run.say(f"{report.done} clips measured, {report.skipped} were there already, {report.failed} failed")
    run.count(report.done, report.skipped, report.failed, "the warnings say why; mend those clips and run it again")
