"""A voice's files: network and weights of a voice folder or of a run's checkpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from dubctl.assets import model_file
from dubctl.errors import DependencyError, InputError
from dubctl.synth.config import network_config
from dubctl.synth.model import Synthesizer
from dubctl.unfilled import unfilled


@dataclass(frozen=True)
class Schooling:
    """What a voice's weights learnt. emotional: emotion vectors; a voice that did not never hears them. feelings: the
    classes (of `EMOTIONS`) that its graphs' classifier saw labels of."""

    emotional: bool = True
    feelings: tuple[int, ...] = ()

    @classmethod
    def of(cls, card: dict[str, Any]) -> Schooling:
        """From a voice's config.json or a checkpoint's metadata."""
        return cls(bool(card.get("emotional", True)), tuple(int(f) for f in card.get("feelings", ())))


UNSCHOOLED = Schooling()
RUN_VOICE = "voice"  # folder of a run's voice, beside its checkpoint
FILES = ("config.json", "model.safetensors")  # that no voice lacks


def voice_folder(place: Path | None) -> Path:
    """A voice's folder, of a run's checkpoint the run's voice; None is the shipped one.

    Raises:
        DependencyError: the shipped weights are missing.
    """
    if place is not None and place.is_file():
        return place.parent / RUN_VOICE
    return place or [model_file("voice", file) for file in FILES][0].parent


def load_folder(folder: Path | None) -> tuple[Synthesizer, Schooling]:
    """A voice folder's network and what it learnt; None is the shipped voice."""
    config_file, weights = (voice_folder(folder) / file for file in FILES)
    try:
        settings = json.loads(config_file.read_text())
        with unfilled():
            model = Synthesizer(network_config(settings["model"], str(config_file)))
        tensors = {n: t.float() for n, t in load_file(weights).items()}
    except (OSError, ValueError, KeyError) as err:
        raise InputError(f"not a voice: {config_file.parent} ({err})",
                         "a voice has config.json and model.safetensors") from err
    return fill(model, tensors, str(weights)), Schooling.of(settings)


def load_checkpoint(path: Path) -> tuple[Synthesizer, Schooling]:
    """The EMA weights of a run's checkpoint and what they learnt."""
    from dubctl.training import checkpoint

    groups, meta = checkpoint.load(path)
    with unfilled():
        model = Synthesizer(network_config(meta["config"]["model"], str(path)))
    return fill(model, groups["ema"], str(path)), Schooling.of(meta)


def fill(model: Synthesizer, tensors: dict[str, torch.Tensor], name: str) -> Synthesizer:
    """Load weights; the alignment encoder (training only) may be absent and is then a fresh one."""
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    absent = [m for m in missing if not m.startswith("alignment.")]
    if absent or unexpected:
        raise DependencyError(f"{name}: weights do not fit this version ({(absent + unexpected)[0]} …)",
                              "reinstall dubctl, or train the voice again")
    if missing:
        for module in model.alignment.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return model
