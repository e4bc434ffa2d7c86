"""Graph attention as the released research code computes it (Authentic-Dubber, `Graph_utile.py`), for comparison.

Per stage one dense RGAT: dropout -> heads of graph attention side by side -> dropout -> one head back to the width ->
GELU -> linear -> + input -> layer norm. Its quirks are fields of `ReleaseQuirks`; with all of them off this is the same
network with self-loops and masks, as the default mode has them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.graph.build import SELF
from dubctl.synth.config import GraphConfig

NO_EDGE = 0  # its relation is a class of its own in the one-hot, though masked
FAR = -9e15  # the released code's "minus infinity": a node without any edge attends evenly to all


class ReleasedHead(nn.Module):
    """e_ij = LeakyReLU(a^T [W h_i ; W h_j ; onehot(rel_ij)]), softmax over j, layer norm, GELU where `inner`."""

    def __init__(self, width_in: int, width: int, relations: int, dropout: float, inner: bool) -> None:
        super().__init__()
        self.lift = nn.Linear(width_in, width, bias=False)
        self.score = nn.Linear(2 * width + relations, 1, bias=False)
        for layer in (self.lift, self.score):
            nn.init.xavier_uniform_(layer.weight, gain=1.414)
        self.norm, self.dropout, self.inner, self.width = nn.LayerNorm(width), nn.Dropout(dropout), inner, width

    def forward(self, x: torch.Tensor, relation: torch.Tensor, edge: torch.Tensor, uniform: bool) -> torch.Tensor:
        """Nodes (B, N, D), relation (B, N, N) int64, edge (B, N, N) bool -> (B, N, width)."""
        h = self.lift(x)
        a = self.score.weight[0]
        score = (h @ a[:self.width])[:, :, None] + (h @ a[self.width:2 * self.width])[:, None] \
            + a[2 * self.width:][relation].to(h.dtype)
        weight = F.leaky_relu(score, 0.2).float().masked_fill(~edge, FAR).softmax(-1)
        if not uniform:
            weight = weight * edge.any(-1, keepdim=True)
        h = self.norm(self.dropout(weight).to(h.dtype) @ h)
        return F.gelu(h) if self.inner else h


class ReleasedGraphEncoder(nn.Module):
    """RGAT of one stage. The same call as `GraphAttentionEncoder`.

    Args:
        stage: 1, 2 or 3; the stage knows `stage` kinds of edges.
    """

    def __init__(self, config: GraphConfig, stage: int) -> None:
        super().__init__()
        d, self.quirks = config.width, config.quirks
        self.own = stage + 1  # the relation of self-loops, where there are any
        relations = stage + 1 + (not config.quirks.no_self_loops)
        self.heads = nn.ModuleList(ReleasedHead(d, d, relations, config.dropout, True) for _ in range(config.heads))
        self.back = ReleasedHead(config.heads * d, d, relations, config.dropout, False)
        self.out, self.norm, self.dropout = nn.Linear(d, d), nn.LayerNorm(d), nn.Dropout(config.dropout)

    def forward(self, nodes: torch.Tensor, mask: torch.Tensor, edge_index: torch.Tensor,
                edge_type: torch.Tensor) -> torch.Tensor:
        """Nodes (B, N, D), present mask (B, N), typed edges of the flattened batch -> encoded nodes (B, N, D)."""
        relation, edge = self._dense(nodes, edge_index, edge_type)
        uniform = self.quirks.isolated_uniform
        x = self.dropout(nodes)
        x = self.dropout(torch.cat([head(x, relation, edge, uniform) for head in self.heads], -1))
        x = self.out(F.gelu(self.back(x, relation, edge, uniform)))
        return self.norm(x + nodes) * mask[..., None]

    def _dense(self, nodes: torch.Tensor, edge_index: torch.Tensor,
               edge_type: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Relation (B, N, N) and edge (B, N, N), [b, i, j]: node i hears node j."""
        b, n, _ = nodes.shape
        relation = torch.full((b, n, n), NO_EDGE, device=nodes.device)
        edge = torch.zeros(b, n, n, dtype=torch.bool, device=nodes.device)
        if self.quirks.no_self_loops:
            kept = edge_type != SELF
            edge_index, edge_type = edge_index[:, kept], edge_type[kept]
        source, target = edge_index
        place = (target // n, target % n, source % n)
        relation[place] = torch.where(edge_type == SELF, self.own, edge_type)
        edge[place] = True
        return relation, edge
