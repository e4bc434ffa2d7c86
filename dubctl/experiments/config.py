"""What an experiment is: a table whose rows are variants of one model, loaded strictly from TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dubctl.config import load_dataclass, nearest, read_toml
from dubctl.errors import UsageError
from dubctl.library.datasets.settings import SETTINGS
from dubctl.library.policy import Retrieval
from dubctl.training.config import TrainConfig


@dataclass
class Variant:
    """One row. name: its folder. kind: "ground-truth" scores the recordings themselves, "resynthesis" the recordings
    through mel and vocoder. library: name of another library (`--with NAME=LIB`), "" the experiment's. train,
    retrieval: what differs from the experiment's tables. train_from: speak with that variant's weights, so that only
    what happens at dubbing differs. vocoder: BigVGAN by name, or "lite"; "" the profile's. series, x: its point in a
    figure."""

    name: str
    label: str = ""
    kind: Literal["model", "ground-truth", "resynthesis"] = "model"
    library: str = ""
    vocoder: str = ""
    train: dict[str, Any] = field(default_factory=dict)
    train_from: str = ""
    retrieval: dict[str, Any] = field(default_factory=dict)
    series: str = ""
    x: float | None = None


@dataclass
class Experiment:
    """metrics: as `dubctl eval --metrics`. setting: whose voice, see `dubctl.library.datasets.settings`. compare: the
    variant that the others are paired with. libraries: what each other library should be, for messages. train,
    retrieval: what all variants share."""

    title: str
    variants: list[Variant]
    metrics: str = "emo-acc,wer,secs,mcd-dtw-sl"
    setting: Literal["1.0", "2.0", "3.0"] = "1.0"
    compare: str = ""
    libraries: dict[str, str] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    retrieval: dict[str, Any] = field(default_factory=dict)

    def variant(self, name: str) -> Variant:
        """The variant of that name. Raises UsageError for an unknown one."""
        found = next((variant for variant in self.variants if variant.name == name), None)
        if found is None:
            raise UsageError(f"the experiment has no variant '{name}'", nearest(name, [v.name for v in self.variants]))
        return found

    def trainer_of(self, variant: Variant) -> Variant:
        """The variant whose training a variant speaks with."""
        return self.variant(variant.train_from) if variant.train_from else variant

    def train_config(self, variant: Variant, base: TrainConfig, project: Mapping[str, Any]) -> TrainConfig:
        """How a variant is trained: `base` < the project file's [train] < the experiment's < its own."""
        merged = merge(merge(project, self.train), self.trainer_of(variant).train)
        return load_dataclass(TrainConfig, merged, f"[train] of variant {variant.name}", base)

    def policy(self, variant: Variant) -> Retrieval:
        """How a variant finds its references."""
        return load_dataclass(Retrieval, merge(self.retrieval, variant.retrieval),
                              f"[retrieval] of variant {variant.name}")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_experiment(path: Path) -> Experiment:
    """Read and check an experiment file.

    Raises:
        InputError, UsageError: unreadable, an unknown key, a name used twice or never defined.
    """
    found = load_dataclass(Experiment, read_toml(path), str(path))
    if not found.variants:
        raise UsageError(f"{path}: no [[variants]]", "an experiment has at least one row")
    names = [variant.name for variant in found.variants]
    for variant in found.variants:
        if names.count(variant.name) > 1:
            raise UsageError(f"{path}: two variants are called '{variant.name}'")
        if not variant.name or not all(c.isalnum() or c in "-_." for c in variant.name):
            raise UsageError(f"{path}: variant name '{variant.name}' is no plain file name")
        if variant.library and variant.library not in found.libraries:
            raise UsageError(f"{path}: variant {variant.name} wants library '{variant.library}'",
                             "describe it under [libraries]")
        found.trainer_of(variant)
        found.train_config(variant, TrainConfig(), {})
        found.policy(variant)
    if found.compare:
        found.variant(found.compare)
    return found


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Tables laid over one another, key by key."""
    out = {key.replace("-", "_"): value for key, value in under.items()}
    for key, value in over.items():
        name = key.replace("-", "_")
        both = isinstance(value, Mapping) and isinstance(out.get(name), Mapping)
        out[name] = merge(out[name], value) if both else value
    return out


def check_setting(setting: str) -> str:
    """The setting itself. Raises UsageError for an unknown one."""
    if setting not in SETTINGS:
        raise UsageError(f"no dubbing setting {setting}", f"settings: {', '.join(SETTINGS)}")
    return setting


def chosen(experiment: Experiment, only: Sequence[str]) -> list[Variant]:
    """The variants to run: all, or those named, in the file's order."""
    for name in only:
        experiment.variant(name)
    return [variant for variant in experiment.variants if not only or variant.name in only]
