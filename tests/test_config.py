"""Precedence, origins and strictness of the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from dubctl.config import Settings, load_dataclass, resolve
from dubctl.errors import InputError, UsageError


@dataclass(frozen=True)
class Inner:
    width: int = 4
    rate: float = 1e-3
    kind: Literal["a", "b"] = "a"
    betas: tuple[float, float] = (0.9, 0.98)


@dataclass(frozen=True)
class Outer:
    name: str = "x"
    on: bool = True
    out: Path | None = None
    layers: list[int] = field(default_factory=list)
    inner: Inner = field(default_factory=Inner)


def test_every_source_beats_the_one_below(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('seed = 1\nk = 1\njobs = 1\n')
    found = resolve({"seed": 3, "k": None}, file, {"DUBCTL_SEED": "2", "DUBCTL_K": "2"})
    assert (found.settings.seed, found.settings.k, found.settings.jobs) == (3, 2, 1)
    assert found.settings.device == "auto"
    assert [found.origins[key] for key in ("seed", "k", "jobs", "device")] == ["flag", "DUBCTL_K", str(file), "default"]


def test_zero_and_empty_are_values(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("k = 5\n")
    found = resolve({"k": 0, "metrics": ""}, file, {})
    assert found.settings.k == 0 and found.settings.metrics == ""
    assert found.origins["k"] == "flag"


def test_project_file_of_the_current_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dubctl.toml").write_text('keep-going = false\n[train]\nsteps = 3\n')
    found = resolve({}, None, {})
    assert found.settings.keep_going is False and found.train == {"steps": 3}


def test_unknown_key_names_file_key_and_nearest(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("sede = 1\n")
    with pytest.raises(UsageError) as err:
        resolve({}, file, {})
    assert "c.toml" in err.value.message and "'sede'" in err.value.message and "'seed'" in err.value.hint


def test_unknown_variable_names_the_nearest() -> None:
    with pytest.raises(UsageError) as err:
        resolve({}, None, {"DUBCTL_SEDE": "1"})
    assert "DUBCTL_SEED" in err.value.hint


@pytest.mark.parametrize("env", [{"DUBCTL_SEED": "x"}, {"DUBCTL_KEEP_GOING": "maybe"}, {"DUBCTL_PROFILE": "light"},
                                 {"DUBCTL_SEED": "-1"}, {"DUBCTL_JOBS": "0"}])
def test_a_wrong_value_names_its_variable(env: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(iter(env))):
        resolve({}, None, env)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.toml"):
        resolve({}, tmp_path / "none.toml", {})
    (tmp_path / "bad.toml").write_text("seed = = 1")
    with pytest.raises(UsageError, match="bad.toml"):
        resolve({}, tmp_path / "bad.toml", {})


def test_load_dataclass_nests_and_converts() -> None:
    value = load_dataclass(Outer, {"out": "a/b", "layers": [1, 2], "inner": {"rate": 1, "betas": [0, 1]}}, "f")
    assert value == Outer(out=Path("a/b"), layers=[1, 2], inner=Inner(rate=1.0, betas=(0.0, 1.0)))
    assert isinstance(value.inner.rate, float)


@pytest.mark.parametrize(("mapping", "said"), [
    ({"inner": {"widht": 3}}, "inner.widht"),
    ({"inner": {"width": "3"}}, "whole number"),
    ({"inner": {"width": True}}, "whole number"),
    ({"inner": {"kind": "c"}}, "inner.kind"),
    ({"inner": {"betas": [1.0]}}, "2 values"),
    ({"inner": 3}, "table"),
    ({"on": 1}, "true or false"),
    ({"layers": [1, "2"]}, r"layers\[1\]"),
    ({"layers": 3}, "list"),
    ({"out": 3}, "path"),
])
def test_load_dataclass_refuses(mapping: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said) as err:
        load_dataclass(Outer, mapping, "run.toml [train]")
    assert err.value.message.startswith("run.toml [train]")


@pytest.mark.parametrize(("key", "value", "range_"), [("takes", 0, "1..9"), ("takes", 10, "1..9"), ("k", 11, "0..10")])
def test_a_number_out_of_its_range_is_refused_with_its_place(key: str, value: int, range_: str) -> None:
    with pytest.raises(UsageError, match=f"--{key}: {value} is not in {range_}"):
        resolve({key: value}, None, {})


def test_load_dataclass_names_the_nearest_nested_key() -> None:
    with pytest.raises(UsageError) as err:
        load_dataclass(Outer, {"inner": {"widht": 3}}, "f")
    assert "'inner.width'" in err.value.hint


def test_load_dataclass_keeps_the_base_where_nothing_is_given() -> None:
    base = Outer(name="tiny", inner=Inner(width=1, kind="b"))
    assert load_dataclass(Outer, {"inner": {"width": 2}}, "f", base) == Outer(name="tiny", inner=Inner(2, kind="b"))


def test_load_dataclass_wants_required_keys() -> None:
    @dataclass
    class Needs:
        steps: int

    with pytest.raises(UsageError, match="'steps' is missing"):
        load_dataclass(Needs, {}, "f")


def test_settings_are_all_flags_by_name() -> None:
    assert {"device", "seed", "jobs", "profile", "keep_going"} <= set(Settings.__dataclass_fields__)
