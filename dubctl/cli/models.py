"""`dubctl models`: the shipped weights, and those of the paper profile that can be downloaded."""

from __future__ import annotations

from typing import Annotated

import typer

from dubctl.cli.app import models_app
from dubctl.cli.contract import Run
from dubctl.cli.options import command
from dubctl.errors import DependencyError, UsageError

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from: dubctl models list.")]


@command(models_app, "models list")
def list_(run: Run, remote: Annotated[bool, typer.Option("--remote", help=(
        "Models of the paper profile that can be downloaded."))] = False) -> None:
    """Name, size, whether the files are whole, licence, and what it is for."""
    if remote:
        _list_remote(run)
        return
    from dubctl.model_registry import faults, shipped_models

    run.result = [model.as_dict() | {"ok": not faults(model)} for model in shipped_models()]
    wide = max((len(row["name"]) for row in run.result), default=0)
    for row in run.result:
        state = "ok" if row["ok"] else "BROKEN"
        notice = f" [{row['notice']}]" if row["notice"] else ""
        licence = row["licence"].split(" (")[0].split(". ")[0]  # the first words name it; --json has all of them
        run.emit(f"{row['name']:{wide}}  {row['size'] / 1e6:6.1f} MB  {state:6}  {licence:12}  {row['what']}{notice}")


def _list_remote(run: Run) -> None:
    from dubctl.catalogue import catalogue
    from dubctl.hub import is_here, pinned

    run.result = [{"name": model.name, "repository": model.repo, "part": model.part, "licence": model.licence,
                   "revision": pinned(model.repo), "what": model.what,
                   "here": is_here(model.repo)} for model in catalogue()]
    wide = max(len(row["name"]) for row in run.result)
    for row in run.result:
        state = "here" if row["here"] else "not here"
        pin = row["revision"][:12] or "newest"  # the first download pins it
        run.emit(f"{row['name']:{wide}}  {state:8}  {row['part']:9}  {row['repository']}@{pin}  {row['licence']}  "
                 f"{row['what']}")


@command(models_app, "models path")
def path(run: Run, name: Name) -> None:
    """Print the folder of a model."""
    from dubctl.assets import models_root
    from dubctl.catalogue import find_remote
    from dubctl.hub import cache_folder, missing, pinned, snapshot
    from dubctl.model_registry import find_model, shipped_models

    remote = find_remote(name)
    if remote is None or name in {model.name for model in shipped_models()}:
        run.wrote(models_root() / find_model(name).name)
        return
    folder = snapshot(remote.repo, remote.asked or pinned(remote.repo))
    if folder is None:
        raise missing(remote.repo, cache_folder(remote.repo) / "snapshots")
    run.wrote(folder)


@command(models_app, "models verify")
def verify(run: Run, name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this model.")] = None,
           ) -> None:
    """Recompute every SHA-256, of what ships and of what was downloaded."""
    from dubctl.catalogue import find_remote
    from dubctl.download import faults_of
    from dubctl.hub import read_lock
    from dubctl.model_registry import faults, find_model, shipped_models

    shipped = {model.name: model for model in shipped_models()}
    remote = find_remote(name) if name and name not in shipped else None
    if remote is not None:
        found = {remote.repo: faults_of(remote.repo)}
    else:
        found = {model.name: faults(model) for model in ([find_model(name)] if name else shipped.values())}
        found |= {} if name else {repo: faults_of(repo) for repo in read_lock()}
    run.result = [{"name": key, "ok": not bad, "faults": bad} for key, bad in found.items()]
    run.done, run.failed = sum(not bad for bad in found.values()), sum(bool(bad) for bad in found.values())
    for key, bad in found.items():
        run.emit(f"{key}: {'; '.join(bad) or 'ok'}")
    if run.failed:
        raise DependencyError(f"{run.failed} of {len(found)} models are broken: "
                              + ", ".join(key for key, bad in found.items() if bad),
                              "reinstall dubctl, or download those again")


@command(models_app, "models download")
def download(
    run: Run,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help=(
        "Names from: dubctl models list --remote; or owner/model[@revision]."))],
    revision: Annotated[str | None, typer.Option(metavar="REV", help=(
        "Pin this commit, tag or branch, instead of the one in use (one NAME)."))] = None,
) -> None:
    """Fetch models of the paper profile into the Hugging Face cache. Pinned, verified, resumable."""
    from dubctl.catalogue import at_revision
    from dubctl.download import download as fetch
    from dubctl.download import wanted
    from dubctl.model_registry import shipped_models

    if revision is not None and (len(names) != 1 or not revision or "@" in names[0]):
        raise UsageError("--revision is of one model", "dubctl models download NAME --revision REV, or NAME@REV")
    shipped = {model.name for model in shipped_models()}
    models = [wanted(name) for name in names if name not in shipped]
    if revision is not None:
        models = [at_revision(model, revision) for model in models]
    for name in names:
        if name in shipped:
            run.say(f"{name} ships with dubctl: nothing to download (dubctl models path {name})")
    if run.dry_run:
        run.say(f"would download {', '.join(model.repo for model in models)}")
        return
    run.result = []
    for model in models:
        for got in fetch(model, run.say):
            run.result.append({"repository": got.repo, "revision": got.revision, "licence": got.licence,
                               "files": list(got.files), "size": got.size})
            run.wrote(got.folder)
            run.done += 1
