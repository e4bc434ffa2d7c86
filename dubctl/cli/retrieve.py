"""`dubctl retrieve`: which footage would the director show for a clip, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Optional

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_file, existing_folder, read_script
from dubctl.cli.options import command

Names = Optional[list[str]]


@command(app, "retrieve", shared=("k", "metric"))
def retrieve(
    run: Run,
    library: Annotated[Path, typer.Argument(metavar="LIB", help="Library folder.")],
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="The clip to find references for.")],
    script: Annotated[str, typer.Option(metavar="TEXT|@FILE|-", help="What will be said.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write there, not to stdout.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Rows say why: captions, emotion profiles.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every clip; measures the index's recall.")] = False,
    exclude_speaker: Annotated[Names, typer.Option(metavar="NAME", help="Not this speaker (repeatable).")] = None,
    exclude_film: Annotated[Names, typer.Option(metavar="NAME", help="Not this film (repeatable).")] = None,
    exclude_split: Annotated[Names, typer.Option(metavar="NAME", help="Not this split (repeatable).")] = None,
    exclude: Annotated[Names, typer.Option(metavar="ID", help="Not this clip (repeatable).")] = None,
    pin: Annotated[Names, typer.Option(metavar="ID", help="This clip first (repeatable).")] = None,
    modality: Annotated[Names, typer.Option(metavar="NAME", help="Only scene, face or text (repeatable).")] = None,
) -> None:
    """Rank a library's clips by how alike scene, face and text feel: one JSON row a reference."""
    raise NotImplementedError
