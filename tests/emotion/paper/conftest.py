"""Tiny checkpoints, built once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emotion.paper import tiny


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`shelf("rter")` is the folder of that checkpoint of `tiny`; keywords make a variant of it."""
    root, made = tmp_path_factory.mktemp("checkpoints"), dict[str, Path]()

    def get(name: str, **kind: object) -> Path:
        key = "-".join([name, *map(str, kind.values())])
        if key not in made:
            folder = root / key
            folder.mkdir()
            made[key] = getattr(tiny, name)(folder, **kind)
        return made[key]

    return get
