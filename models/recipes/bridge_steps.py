"""What the recipes of both bridges share (train_mel_bridge.py, train_kaldi_bridge.py): the steps and the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from dubctl.synth.mel_bridge import BandBridge


def descend(bridge: BandBridge, loss_at: Callable[[int], torch.Tensor], steps: int, rate: float,
            tell: Callable[[], str]) -> None:
    """So many steps down the loss of each step, in place; every hundredth and the last say what `tell` has to say."""
    optimiser = torch.optim.Adam(bridge.parameters(), rate)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 30) * (1 - 0.95 * step / steps)
        loss = loss_at(step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 0 or step == steps - 1:
            print(step, f"{float(loss.detach()):.4f}", tell(), flush=True)


def save_half(bridge: BandBridge, path: Path) -> None:
    """Its learned part in float16."""
    save_file({n: p.detach().half().contiguous() for n, p in bridge.state_dict().items()}, path)
