"""One layer of typed-edge graph attention: torch_geometric's `GATConv` for training, dense matrices for inference.

The graphs of a dub have at most 63 nodes, so attention over an adjacency matrix costs nothing, whereas importing
torch_geometric costs two to three seconds: a dub must not pay for what only training needs. Both ways use the same
parameters under the same names (those of `GATConv`), and a test holds them to equal results.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.graph.build import EDGE_TYPES

SLOPE = 0.2


class TypedGraphAttention(nn.Module):
    """Per head: logits LeakyReLU(a_src . W h_j + a_dst . W h_i + a_edge . W_e onehot(type_ij)), softmax over the
    sources j of node i, mean over heads, bias. Velickovic et al. 2018 with edge features.

    Args:
        width: node width D, kept.  heads: as named.  dropout: of attention weights, in training.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.width, self.heads, self.dropout = width, heads, dropout
        self.lin = nn.Linear(width, heads * width, bias=False)
        self.lin_edge = nn.Linear(EDGE_TYPES, heads * width, bias=False)
        self.att_src, self.att_dst, self.att_edge = (nn.Parameter(torch.empty(1, heads, width)) for _ in range(3))
        self.bias = nn.Parameter(torch.zeros(width))
        for weight in (self.lin.weight, self.lin_edge.weight, self.att_src, self.att_dst, self.att_edge):
            nn.init.uniform_(weight, *_glorot(weight))

    def forward(self, x: torch.Tensor, shape: tuple[int, int], edge_index: torch.Tensor,
                edge_type: torch.Tensor) -> torch.Tensor:
        """Nodes (B * N, D) of B graphs of N nodes (`shape`), edges (2, E) source -> target within a graph, their
        types (E,) -> (B * N, D)."""
        if self.training:
            return self.message_passing(x, edge_index, edge_type)
        return self.dense(x, shape, edge_index, edge_type)

    def message_passing(self, x: torch.Tensor, edge_index: torch.Tensor, edge_type: torch.Tensor) -> torch.Tensor:
        """The layer through torch_geometric."""
        conv = _gat_conv(self.width, self.heads, self.dropout)
        typed = F.one_hot(edge_type, EDGE_TYPES).to(x.dtype)
        return torch.func.functional_call(conv, dict(self.named_parameters()), (x, edge_index, typed))

    def dense(self, x: torch.Tensor, shape: tuple[int, int], edge_index: torch.Tensor,
              edge_type: torch.Tensor) -> torch.Tensor:
        """The layer without dropout, over adjacency matrices (B, N, N)."""
        h = self.lin(x).view(*shape, self.heads, self.width)
        weight = self.weights(h, edge_index, edge_type)
        return (torch.einsum("bijh,bjhd->bid", weight, h) / self.heads + self.bias).reshape(-1, self.width)

    def weights(self, h: torch.Tensor, edge_index: torch.Tensor, edge_type: torch.Tensor) -> torch.Tensor:
        """Attention (B, target, source, H) over projected nodes h (B, N, H, D); a node without edges gets zeros."""
        b, n = h.shape[:2]
        source, target = edge_index % n
        kind = torch.full((b, n, n), -1, dtype=torch.long, device=h.device)
        kind[edge_index[0] // n, target, source] = edge_type
        there = (kind >= 0)[..., None]
        edge = (self.lin_edge.weight.T.view(EDGE_TYPES, self.heads, self.width) * self.att_edge).sum(-1)  # (types, H)
        logit = ((h * self.att_dst).sum(-1)[:, :, None] + (h * self.att_src).sum(-1)[:, None]
                 + edge[kind.clamp(min=0)])
        weight = F.leaky_relu(logit, SLOPE).masked_fill(~there, float("-inf")).softmax(2)
        return torch.where(there, weight, torch.zeros_like(weight))


def _glorot(weight: torch.Tensor) -> tuple[float, float]:
    bound = (6.0 / (weight.shape[-2] + weight.shape[-1])) ** 0.5
    return -bound, bound


@functools.lru_cache(maxsize=4)
def _gat_conv(width: int, heads: int, dropout: float) -> Any:
    """A GATConv in training mode whose own parameters are never used. Making it draws no numbers from torch's
    generator, or a resumed run, which makes it at another step, would go on differently."""
    from torch_geometric.nn import GATConv

    with torch.random.fork_rng(devices=[]):
        return GATConv(width, width, heads=heads, concat=False, negative_slope=SLOPE, dropout=dropout,
                       add_self_loops=False, edge_dim=EDGE_TYPES).train()
