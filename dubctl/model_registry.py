"""What ships in `models/`: read from its manifest, which `models/recipes/checksums.py` writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubctl.assets import models_root
from dubctl.config import nearest
from dubctl.errors import DependencyError, UsageError
from dubctl.files import sha256_file

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ShippedFile:
    """One file of a model: name in the model's folder, size in bytes, and hex SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class ShippedModel:
    """One folder of `models/`. `notice` is what a user must know first ("evaluation only: ..."), or ""."""

    name: str
    what: str
    licence: str
    notice: str
    files: tuple[ShippedFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "what": self.what, "licence": self.licence, "notice": self.notice,
                "size": self.size, "path": str(models_root() / self.name)}


def shipped_models() -> list[ShippedModel]:
    """All shipped models, by name.

    Raises:
        DependencyError: the manifest is missing or broken.
    """
    path = models_root() / MANIFEST
    try:
        table = json.loads(path.read_text(encoding="utf-8"))["models"]
        return [ShippedModel(row["name"], row["what"], row["licence"], row["notice"],
                             tuple(ShippedFile(**file) for file in row["files"])) for row in table]
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise DependencyError(f"cannot read {path}: {err}", "reinstall dubctl") from err


def find_model(name: str) -> ShippedModel:
    """The shipped model called `name`.

    Raises:
        UsageError: there is none; the nearest name is offered.
    """
    models = {model.name: model for model in shipped_models()}
    if name not in models:
        raise UsageError(f"no shipped model is called '{name}'", nearest(name, models))
    return models[name]


def faults(model: ShippedModel) -> list[str]:
    """What is wrong with a model's files, recomputing every SHA-256; empty when they are whole."""
    found = []
    for file in model.files:
        path = models_root() / model.name / file.name
        if not path.is_file():
            found.append(f"missing: {path}")
        elif path.stat().st_size != file.size or sha256_file(path) != file.sha256:
            found.append(f"changed: {path}")
    return found


def write_manifest(root: Path) -> int:
    """Describe every folder under `root` that has a MODEL_CARD.md in `root/manifest.json`; returns how many.

    what, licence and notice are the rows of those names in the card's first table.
    """
    from dubctl.files import write_json

    cards = sorted(root.glob("*/MODEL_CARD.md"))
    write_json(root / MANIFEST, {"schema_version": 1, "models": [_described(card) for card in cards]})
    return len(cards)


def _described(card: Path) -> dict[str, Any]:
    rows = _card_rows(card)
    files = [path for path in sorted(card.parent.rglob("*"))
             if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")]
    return {"name": card.parent.name, "what": rows["what"], "licence": rows["licence"],
            "notice": rows.get("notice", ""),
            "files": [{"name": path.relative_to(card.parent).as_posix(), "size": path.stat().st_size,
                       "sha256": sha256_file(path)} for path in files]}


def _card_rows(card: Path) -> dict[str, str]:
    rows: dict[str, str] = {}
    for line in card.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) >= 2:
            rows.setdefault(cells[0].lower(), " ".join(cells[1:]))
    for key in ("what", "licence"):
        if not rows.get(key):
            raise ValueError(f"{card}: its table has no row '{key}'")
    return rows
