"""Emotion aggregation, Eq. 1 of the paper: three cross-attention + Conv1D steps and a final Conv1D over [H ; E_deg]."""

from __future__ import annotations

import torch
from torch import nn

from dubctl.graph.progressive import EmotionKnowledge
from dubctl.synth.config import SynthConfig
from dubctl.synth.layers import CrossAttention


class AggregationStep(nn.Module):
    """E = Conv1D([X ; CA(X, H, H)]) for X (B, L, D) and graph nodes H (B, N, Dg)."""

    def __init__(self, width: int, nodes: int, heads: int) -> None:
        super().__init__()
        self.attention = CrossAttention(width, nodes, heads)
        self.conv = pass_through_conv(width)

    def forward(self, x: torch.Tensor, nodes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        learned, _ = self.attention(x, nodes, mask)
        return self.conv(torch.cat([x, learned], -1).transpose(1, 2)).transpose(1, 2)


class ReleasedStep(nn.Module):
    """The same step as the released code has it: one head with biases and dropout, a convolution that starts random."""

    def __init__(self, width: int, nodes: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 1, 0.1, kdim=nodes, vdim=nodes, batch_first=True)
        self.conv = nn.Conv1d(2 * width, width, 1, bias=False)

    def forward(self, x: torch.Tensor, nodes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        some = mask.any(1, keepdim=True)
        learned, _ = self.attention(x, nodes, nodes, key_padding_mask=~(mask | ~some), need_weights=False)
        return self.conv(torch.cat([x, learned * some[..., None]], -1).transpose(1, 2)).transpose(1, 2)


class EmotionAggregator(nn.Module):
    """H_{t,v,r} (B, L, D) and the three graphs -> E_out (B, L, D)."""

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        self.hierarchical = config.graph.hierarchical
        quirks = config.graph.quirks if config.graph.mode == "release" else None
        self.unmasked = quirks is not None and quirks.unmasked_fusion
        if quirks is not None and quirks.one_fusion_head:
            self.steps = nn.ModuleList(ReleasedStep(config.width, config.graph.width) for _ in range(3))
            self.out = nn.Conv1d(2 * config.width, config.width, 1, bias=False)
            return
        self.steps = nn.ModuleList(AggregationStep(config.width, config.graph.width, config.heads) for _ in range(3))
        self.out = pass_through_conv(config.width)

    def forward(self, h: torch.Tensor, knowledge: EmotionKnowledge, mask: torch.Tensor) -> torch.Tensor:
        e = h
        if self.hierarchical:
            e = self.steps[0](e, knowledge.basic, self._keys(knowledge.basic_mask))
            e = self.steps[1](e, knowledge.indirect, self._keys(knowledge.indirect_mask))
        e = self.steps[2](e, knowledge.direct, self._keys(knowledge.direct_mask))
        return self.out(torch.cat([h, e], -1).transpose(1, 2)).transpose(1, 2) * mask[..., None]

    def _keys(self, mask: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(mask) if self.unmasked else mask


def pass_through_conv(width: int) -> nn.Conv1d:
    """Conv1d (2D -> D, k = 1, no bias) that starts as the identity on its first half and small on its second.

    A synthesizer trained on speech without emotion vectors then keeps its voice when the graphs are added.
    """
    conv = nn.Conv1d(2 * width, width, 1, bias=False)
    with torch.no_grad():
        conv.weight.mul_(0.1)
        conv.weight[:, :width, 0] = torch.eye(width)
    return conv
