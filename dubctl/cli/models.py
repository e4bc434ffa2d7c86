"""`dubctl models`: the shipped weights."""

from __future__ import annotations

from typing import Annotated

import typer

from dubctl.cli.app import models_app
from dubctl.cli.contract import Run
from dubctl.cli.options import command
from dubctl.errors import DependencyError

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from: dubctl models list.")]


@command(models_app, "models list")
def list_(run: Run) -> None:
    """Name, size, whether the files are whole, licence, and what it is for."""
    from dubctl.model_registry import faults, shipped_models

    run.result = [model.as_dict() | {"ok": not faults(model)} for model in shipped_models()]
    wide = max((len(row["name"]) for row in run.result), default=0)
    for row in run.result:
        state = "ok" if row["ok"] else "BROKEN"
        notice = f" [{row['notice']}]" if row["notice"] else ""
        licence = row["licence"].split(" (")[0].split(". ")[0]  # the first words name it; --json has all of them
        run.emit(f"{row['name']:{wide}}  {row['size'] / 1e6:6.1f} MB  {state:6}  {licence:12}  {row['what']}{notice}")


@command(models_app, "models path")
def path(run: Run, name: Name) -> None:
    """Print the folder of a model."""
    from dubctl.assets import models_root
    from dubctl.model_registry import find_model

    run.wrote(models_root() / find_model(name).name)


@command(models_app, "models verify")
def verify(run: Run, name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this model.")] = None,
           ) -> None:
    """Recompute every SHA-256."""
    from dubctl.model_registry import faults, find_model, shipped_models

    models = [find_model(name)] if name else shipped_models()
    found = {model.name: faults(model) for model in models}
    run.result = [{"name": key, "ok": not bad, "faults": bad} for key, bad in found.items()]
    run.done, run.failed = sum(not bad for bad in found.values()), sum(bool(bad) for bad in found.values())
    for key, bad in found.items():
        run.emit(f"{key}: {'; '.join(bad) or 'ok'}")
    if run.failed:
        raise DependencyError(f"{run.failed} of {len(models)} models are broken: "
                              + ", ".join(key for key, bad in found.items() if bad), "reinstall dubctl")


@command(models_app, "models download")
def download(run: Run, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Say where a model comes from: the lite weights ship with dubctl, others are not fetched yet."""
    from dubctl.model_registry import shipped_models

    if name in {model.name for model in shipped_models()}:
        run.say(f"{name} ships with dubctl: nothing to download (dubctl models path {name})")
        return
    raise DependencyError(f"cannot download '{name}': the lite profile's weights all ship with dubctl, and those of "
                          "the paper profile are not supported yet", "dubctl models list shows what is there")
