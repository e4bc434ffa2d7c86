"""`dubctl config show`: each setting and where it came from."""

from __future__ import annotations

import dataclasses
import json

from dubctl.cli.app import config_app
from dubctl.cli.contract import Run
from dubctl.cli.options import SHARED, command


@command(config_app, "config show", shared=tuple(key for key in SHARED
                                                  if key not in ("device", "seed", "jobs", "profile", "keep_going")))
def show(run: Run) -> None:
    """Print each value with its origin: flag, DUBCTL_* variable, project file or default."""
    settings = run.settings
    rows = [(f.name.replace("_", "-"), getattr(settings, f.name), run.resolved.origins[f.name])
            for f in dataclasses.fields(settings)]
    rows += [(f"train.{key}", value, str(run.resolved.file)) for key, value in run.resolved.train.items()]
    run.result = {key: {"value": value, "origin": origin} for key, value, origin in rows}
    for key, value, origin in rows:
        run.emit(f"{key} = {json.dumps(value, default=str)}  # {origin}")
