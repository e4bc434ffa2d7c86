"""`dubctl train`: the progressive-graph synthesizer, from a library; or the recogniser that judges it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dubctl.cli.app import app
from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_library
from dubctl.cli.options import command
from dubctl.config import load_dataclass
from dubctl.errors import InputError, UsageError


@command(app, "train")
def train(
    run: Run,
    library: Annotated[list[Path], typer.Argument(metavar="LIB...", help=(
        "Library folder made by extract; --model ser: data sets with a manifest.jsonl."))],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="Folder for checkpoint, curves and voice.")],
    model: Annotated[Literal["voice", "ser"], typer.Option(metavar="NAME", help=(
        "voice (default), or ser: the emotion recogniser of eval."))] = "voice",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from RUN's last checkpoint.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", help="A very small model: trains in a minute on a CPU.")] = False,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, help="Steps to train for.")] = None,
) -> None:
    """Train the synthesizer on a library. Its configuration is the [train] table of the project file (--config)."""
    if model == "ser":
        _recogniser(run, library, out, resume, tiny, steps)
    elif len(library) > 1:
        raise UsageError("a voice is trained on one library", "several data sets go with --model ser")
    else:
        _voice(run, library[0], out, resume, tiny, steps)


def _voice(run: Run, library: Path, out: Path, resume: bool, tiny: bool, steps: int | None) -> None:
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


def _recogniser(run: Run, datasets: list[Path], out: Path, resume: bool, tiny: bool, epochs: int | None) -> None:
    """`--model ser`; --steps are epochs here."""
    from dataclasses import replace

    from dubctl.ser.config import SerConfig, tiny_ser_config

    for folder in datasets:
        if not (folder / "manifest.jsonl").is_file():
            raise InputError(f"{folder}: no manifest.jsonl in it", "one row a clip: id, audio, speaker, emotion")
    base = tiny_ser_config() if tiny else SerConfig()
    config = load_dataclass(SerConfig, run.resolved.train, f"{run.resolved.file} [train]", base)
    config = replace(config, epochs=epochs or config.epochs)
    if run.resolved.origins["seed"] != "default":
        config = replace(config, seed=run.settings.seed)
    if run.dry_run:
        run.say(f"would train {config.folds + config.members - 1} recognisers into {out}")
        return
    from dubctl.ser.train import train_ser

    run.device = "cpu"  # a network of 0.1 million weights
    with run.progress("train") as progress:
        report = train_ser(datasets, out, config, resume=resume, force=run.force, progress=progress)
    run.result, run.done = report, report["clips"]
    if report["left_out"]:
        first = report["left_out"][0]
        run.warn(f"{len(report['left_out'])} clips were left out, e.g. {first['id']}: {first['why']}")
    run.wrote(out / "report.json", out / "model")
    figures = report["cross_validation"]["all"]
    run.say(f"unheard speakers: accuracy {figures['accuracy']:.3f}, unweighted recall {figures['uar']:.3f} of "
            f"{figures['n']} clips")
