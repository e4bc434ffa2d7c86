"""`dubctl export`: a library's features in the files of the released research code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_library, paper_parts_of, warn_other_profile
from dubctl.cli.options import command


@command(app, "export")
def export(
    run: Run,
    library: Annotated[Path, typer.Argument(metavar="LIB", help="Library folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for .npy files and lists.")],
    top: Annotated[int, typer.Option(metavar="N", min=1, help="References a retrieval list holds.")] = 100,
) -> None:
    """Write emotion features for other code. One .npy a clip, and retrieval lists, as Authentic-Dubber reads them."""
    existing_library(library)
    paper_parts_of(run)  # an export needs no part, but a wrong table is said
    if run.dry_run:
        run.say(f"would export {library} to {out}")
        return
    from dubctl.library.importing import export_features
    from dubctl.library.released import WIDTHS

    with run.progress("export") as progress:
        report = export_features(library, out, top, progress)
    run.result, run.done = report, sum(report["features"].values())
    warn_other_profile(run, library, report["profile"])
    if report["widths"] != WIDTHS:
        run.warn("the released code reads {}, {}, {} and {} numbers (scene, face, text, audio); these have "
                 "{}, {}, {} and {}: its first layers must be made as wide".format(*WIDTHS.values(),
                                                                                  *report["widths"].values()))
    run.wrote(out)
    run.say(", ".join(f"{count} {name}" for name, count in report["features"].items()) + " vectors")
