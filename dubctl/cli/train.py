"""`dubctl train`: the progressive-graph synthesizer, from a library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_folder
from dubctl.cli.options import command
from dubctl.config import load_dataclass


@command(app, "train")
def train(
    run: Run,
    library: Annotated[Path, typer.Argument(metavar="LIB", help="Library folder made by extract.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Folder for checkpoints and curves.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on from RUN's last checkpoint.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", help="A very small model: trains in a minute on a CPU.")] = False,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Steps to train for.")] = None,
) -> None:
    """Train the synthesizer. Its configuration is the [train] table of the project file (--config)."""
    from dubctl.training.config import TrainConfig
    from dubctl.training.run import train as run_training

    existing_folder(library, "library folder", "make one with: dubctl extract DATASET -o LIB")
    where = f"{run.resolved.file} [train]"
    config = load_dataclass(TrainConfig, run.resolved.train, where)
    with run.progress("train") as progress:
        report = run_training(library, out, config, resume=resume, progress=progress)
    run.wrote(out)
    run.result = report
