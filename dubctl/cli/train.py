"""`dubctl train`: the progressive-graph synthesizer, from a library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_library
from dubctl.cli.options import command
from dubctl.config import load_dataclass


@command(app, "train")
def train(
    run: Run,
    library: Annotated[Path, typer.Argument(metavar="LIB", help="Library folder made by extract.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Folder for checkpoint, curves and voice.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on from RUN's last checkpoint.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", help="A very small model: trains in a minute on a CPU.")] = False,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Steps to train for.")] = None,
) -> None:
    """Train the synthesizer on a library. Its configuration is the [train] table of the project file (--config)."""
    from dubctl.training.config import TrainConfig, tiny_train_config

    existing_library(library)
    base = tiny_train_config() if tiny else TrainConfig()
    config = load_dataclass(TrainConfig, run.resolved.train, f"{run.resolved.file} [train]", base)
    if run.dry_run:
        run.say(f"would train {steps or config.steps} steps on {library} into {out}")
        return
    from dubctl.device import resolve_device
    from dubctl.training.run import train as train_on

    settings = run.settings
    run.device = resolve_device(settings.device)
    seed = None if run.resolved.origins["seed"] == "default" else settings.seed  # else the [train] table's
    with run.progress("train") as progress:
        report = train_on(library, out, config, resume=resume, force=run.force, steps=steps, device=run.device,
                          seed=seed, progress=progress)
    run.result, run.done = report, report["clips"]
    if report["left_out"]:
        first = report["left_out"][0]
        run.warn(f"{len(report['left_out'])} clips were left out, e.g. {first['id']}: {first['why']}")
    run.wrote(report["checkpoint"], report["voice"])
    run.say(f"step {report['step']}, {report['seconds']:.0f} s; speak with it: dubctl dub --voice {report['voice']} …")
