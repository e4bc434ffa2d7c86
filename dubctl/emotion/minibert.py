"""The network of the lite text-emotion encoder: a shallow BERT, mean pooling, a tanh hidden layer, 7 classes.

    ids (N, L) -> embeddings (N, L, W) -> `layers` x [attention, feed-forward] -> mean over real tokens (N, W)
               -> tanh(Linear) = the emotion vector before normalisation (N, hidden) -> Linear = logits (N, classes)

The word table is int8 with one scale per row: it is three quarters of the parameters and loses nothing measurable.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class NetConfig:
    """Sizes. `positions` is the longest input in tokens, the two special ones included."""

    vocab: int
    width: int = 384
    layers: int = 3
    heads: int = 12
    inner: int = 1536
    positions: int = 128
    hidden: int = 256
    classes: int = 7


class WordTable(nn.Module):
    """Embedding rows kept as int8 x a scale per row; only the rows looked up become floats."""

    def __init__(self, vocab: int, width: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(vocab, width, dtype=torch.int8))
        self.register_buffer("scale", torch.zeros(vocab, 1))

    def forward(self, ids: Tensor) -> Tensor:
        """(N, L) -> (N, L, W)."""
        return self.rows[ids].float() * self.scale[ids].float()


class Layer(nn.Module):
    """One post-norm transformer layer, as in BERT."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.norm1 = nn.LayerNorm(config.width, eps=1e-12)
        self.up = nn.Linear(config.width, config.inner)
        self.down = nn.Linear(config.inner, config.width)
        self.norm2 = nn.LayerNorm(config.width, eps=1e-12)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(N, L, W), mask (N, 1, 1, L) True on real tokens -> (N, L, W)."""
        count, length, width = x.shape
        split = self.qkv(x).view(count, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(split[0], split[1], split[2], attn_mask=mask)
        x = self.norm1(x + self.drop(self.out(heard.transpose(1, 2).reshape(count, length, width))))
        return self.norm2(x + self.drop(self.down(F.gelu(self.up(x)))))


class MiniBert(nn.Module):
    """Token ids -> pooled words, hidden emotion state, logits."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        self.table = WordTable(config.vocab, config.width)
        self.place = nn.Parameter(torch.zeros(config.positions, config.width))
        self.norm = nn.LayerNorm(config.width, eps=1e-12)
        self.stack = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.dense = nn.Linear(config.width, config.hidden)
        self.classifier = nn.Linear(config.hidden, config.classes)
        self.drop = nn.Dropout(0.1)

    def pool(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids (N, L), mask (N, L) True on real tokens -> mean of the last layer over real tokens (N, W)."""
        x = self.drop(self.norm(self.table(ids) + self.place[: ids.shape[1]]))
        for layer in self.stack:
            x = layer(x, mask[:, None, None])
        weight = mask.unsqueeze(-1).to(x.dtype)
        return (x * weight).sum(1) / weight.sum(1)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pooled (N, W), hidden (N, hidden) in -1..1, logits (N, classes)."""
        pooled = self.pool(ids, mask)
        hidden = torch.tanh(self.dense(pooled))
        return pooled, hidden, self.classifier(self.drop(hidden))


def pad(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Token id rows -> ids (N, L) padded with 0, mask (N, L) True on real tokens."""
    longest = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = True
    return ids, mask
