"""Wrong command lines: exit 2, one line that helps, one object under --json."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome

Dubctl = Callable[..., Outcome]


@pytest.mark.parametrize(("args", "said"), [
    (("dub", "a.mp4", "--scrip", "x"), "'--script'"),
    (("dub", "a.mp4", "--prompt", "v.wav"), "--script"),
    (("retreive", "lib"), "'retrieve'"),
    (("models", "lst"), "'list'"),
    (("dub", "--seed", "x", "a.mp4"), "--seed"),
    (("dub",), "CLIP"),
    (("--jsn",), "--jsn"),
    (("index", "a", "b"), "b"),
    (("doctor", "--profile", "light"), "lite"),
    (("doctor", "--device", "gpu"), "'cpu'"),
    (("eval", "--metrics", "were"), "'wer'"),
    (("eval", "--metrics", "wer", "--fail-if", "wer"), "wer>0.15"),
    (("dub", "a.mp4", "--script", "-", "--prompt", "v.wav", "--references", "-"), "stdin"),
    (("dub", "a.mp4", "--script", "x", "--prompt", "v.wav", "-o", "a.gif"), ".mp4"),
])
def test_a_wrong_command_line_is_one_helpful_line(dubctl: Dubctl, args: tuple[str, ...], said: str) -> None:
    got = dubctl(*args)
    assert (got.code, got.out) == (2, ""), got
    assert got.err.startswith("dubctl: error: ") and got.err.count("\n") == 1 and said in got.err
    got = dubctl(*args, "--json")
    assert got.code == 2 and got.err == ""
    assert got.json["ok"] is False and got.json["error"]["kind"] == "usage"
    assert said in got.json["error"]["message"] + got.json["error"]["hint"]


@pytest.mark.parametrize("args", [(), ("models",), ("config",)])
def test_no_command_is_help_on_stderr(dubctl: Dubctl, args: tuple[str, ...]) -> None:
    got = dubctl(*args)
    assert (got.code, got.out) == (2, "") and "Commands:" in got.err


def test_flags_are_dashed(dubctl: Dubctl) -> None:
    assert dubctl("doctor", "--dry_run").code == 2


def test_config_show_names_every_origin(dubctl: Dubctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dubctl.toml").write_text('jobs = 1\n[train]\nsteps = 5\n')
    monkeypatch.setenv("DUBCTL_K", "0")
    got = dubctl("config", "show", "--seed", "0")
    assert got.code == 0
    for line in ("seed = 0  # flag", "k = 0  # DUBCTL_K", "jobs = 1  # dubctl.toml", 'device = "auto"  # default',
                 "train.steps = 5  # dubctl.toml"):
        assert line in got.out.splitlines()
    shown = dubctl("config", "show", "--json").json["result"]
    assert shown["k"] == {"value": 0, "origin": "DUBCTL_K"}


def test_an_unknown_key_is_an_error_that_names_file_and_nearest(dubctl: Dubctl, tmp_path: Path) -> None:
    (tmp_path / "dubctl.toml").write_text("sede = 1\n")
    got = dubctl("doctor")
    assert got.code == 2 and "dubctl.toml" in got.err and "'seed'" in got.err


def test_a_missing_config_file_is_exit_3(dubctl: Dubctl) -> None:
    assert dubctl("doctor", "--config", "none.toml").code == 3
