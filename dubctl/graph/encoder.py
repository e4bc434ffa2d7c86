"""Graph Attention Encoder (GAE): typed-edge graph attention (torch_geometric in training), residual, layer norm."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.graph.attention import TypedGraphAttention


class GraphAttentionEncoder(nn.Module):
    """Attention logits LeakyReLU(a^T [W h_i ; W h_j ; onehot(type_ij)]) per head (the released RGAT's form), with
    self-loops so that a leaf keeps its own content, GELU, residual and layer norm per layer.

    Args:
        width: node width D, kept.  heads, layers, dropout: as named.
    """

    def __init__(self, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.convs = nn.ModuleList(TypedGraphAttention(width, heads, dropout) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def forward(self, nodes: torch.Tensor, mask: torch.Tensor, edge_index: torch.Tensor,
                edge_type: torch.Tensor) -> torch.Tensor:
        """Nodes (B, N, D), present mask (B, N), typed edges of the flattened batch -> encoded nodes (B, N, D)."""
        b, n, d = nodes.shape
        x = nodes.reshape(b * n, d)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(x + self.dropout(F.gelu(conv(x, (b, n), edge_index, edge_type))))
        return x.view(b, n, d) * mask[..., None]
