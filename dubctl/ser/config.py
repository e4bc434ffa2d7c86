"""How the recogniser is trained: one dataclass, loaded strictly from the `[train]` table."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from dubctl.ser.model import TimNetConfig


@dataclass
class SerConfig:
    """folds: speaker-disjoint folds of the cross-validation, of which the first is never trained on by what ships;
    members: networks of other seeds whose answers are averaged. vocoded: share of clips that are also heard through
    the vocoder; heard_vocoded: how often such a clip is taken in that form. longest: frames of a training crop.
    beside_plain: whether a clip is heard beside plain speech of its speaker, of which it needs a recording then."""

    model: TimNetConfig = field(default_factory=TimNetConfig)
    epochs: int = 24
    batch: int = 64
    lr: float = 7e-3
    weight_decay: float = 0.01
    smoothing: float = 0.1
    longest: int = 130
    folds: int = 5
    members: int = 3
    vocoded: float = 0.06
    heard_vocoded: float = 0.5
    beside_plain: bool = False
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def tiny_ser_config() -> SerConfig:
    """Seconds on a CPU: the whole recipe, not a useful recogniser."""
    return SerConfig(model=TimNetConfig(filters=8, scales=3), epochs=2, batch=4, folds=2, members=2, vocoded=0.0)
