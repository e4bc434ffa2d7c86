"""What judges of made speech have in common: a small network that learns beside the synthesizer, never shipped."""

from __future__ import annotations

from typing import Generic, TypeVar

import torch
from torch import nn

from dubctl.training import checkpoint

Shown = TypeVar("Shown")


class Judge(Generic[Shown]):
    """A network, its optimiser, what it was shown last, and its place in a checkpoint: groups `name` and
    `name_optimiser`."""

    name = "judge"

    def __init__(self, network: nn.Module, lr: float, device: torch.device) -> None:
        self.network = network.to(device)
        self.named = dict(self.network.named_parameters())
        self.optimiser = torch.optim.AdamW(self.named.values(), lr=lr, betas=(0.8, 0.99), weight_decay=0.01)
        self._shown: Shown | None = None

    def show(self, shown: Shown) -> None:
        """What to learn from next."""
        self._shown = shown

    def lesson(self, shown: Shown) -> torch.Tensor:
        """The judge's own loss on what it was shown."""
        raise NotImplementedError

    def learn(self) -> float:
        """One step on what the judge was shown last; its loss, 0 where it was shown nothing."""
        if self._shown is None:
            return 0.0
        self.optimiser.zero_grad(set_to_none=True)  # the synthesizer's own backward pass left gradients here
        loss = self.lesson(self._shown)
        loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self._shown = None
        return float(loss.detach())

    def state(self) -> dict[str, dict[str, torch.Tensor]]:
        """Groups of a checkpoint: weights and optimiser."""
        names = {id(p): n for n, p in self.named.items()}
        return {self.name: self.network.state_dict(),
                f"{self.name}_optimiser": checkpoint.optimiser_tensors(self.optimiser, names)}

    def restore(self, groups: dict[str, dict[str, torch.Tensor]]) -> None:
        """The inverse of `state`; nothing happens where the checkpoint has no such judge."""
        if self.name in groups:
            self.network.load_state_dict(groups[self.name])
            checkpoint.restore_optimiser(self.optimiser, groups.get(f"{self.name}_optimiser", {}), self.named)
