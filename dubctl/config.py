"""Settings: flag > `DUBCTL_*` > project file > default, each value with its origin; and a strict loader of dataclasses.

The project file is `dubctl.toml` in the current folder, or `--config FILE`. Its keys are the names of the flags
("keep-going = false"); its table `[train]` is the training configuration (`dubctl.training.config`), `[paper]` names
the parts of the paper profile (`dubctl.emotion.paper.parts`).
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from dubctl.cores import cores
from dubctl.errors import InputError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT_FILE = "dubctl.toml"
ENV_PREFIX = "DUBCTL_"
DEVICES = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
# Read elsewhere (dubctl.assets) or here before the settings are: not keys of the project file.
RESERVED_ENV = ("DUBCTL_MODELS", "DUBCTL_CONFIG")

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """Every setting that a flag, the environment or the project file may give. Field names are flag names."""

    device: str = "auto"
    seed: int = 0
    jobs: int = field(default_factory=cores)
    profile: Literal["lite", "paper"] = "lite"
    keep_going: bool = True
    library: Path | None = None
    k: int = 3
    metric: Literal["cosine", "dot", "euclidean"] | None = None  # cosine; retrieve: the index's own
    trees: int | None = None
    asr: Path | None = None
    syncnet: Path | None = None
    metrics: str = "wer,secs"
    vocoder: Literal["lite", "hifigan"] = "hifigan"
    takes: int = 2
    device_map: str | None = None
    trust_remote_code: bool = False


@dataclass(frozen=True)
class Resolved:
    """Settings, where each came from ("flag", "DUBCTL_SEED", "dubctl.toml", "default"), and the raw `[train]`
    and `[paper]` tables."""

    settings: Settings
    origins: dict[str, str]
    train: dict[str, Any]
    file: Path | None
    paper: dict[str, Any] = field(default_factory=dict)


def resolve(flags: Mapping[str, Any], config: Path | None = None, env: Mapping[str, str] | None = None) -> Resolved:
    """Merge the four sources. A flag of value None was not given; 0 and "" are values.

    Raises:
        UsageError: unknown key or variable (the nearest is named), or a value of the wrong type.
        InputError: `config` was named and is missing or unreadable.
    """
    env = os.environ if env is None else env
    path, table = _project_table(config or (Path(env["DUBCTL_CONFIG"]) if env.get("DUBCTL_CONFIG") else None))
    train, paper = (_table_of(table, name, path) for name in ("train", "paper"))
    if "trust_remote_code" in (key.replace("-", "_") for key in table):
        raise UsageError(f"{path}: trust-remote-code is no key of a file", "give the flag --trust-remote-code")
    hints = typing.get_type_hints(Settings)
    merged = {key.replace("-", "_"): (value, str(path)) for key, value in _known(table, str(path)).items()}
    merged |= _from_env(env, hints)
    merged |= {key: (value, "flag") for key, value in flags.items() if value is not None}
    values = {key: _convert(value, hints[key], _place(origin, key)) for key, (value, origin) in merged.items()}
    origins = {f.name: merged[f.name][1] if f.name in merged else "default" for f in dataclasses.fields(Settings)}
    settings = Settings(**values)
    _check_ranges(settings, origins)
    return Resolved(settings, origins, train, path, paper)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dict.

    Raises:
        InputError: missing or unreadable.
        UsageError: not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        reason = getattr(err, "strerror", None) or "not UTF-8 text"
        raise InputError(f"cannot read the configuration {path}: {reason}", "check --config") from err
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise UsageError(f"{path}: not TOML: {err}", "see https://toml.io") from err


def load_dataclass(cls: type[T], mapping: Mapping[str, Any], where: str, base: T | None = None) -> T:
    """Build dataclass `cls` from `mapping`, strictly: nested dataclasses, checked types, no unknown key.

    Keys may be dashed or underscored. An int is taken where a float is asked; a bool is never a number. Supported
    field types: bool, int, float, str, Path, Literal, X | None, list, tuple, dict and dataclasses of these.

    Args:
        where: the file (and table) that messages name, e.g. "dubctl.toml [train]".
        base: where keys that are not given take their values from, instead of the defaults of `cls`.

    Raises:
        UsageError: unknown key (with the nearest), missing required key, or a value of the wrong type.
    """
    return _build(cls, mapping, where, "", base)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to `name`, else all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(known)


def _project_table(named: Path | None) -> tuple[Path | None, dict[str, Any]]:
    path = named or Path(PROJECT_FILE)
    if named is None and not path.is_file():
        return None, {}
    return path, read_toml(path)


def _table_of(table: dict[str, Any], name: str, path: Path | None) -> dict[str, Any]:
    found = table.pop(name, {})
    if not isinstance(found, dict):
        raise UsageError(f"{path}: '{name}' must be a table, not {_shown(found)}", f"write it as [{name}]")
    return found


def _known(table: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    names = [f.name.replace("_", "-") for f in dataclasses.fields(Settings)] + ["train", "paper"]
    for key in table:
        if key.replace("_", "-") not in names:
            raise UsageError(f"{where}: unknown key '{key}'", nearest(key, names))
    return table


def _from_env(env: Mapping[str, str], hints: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    names = {ENV_PREFIX + key.upper(): key for key in hints}
    found: dict[str, tuple[Any, str]] = {}
    for name in sorted(env):
        if not name.startswith(ENV_PREFIX) or name in RESERVED_ENV:
            continue
        if name not in names:
            raise UsageError(f"unknown environment variable {name}", nearest(name, [*names, *RESERVED_ENV]))
        found[names[name]] = (_parse(env[name], hints[names[name]]), name)
    return found


def _parse(text: str, kind: Any) -> Any:
    """The value that the text of an environment variable stands for; text that fits no number stays text."""
    if kind is bool:
        return {"1": True, "true": True, "yes": True, "on": True,
                "0": False, "false": False, "no": False, "off": False}.get(text.strip().lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def _check_ranges(settings: Settings, origins: Mapping[str, str]) -> None:
    if not DEVICES.fullmatch(settings.device):
        raise UsageError(f"{_place(origins['device'], 'device')}: unknown device '{settings.device}'",
                         nearest(settings.device, ["auto", "cpu", "cuda", "cuda:N", "mps"]))
    for key, low, high in (("seed", 0, 2**32 - 1), ("jobs", 1, 4096), ("k", 0, 10), ("takes", 1, 9),
                           ("trees", 1, 10000)):
        value = getattr(settings, key)
        if value is not None and not low <= value <= high:
            raise UsageError(f"{_place(origins[key], key)}: {value} is not in {low}..{high}")


def _place(origin: str, key: str) -> str:
    """How a message names a value: --seed, DUBCTL_SEED, or dubctl.toml: seed."""
    dashed = key.replace("_", "-")
    if origin == "flag":
        return f"--{dashed}"
    return origin if origin.startswith(ENV_PREFIX) else f"{origin}: {dashed}"


def _build(cls: type[T], mapping: Any, where: str, path: str, base: T | None = None) -> T:
    if not isinstance(mapping, Mapping):
        raise UsageError(f"{where}: '{path.rstrip('.')}' must be a table, not {_shown(mapping)}")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    values: dict[str, Any] = {} if base is None else {name: getattr(base, name) for name in fields}
    for key, value in mapping.items():
        name = key.replace("-", "_")
        if name not in fields:
            raise UsageError(f"{where}: unknown key '{path}{key}'", nearest(path + name, [path + f for f in fields]))
        if dataclasses.is_dataclass(hints[name]):
            values[name] = _build(hints[name], value, where, f"{path}{key}.", values.get(name))
        else:
            values[name] = _convert(value, hints[name], f"{where}: {path}{key}", f"{path}{key}.", where)
    for name, spec in fields.items():
        required = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise UsageError(f"{where}: '{path}{name}' is missing")
    return cls(**values)


def _convert(value: Any, kind: Any, place: str, path: str = "", where: str = "") -> Any:
    """`value` as `kind`, or a UsageError that says what was wanted."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _build(kind, value, where, path)  # type: ignore[arg-type]
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, args, place, path, where)
    if origin is Literal:
        if value in args and not (isinstance(value, bool) and True not in args and False not in args):
            return value
        raise UsageError(f"{place}: {_shown(value)} is not one of {', '.join(map(str, args))}",
                         nearest(str(value), map(str, args)))
    if origin in (list, tuple, dict):
        return _convert_many(value, origin, args, place, path, where)
    if kind is Path and isinstance(value, (str, Path)):
        return Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
        return value
    raise UsageError(f"{place}: expected {_kind_name(kind)}, got {_shown(value)}")


