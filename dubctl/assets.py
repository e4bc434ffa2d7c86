"""Where the shipped weights lie: `dubctl/models` in an installed wheel, `models/` in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

from dubctl.errors import DependencyError


def models_root() -> Path:
    """Folder of the shipped weights; `DUBCTL_MODELS` overrides it.

    Raises:
        DependencyError: no such folder (a broken installation).
    """
    here = Path(__file__).resolve().parent
    override = os.environ.get("DUBCTL_MODELS")
    for root in (Path(override),) if override else (here / "models", here.parent / "models"):
        if root.is_dir():
            return root
    raise DependencyError("the shipped weights are missing", "reinstall dubctl, or set DUBCTL_MODELS to the folder")


def model_file(name: str, file: str) -> Path:
    """Path of one file of one shipped model, e.g. `model_file("speaker-encoder", "model.safetensors")`.

    Raises:
        DependencyError: the file is not there.
    """
    path = models_root() / name / file
    if not path.is_file():
        raise DependencyError(f"weights missing: {path}", "run `dubctl models verify` and reinstall dubctl")
    return path
