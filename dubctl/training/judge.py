"""What judges of made speech have in common: a small network that learns beside the synthesizer, never shipped."""

from __future__ import annotations

import torch
from torch import nn

from dubctl.training import checkpoint


class Judge:
    """A network, its optimiser and their place in a checkpoint: groups `name` and `name_optimiser`."""

    name = "judge"

    def __init__(self, network: nn.Module, lr: float, device: torch.device) -> None:
        self.network = network.to(device)
        self.named = dict(self.network.named_parameters())
        self.optimiser = torch.optim.AdamW(self.named.values(), lr=lr, betas=(0.8, 0.99), weight_decay=0.01)

    def learn(self) -> float:
        """One step on what the judge was shown last; its loss."""
        raise NotImplementedError

    def update(self, loss: torch.Tensor) -> float:
        """Step down the gradient of a loss; its value."""
        self.optimiser.zero_grad(set_to_none=True)  # the synthesizer's own backward pass left gradients here
        loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
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
