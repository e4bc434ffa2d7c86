"""What README.md tells people to type is what the commands take, and CI runs the same lines."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from dubctl.cli.main import app
from dubctl.config import load_dataclass, resolve
from dubctl.training.config import TrainConfig

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shell_lines() -> list[str]:
    """Lines of the ```sh blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def calls(line: str) -> list[list[str]]:
    """Arguments of each dubctl call in a shell line of pipes and `&&`."""
    words, found, current = shlex.split(line), list[list[str]](), list[str]()
    for word in [*words, "|"]:
        if word not in ("|", "&&"):
            current.append(word)
            continue
        if current and Path(current[0]).name == "dubctl":
            found.append(current[1:])
        current = []
    return found


def parse(args: list[str]) -> None:
    """Parse a call down to its last flag, without running it; raises what a user would get."""
    command, context = typer.main.get_command(app), None
    while True:
        context = command.make_context("dubctl", args, parent=context)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not hasattr(command, "resolve_command"):
            assert not rest, rest
            return
        _, command, args = command.resolve_command(context, rest)


SHELL_CALLS = [call for line in shell_lines() for call in calls(line)]


@pytest.mark.parametrize("call", SHELL_CALLS, ids=" ".join)
def test_every_call_parses(call: list[str]) -> None:
    parse(call)


def test_the_parser_of_this_test_refuses_what_dubctl_refuses() -> None:
    for wrong in (["dub", "--nope"], ["nope"], ["models", "nope"], ["index", "a", "b"]):
        with pytest.raises(Exception):  # noqa: B017 (click's and dubctl's errors have no common base)
            parse(wrong)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TABLES = [(page.name, block) for page in PAGES
          for block in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
          if "[[variants]]" not in block]  # a part of an experiment


@pytest.mark.parametrize("page, block", TABLES, ids=[f"{page}-{i}" for i, (page, _) in enumerate(TABLES)])
def test_every_project_file_of_the_pages_can_be_read(page: str, block: str, tmp_path: Path) -> None:
    file = tmp_path / "dubctl.toml"
    file.write_text(block, encoding="utf-8")
    load_dataclass(TrainConfig, resolve({}, file, {}).train, page)


def test_all_commands_are_in_the_readme() -> None:
    named = {call[0] for call in SHELL_CALLS} | set(re.findall(r"`dubctl (\w+)", README))
    assert {"extract", "index", "retrieve", "train", "dub", "eval", "doctor", "models", "config"} <= named


def test_ci_runs_the_two_lines() -> None:
    assert len([line for line in shell_lines() if line.startswith("python3 -m venv ")]) == 2
    assert "'^python3 -m venv ' README.md" in (ROOT / ".ci" / "run").read_text()


def test_the_files_that_the_main_line_names_are_there() -> None:
    line = next(line for line in shell_lines() if " dub " in line and line.startswith("python3"))
    for name in re.findall(r"examples/\S+", line):
        assert (ROOT / name).is_file(), name
