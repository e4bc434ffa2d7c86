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
from dubctl.ser.features import hear, inputs, plain_voice
from dubctl.ser.model import TimNet, TimNetConfig


class Recogniser:
    """Emotion of speech. `name` goes into reports, since figures of different recognisers do not compare.

    beside_plain: it hears a clip as a departure from plain speech of the same voice, which it must be given.
    """

    def __init__(self, members: Sequence[TimNet], name: str, beside_plain: bool = False) -> None:
        self.members, self.name, self.beside_plain = [member.eval() for member in members], name, beside_plain

    @classmethod
    def load(cls, folder: Path | None = None, shipped: str = "ser") -> Recogniser:
        """From a folder with config.json and model.safetensors; None is a shipped one (`ser`, `ser-prompt`).

        Raises:
            DependencyError: the shipped weights are missing. InputError: the folder holds no recogniser.
        """
        from safetensors.torch import load_file

        config = folder / "config.json" if folder else model_file(shipped, "config.json")
        weights = folder / "model.safetensors" if folder else model_file(shipped, "model.safetensors")
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
        return cls(members, str(card.get("name", config.parent.name)), bool(card.get("beside_plain", False)))

    def save(self, folder: Path, **card: Any) -> None:
        """Write config.json and float16 model.safetensors to `folder`, atomically."""
        from safetensors.torch import save_file

        tensors = {f"{number}.{key}": (value.half() if value.is_floating_point() else value).contiguous()
                   for number, member in enumerate(self.members) for key, value in member.state_dict().items()}
        with atomic_path(folder / "model.safetensors") as part:
            save_file(tensors, part)
        if self.beside_plain:
            card["beside_plain"] = True
        write_json(folder / "config.json", {"name": self.name, "model": self.members[0].config.as_dict(),
                                            "members": len(self.members), "classes": list(EMOTIONS), **card})

    def probabilities(self, wav: np.ndarray, plain: np.ndarray | None = None) -> np.ndarray:
        """(7,) float32 in the order of `EMOTIONS`, of mono speech (S,) at 22,050 Hz.

        Args:
            plain: plain speech of the same voice (S',), for a recogniser that hears beside it.

        Raises:
            InputError: too little speech to hear an emotion in.
        """
        return self.of_heard([hear(wav)], None if plain is None else [plain_voice([hear(plain)])])[0]

    def of_heard(self, heard: Sequence[np.ndarray], plain: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """(N, 7) of what `hear` gives [(T, 130), …], beside the `plain_voice` [(25,), …] of each where that is needed;
        each clip's answer is independent of the others."""
        if self.beside_plain != (plain is not None):
            raise ValueError(f"recogniser {self.name}: plain speech {'missing' if self.beside_plain else 'not used'}")
        seen = [inputs(one) for one in heard] if plain is None else list(map(inputs, heard, plain))
        answers = []
        for start in range(0, len(seen), 32):
            batch, lengths = padded(seen[start:start + 32])
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
