"""The recogniser as `emo-acc` uses it: networks of several seeds, whose probabilities are averaged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dubctl.assets import model_file
from dubctl.config import load_dataclass
from dubctl.emotion.base import EMOTIONS
from dubctl.errors import DubctlError, InputError
from dubctl.files import atomic_path, write_json
from dubctl.ser.features import hear, inputs
from dubctl.ser.model import TimNet, TimNetConfig


class Recogniser:
    """Emotion of speech. `name` goes into reports, since figures of different recognisers do not compare."""

    def __init__(self, members: Sequence[TimNet], name: str) -> None:
        self.members, self.name = [member.eval() for member in members], name

    @classmethod
    def load(cls, folder: Path | None = None) -> Recogniser:
        """From a folder with config.json and model.safetensors; None is the shipped one.

        Raises:
            DependencyError: the shipped weights are missing. InputError: the folder holds no recogniser.
        """
        from safetensors.torch import load_file

        config = folder / "config.json" if folder else model_file("ser", "config.json")
        weights = folder / "model.safetensors" if folder else model_file("ser", "model.safetensors")
        try:
            card = json.loads(config.read_text(encoding="utf-8"))
            sizes = load_dataclass(TimNetConfig, card["model"], str(config))
            tensors, members = load_file(weights), []
            for number in range(int(card["members"])):
                mine = {key.removeprefix(f"{number}."): value.float() if value.is_floating_point() else value
                        for key, value in tensors.items() if key.startswith(f"{number}.")}
                members.append(TimNet(sizes))
                members[-1].load_state_dict(mine)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, DubctlError) as err:
            raise InputError(f"no emotion recogniser in {config.parent}: {str(err).splitlines()[0]}",
                             "make one with `dubctl train --model ser`") from err
        return cls(members, str(card.get("name", config.parent.name)))

    def save(self, folder: Path, **card: Any) -> None:
        """Write config.json and float16 model.safetensors to `folder`, atomically."""
        from safetensors.torch import save_file

        tensors = {f"{number}.{key}": (value.half() if value.is_floating_point() else value).contiguous()
                   for number, member in enumerate(self.members) for key, value in member.state_dict().items()}
        with atomic_path(folder / "model.safetensors") as part:
            save_file(tensors, part)
        write_json(folder / "config.json", {"name": self.name, "model": self.members[0].config.as_dict(),
                                            "members": len(self.members), "classes": list(EMOTIONS), **card})

    def probabilities(self, wav: np.ndarray) -> np.ndarray:
        """(7,) float32 in the order of `EMOTIONS`, of mono speech (S,) at 22,050 Hz.

        Raises:
            InputError: too little speech to hear an emotion in.
        """
        return self.of_heard([hear(wav)])[0]

    def of_heard(self, heard: Sequence[np.ndarray]) -> np.ndarray:
        """(N, 7) of what `hear` gives [(T, 130), …]; each clip's answer is independent of the others."""
        answers = []
        for start in range(0, len(heard), 32):
            batch, lengths = padded([inputs(one) for one in heard[start:start + 32]])
            with torch.inference_mode():
                answers.append(torch.stack([m(batch, lengths).softmax(1) for m in self.members]).mean(0).numpy())
        return np.concatenate(answers)


def padded(items: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Inputs [(T_i, 25), …] as (B, T, 25) with zeros at the end, and lengths (B,)."""
    lengths = torch.tensor([len(item) for item in items])
    batch = torch.zeros(len(items), int(lengths.max()), items[0].shape[1])
    for row, item in enumerate(items):
        batch[row, : len(item)] = torch.from_numpy(item)
    return batch, lengths
