"""`dubctl dub`: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_file, existing_folder, read_rows, read_script
from dubctl.cli.options import command
from dubctl.errors import UsageError

OUT_SUFFIXES = (".mp4", ".wav")


@command(app, "dub", shared=("library", "k"))
def dub(
    run: Run,
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Silent clip: anything ffmpeg reads.")],
    script: Annotated[str, typer.Option(metavar="TEXT|@FILE|-", help="What to say.")],
    prompt: Annotated[Path, typer.Option(metavar="VOICE", help="A few seconds of the voice to speak with.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="OUT", help=(
        "OUT.mp4: picture and speech; OUT.wav: speech alone (default: CLIP's name + .dubbed.mp4, here)."))] = None,
    references: Annotated[str | None, typer.Option(metavar="FILE|-", help=(
        "Rows of dubctl retrieve to perform with, instead of searching."))] = None,
) -> None:
    """Speak a script to a clip: the prompt's voice, the lips' timing, the scene's emotion."""
    from dubctl.dubbing.session import DubRequest, dub_clip

    if script == "-" and references == "-":
        raise UsageError("--script - and --references - both want stdin", "put one of them in a file")
    out = out or Path(f"{clip.stem}.dubbed.mp4")
    if out.suffix.lower() not in OUT_SUFFIXES:
        raise UsageError(f"--out {out}: what format?", "name it .mp4 (picture and speech) or .wav (speech alone)")
    settings = run.settings
    if settings.library is not None:
        existing_folder(settings.library, "library folder", "make one with: dubctl extract DATASET -o LIB")
    request = DubRequest(
        clip=existing_file(clip, "clip"), script=read_script(script), prompt=existing_file(prompt, "voice prompt"),
        out=out, library=settings.library, k=settings.k, device=settings.device, seed=settings.seed,
        references=None if references is None else read_rows(references, "--references"), profile=settings.profile)
    if run.dry_run:
        run.say(f"would dub {clip} to {out}")
        return
    with run.progress("dub") as progress:
        run.result = dub_clip(request, progress)
    run.device, run.done = str(run.result.get("device", "")), 1
    run.wrote(out)
    run.outputs.append(str(out.with_suffix(".json")))
