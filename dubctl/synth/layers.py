"""Building blocks: masked convolutions, rotary self-attention, adaptive layer norm.

Shapes: B items, L tokens or frames, D width. `mask` (B, L) is True on real positions. Every block multiplies by the
mask before a convolution and masks attention keys, so an item's output never depends on the rest of its batch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def rotary(x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Rotate (B, H, L, d) by positions (B, L) or (L,): attention then sees relative positions only (RoFormer)."""
    half = x.shape[-1] // 2
    inv = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angle = positions.to(torch.float32)[..., None] * inv
    angle = angle[:, None] if angle.dim() == 3 else angle
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class AdaptiveNorm(nn.Module):
    """Layer norm whose scale and shift come from the voice condition (B, C); SALN of StyleSpeech / StyleDubber."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.affine = nn.Linear(condition, 2 * width)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        scale, shift = self.affine(condition)[:, None].chunk(2, -1)  # (B, 1, D) each
        return self.norm(x) * (1 + scale) + shift


class SelfAttention(nn.Module):
    """Multi-head self-attention with rotary positions and masked keys: (B, L, D) -> (B, L, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # (B, H, L, d)
        positions = torch.arange(n, device=x.device)
        q, k = rotary(q, positions), rotary(k, positions)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        return self.out(y.transpose(1, 2).reshape(b, n, d))


class ConvFeedForward(nn.Module):
    """A masked convolution along time, GELU, and a position-wise layer: (B, L, D) -> (B, L, D)."""

    def __init__(self, width: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, hidden, kernel, padding=kernel // 2)
        self.second = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        h = self.first((x * mask[..., None].to(x.dtype)).transpose(1, 2))
        return self.second(F.gelu(h).transpose(1, 2))


class Block(nn.Module):
    """Pre-norm transformer block: rotary self-attention and conv feed-forward under adaptive layer norm."""

    def __init__(self, width: int, heads: int, hidden: int, kernel: int, condition: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = AdaptiveNorm(width, condition), AdaptiveNorm(width, condition)
        self.attention = SelfAttention(width, heads)
        self.feed = ConvFeedForward(width, hidden, kernel)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        x = x + self.dropout(self.attention(self.norm1(x, condition), mask))
        return x + self.dropout(self.feed(self.norm2(x, condition), mask))


class ConvPredictor(nn.Module):
    """FastSpeech 2's variance predictor: two conv-ReLU-norm layers and a linear: (B, L, D) -> (B, L)."""

    def __init__(self, width: int, hidden: int, condition: int, dropout: float, kernel: int = 3) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv1d(i, hidden, kernel, padding=kernel // 2) for i in (width, hidden))
        self.norms = nn.ModuleList(AdaptiveNorm(hidden, condition) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        keep = mask[..., None].to(x.dtype)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(conv((x * keep).transpose(1, 2)).transpose(1, 2))
            x = self.dropout(norm(x, condition))
        return self.out(x)[..., 0].float() * mask


class CrossAttention(nn.Module):
    """Queries (B, L, D) over keys (B, K, Dk) with a key mask (B, K); an item without keys gets zeros.

    Returns:
        attended (B, L, D) and, where asked for, the mean attention over heads (B, L, K).
    """

    def __init__(self, width: int, key_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(key_width, 2 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor, bias: torch.Tensor | None = None,
                weights: bool = False) -> tuple[torch.Tensor, torch.Tensor | None]:
        b, n, d = x.shape
        q = self.q(x).view(b, n, self.heads, -1).transpose(1, 2)
        k, v = self.kv(keys).view(b, keys.shape[1], 2, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        some = mask.any(1)[:, None, None]
        score = (q @ k.transpose(-1, -2)).float() / q.shape[-1] ** 0.5
        if bias is not None:
            score = score + bias[:, None]
        score = score.masked_fill(~(mask | ~mask.any(1, keepdim=True))[:, None, None], float("-inf"))
        attention = score.softmax(-1)
        y = self.out((attention.to(v.dtype) @ v).transpose(1, 2).reshape(b, n, d))
        return y * some.to(y.dtype), (attention.mean(1) * some if weights else None)
