"""`dubctl retrieve`: which footage would the director show for a clip, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_file, existing_library, paper_parts_of, read_script
from dubctl.cli.options import PAPER, command

Names = list[str] | None


def _many(metavar: str, text: str) -> typer.models.OptionInfo:
    return typer.Option(metavar=metavar, help=f"{text} (repeatable).")


@command(app, "retrieve", shared=("k", "metric", *PAPER))
def retrieve(
    run: Run,
    library: Annotated[Path, typer.Argument(metavar="LIB", help="Library folder, or built-in.")],
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="The clip to find references for.")],
    script: Annotated[str, typer.Option(metavar="TEXT|@FILE|-", help="What will be said.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write rows there.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why on stderr: captions, emotion profiles.")] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every clip instead of using the index.")] = False,
    exclude_speaker: Annotated[Names, _many("NAME", "Not this speaker")] = None,
    exclude_film: Annotated[Names, _many("NAME", "Not this film")] = None,
    exclude_split: Annotated[Names, _many("NAME", "Not this split")] = None,
    exclude: Annotated[Names, _many("ID", "Not this clip")] = None,
    pin: Annotated[Names, _many("ID", "This clip first")] = None,
    modality: Annotated[Names, _many("NAME", "Only scene, face or text")] = None,
) -> None:
    """Rank a library's clips for a scene. By how alike scene, face and text feel: one JSON row a reference."""
    folder = existing_library(library)
    existing_file(clip, "clip")
    line = read_script(script)
    if run.dry_run:
        run.say(f"would search {library} for {clip}")
        return
    from dubctl.dubbing.references import query_of
    from dubctl.dubbing.scene_reading import read_scene
    from dubctl.emotion.profiles import load_profile
    from dubctl.library.builtin import open_library
    from dubctl.library.hits import explain as explained
    from dubctl.library.retrieve import retrieve as search

    settings, profile = run.settings, load_profile(run.settings.profile, paper_parts_of(run))
    opened = open_library(folder, profile.spaces())
    query = query_of(read_scene(clip, line, profile), clip, line)
    chosen = {"modalities": modality} if modality else {}
    hits = search(opened, query, settings.k, metric=settings.metric, exact=exact, pin=pin or (), exclude=exclude or (),
                  exclude_speakers=exclude_speaker or (), exclude_films=exclude_film or (),
                  exclude_splits=exclude_split or (), **chosen)
    for why in explained(hits, query) if explain else ():
        run.say(why)
    _put(run, [hit.as_row() for hit in hits], out)


def _put(run: Run, rows: list[dict[str, object]], out: Path | None) -> None:
    """Rows to FILE, or to stdout."""
    from dubctl.files import write_jsonl

    run.result, run.done = rows, len(rows)
    if out is not None and str(out) != "-":
        write_jsonl(out, rows)
        run.wrote(out)
        return
    for row in rows:
        run.emit(json.dumps(row, ensure_ascii=False))
