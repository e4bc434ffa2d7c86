"""Fixtures every test may use."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own DUBCTL_* variables change no test."""
    for name in list(os.environ):
        if name.startswith("DUBCTL_"):
            monkeypatch.delenv(name)