def _convert_union(value: Any, args: tuple[Any, ...], place: str, path: str, where: str) -> Any:
    if value is None and type(None) in args:
        return None
    failure: UsageError | None = None
    options = [arg for arg in args if arg is not type(None)]
    for option in options:
        try:
            return _convert(value, option, place, path, where)
        except UsageError as err:
            failure = err
    if len(options) == 1 and failure is not None:
        raise failure
    raise UsageError(f"{place}: expected {' or '.join(map(_kind_name, options))}, got {_shown(value)}")


def _convert_many(value: Any, origin: Any, args: tuple[Any, ...], place: str, path: str, where: str) -> Any:
    if origin is dict:
        if not isinstance(value, Mapping):
            raise UsageError(f"{place}: expected a table, got {_shown(value)}")
        kind = args[1] if args else Any
        return {key: _convert(item, kind, f"{place}.{key}", f"{path}{key}.", where) for key, item in value.items()}
    if not isinstance(value, (list, tuple)):
        raise UsageError(f"{place}: expected a list, got {_shown(value)}")
    if origin is tuple and args and args[-1] is not Ellipsis:
        if len(value) != len(args):
            raise UsageError(f"{place}: expected {len(args)} values, got {len(value)}")
        kinds: Iterable[Any] = args
    else:
        kinds = [args[0] if args else Any] * len(value)
    items = (_convert(item, kind, f"{place}[{i}]", path, where)
             for i, (item, kind) in enumerate(zip(value, kinds, strict=True)))
    return origin(items)


def _kind_name(kind: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}
    return names.get(kind) or getattr(kind, "__name__", str(kind))


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else repr(value)
