"""`dubctl index`: Annoy indexes over a library's vectors."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_library
from dubctl.cli.options import command


@command(app, "index", shared=("metric", "trees"))
def index(run: Run, library: Annotated[Path, typer.Argument(metavar="LIB", help="Library folder.")]) -> None:
    """Build search trees over a library."""
    from dubctl.library.index import build_index
    from dubctl.library.store import Library

    existing_library(library)
    settings, opened = run.settings, Library.open(library)
    if run.dry_run:
        run.say(f"would index {len(opened.rows)} clips of {library}")
        return
    chosen = {"metric": settings.metric, "trees": settings.trees}
    report = build_index(opened, **{key: value for key, value in chosen.items() if value is not None})
    run.done, run.result = len(opened.rows), dataclasses.asdict(report)
    run.wrote(report.path)
    for modality, clips in report.clips.items():
        run.say(f"{modality}: {clips} clips, finds {report.recall[modality]:.0%} of the true nearest ({report.metric})")
