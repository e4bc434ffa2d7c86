"""Running the command line: in this process, where parts can be replaced, and as a process of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dubctl.cli.main import run


@dataclass
class Outcome:
    """Exit code and both streams of one run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout; fails where there is more or less."""
        return json.loads(self.out)


@pytest.fixture
def dubctl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
           tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> Outcome:
        capsys.readouterr()
        code = run(list(args))
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return call


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pipe this into the next command of this process."""

    def into(what: bytes | str, errors: str = "strict") -> None:
        raw = what.encode() if isinstance(what, str) else what
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), "utf-8", errors))

    return into


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command line as a process, in an empty folder."""

    def call(*args: str, stdin: str = "") -> Outcome:
        done = subprocess.run([sys.executable, "-m", "dubctl.cli.main", *args], capture_output=True, text=True,
                              input=stdin, cwd=tmp_path, timeout=120)
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., types.ModuleType]:
    """Put a module in place of a library part: the commands import theirs when they run."""

    def put(name: str, **members: Any) -> types.ModuleType:
        module = types.ModuleType(name)
        module.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return put
