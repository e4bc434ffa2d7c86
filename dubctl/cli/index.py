"""`dubctl index`: Annoy indexes over a library's vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_folder
from dubctl.cli.options import command


@command(app, "index", shared=("metric", "trees"))
def index(run: Run, library: Annotated[Path, typer.Argument(metavar="LIB", help="Library folder.")]) -> None:
    """Build the search trees over a library."""
    from dubctl.library.index import build_index
    from dubctl.library.store import Library

    existing_folder(library, "library folder", "make one with: dubctl extract DATASET -o LIB")
    opened = Library.open(library)
    if run.dry_run:
        run.say(f"would index {len(opened.rows)} clips of {library} ({run.settings.metric})")
        return
    build_index(opened, metric=run.settings.metric, trees=run.settings.trees)
    run.done = len(opened.rows)
    run.wrote(library / "index")
    run.say(f"{len(opened.rows)} clips indexed ({run.settings.metric})")
