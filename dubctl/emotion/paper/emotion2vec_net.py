"""emotion2vec's network (Ma et al. 2023, arXiv:2312.15185) for inference: the audio encoder of data2vec 2.0.

Written from the paper and from FunASR's code (MIT), whose checkpoint names (`model.pt`, `config.yaml`) it loads, so
that neither FunASR nor fairseq is needed. Waveform at 16 kHz -> convolutions -> projection + convolutional positions
-> 10 extra tokens -> prenet and main Transformer blocks with scaled ALiBi -> frames (T, d) at 50 Hz.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Emotion2VecConfig:
    """What of the checkpoint's `model_conf` and its `modalities.audio` shapes the network; the rest is training."""

    embed_dim: int = 768
    num_heads: int = 12
    depth: int = 8
    mlp_ratio: float = 4.0
    norm_eps: float = 1e-5
    norm_affine: bool = True
    layer_norm_first: bool = False
    normalize: bool = True
    feature_encoder_spec: str = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]"
    extractor_mode: str = "layer_norm"
    conv_pos_width: int = 95
    conv_pos_groups: int = 16
    conv_pos_depth: int = 5
    conv_pos_pre_ln: bool = False
    prenet_depth: int = 4
    num_extra_tokens: int = 10
    use_alibi_encoder: bool = True
    num_alibi_heads: int = 12
    learned_alibi_scale_per_head: bool = True
    learned_alibi_scale_per_layer: bool = False

    @classmethod
    def from_yaml(cls, table: Mapping[str, Any]) -> Emotion2VecConfig:
        """From FunASR's `config.yaml`."""
        conf = dict(table.get("model_conf") or table)
        flat = {**dict((conf.get("modalities") or {}).get("audio") or {}), **conf}
        return cls(**{f.name: flat[f.name] for f in fields(cls) if f.name in flat and flat[f.name] is not None})

    def convolutions(self) -> list[tuple[int, int, int]]:
        """(channels, kernel, stride) of each layer, read from the spec's arithmetic on lists without `eval`.

        Raises:
            ValueError: the spec is something else.
        """
        layers: list[tuple[int, int, int]] = []
        for term in self.feature_encoder_spec.replace(" ", "").split("+"):
            inside, _, times = term.rpartition("*") if not term.endswith("]") else (term, "", "1")
            for group in inside.strip("[]").strip("()").split("),("):
                width, kernel, stride = (int(number) for number in group.split(","))
                layers += [(width, kernel, stride)] * (int(times) if inside.count("(") == 1 else 1)
        return layers


class Emotion2Vec(nn.Module):
    """wav (B, S) at 16 kHz, all of one length -> frames (B, T, d). Parameter names are the checkpoint's."""

    def __init__(self, config: Emotion2VecConfig) -> None:
        super().__init__()
        self.config = config
        self.modality_encoders = nn.ModuleDict({"AUDIO": AudioEncoder(config)})
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = _norm(config) if config.layer_norm_first else None

    def forward(self, wav: Tensor) -> Tensor:
        """Frames without the extra tokens."""
        if self.config.normalize:
            wav = F.layer_norm(wav, wav.shape[-1:])
        encoder = self.modality_encoders["AUDIO"]
        x, bias, scales = encoder(wav)
        for number, block in enumerate(self.blocks):
            x = block(x, _scaled(bias, scales, self.config.prenet_depth + number))
        x = x if self.norm is None else self.norm(x)
        return x[:, self.config.num_extra_tokens:]


class AudioEncoder(nn.Module):
    """Waveform -> tokens (B, E + T, d) after the prenet, ALiBi bias (1, H, E + T, E + T) or None, its scales."""

    def __init__(self, config: Emotion2VecConfig) -> None:
        super().__init__()
        self.config = config
        layers, dim = config.convolutions(), config.embed_dim
        self.local_encoder = Convolutions(layers, config.extractor_mode)
        self.project_features = nn.Sequential(Swap(), nn.LayerNorm(layers[-1][0]), nn.Linear(layers[-1][0], dim))
        kernel = max(3, config.conv_pos_width // config.conv_pos_depth)
        positions: nn.Module = nn.Sequential(Swap(), *(nn.Sequential(
            nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=config.conv_pos_groups), Trim(kernel), Swap(),
            nn.LayerNorm(dim, elementwise_affine=False), Swap(), nn.GELU()) for _ in range(config.conv_pos_depth)),
            Swap())
        if config.conv_pos_pre_ln:
            positions = nn.Sequential(nn.LayerNorm(dim), positions)
        self.relative_positional_encoder = positions
        self.context_encoder = nn.ModuleDict({"blocks": nn.ModuleList(Block(config)
                                                                      for _ in range(config.prenet_depth))})
        self.context_encoder["norm"] = _norm(config) if not config.layer_norm_first else nn.Identity()
        self.extra_tokens = nn.Parameter(torch.zeros(1, config.num_extra_tokens, dim))
        self.alibi_scale = None
        if config.use_alibi_encoder:
            layered = config.prenet_depth + config.depth if config.learned_alibi_scale_per_layer else 1
            headed = config.num_alibi_heads if config.learned_alibi_scale_per_head else 1
            self.alibi_scale = nn.Parameter(torch.ones(layered, 1, headed, 1, 1))

    def forward(self, wav: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        x = self.project_features(self.local_encoder(wav))
        x = x + self.relative_positional_encoder(x)
        bias, extra = None, self.config.num_extra_tokens
        scales = None if self.alibi_scale is None else self.alibi_scale.clamp_min(0)
        if scales is not None:
            # the extra tokens have no place in time, hence no bias
            bias = F.pad(alibi(x.shape[1], self.config.num_alibi_heads).to(x), (extra, 0, extra, 0))[None]
        x = torch.cat([self.extra_tokens.expand(len(x), -1, -1), x], 1)
        if not self.config.layer_norm_first:
            x = self.context_encoder["norm"](x)
        for number, block in enumerate(self.context_encoder["blocks"]):
            x = block(x, _scaled(bias, scales, number))
        return x, bias, scales


class Convolutions(nn.Module):
    """Waveform (B, S) -> features (B, C, T)."""

    def __init__(self, layers: list[tuple[int, int, int]], mode: str) -> None:
        super().__init__()
        self.conv_layers, before = nn.ModuleList(), 1
        for number, (width, kernel, stride) in enumerate(layers):
            parts: list[nn.Module] = [nn.Conv1d(before, width, kernel, stride, bias=False), nn.Identity()]
            if mode == "layer_norm":
                parts.append(nn.Sequential(Swap(), nn.LayerNorm(width), Swap()))
            elif number == 0:
                parts.append(nn.GroupNorm(width, width))
            self.conv_layers.append(nn.Sequential(*parts, nn.GELU()))
            before = width

    def forward(self, wav: Tensor) -> Tensor:
        x = wav[:, None]
        for layer in self.conv_layers:
            x = layer(x)
        return x


class Block(nn.Module):
    """Attention and MLP; norms after each (emotion2vec) or before."""

    def __init__(self, config: Emotion2VecConfig) -> None:
        super().__init__()
        self.first = config.layer_norm_first
        self.norm1, self.norm2 = _norm(config), _norm(config)
        self.attn = Attention(config.embed_dim, config.num_heads)
        hidden = int(config.embed_dim * config.mlp_ratio)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(config.embed_dim, hidden),
                                  "fc2": nn.Linear(hidden, config.embed_dim)})

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        if self.first:
            x = x + self.attn(self.norm1(x), bias)
            inner = self._mlp(self.norm2(x))
            return inner + inner  # as released: the residual is the MLP's own output, not its input
        x = self.norm1(x + self.attn(x, bias))
        return self.norm2(x + self._mlp(x))

    def _mlp(self, x: Tensor) -> Tensor:
        return self.mlp["fc2"](F.gelu(self.mlp["fc1"](x)))


class Attention(nn.Module):
    """Multi-head self-attention with an additive bias (1, H, N, N)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        batch, count, dim = x.shape
        q, k, v = self.qkv(x).reshape(batch, count, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=None if bias is None else bias.to(q.dtype))
        return self.proj(out.transpose(1, 2).reshape(batch, count, dim))


class Swap(nn.Module):
    """(B, A, C) -> (B, C, A)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(-2, -1)


class Trim(nn.Module):
    """An even kernel gives one frame too many."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.extra = 1 - kernel % 2

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : x.shape[-1] - self.extra]


def alibi(count: int, heads: int) -> Tensor:
    """Bias (H, N, N) = -slope_h |i - j| (Press et al. 2022, symmetric), slopes for any number of heads."""
    places = torch.arange(count)
    distance = (places[None] - places[:, None]).abs().float()
    return -torch.tensor(slopes(heads))[:, None, None] * distance


def slopes(heads: int) -> list[float]:
    """Slopes 2^(-8 i / H); for H that is no power of two, those of the next lower one and every other of the next."""
    if math.log2(heads).is_integer():
        start = 2 ** (-(2 ** -(math.log2(heads) - 3)))
        return [start ** (i + 1) for i in range(heads)]
    lower = 2 ** math.floor(math.log2(heads))
    return slopes(lower) + slopes(2 * lower)[0::2][: heads - lower]


def _norm(config: Emotion2VecConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.embed_dim, config.norm_eps, config.norm_affine)


def _scaled(bias: Tensor | None, scales: Tensor | None, layer: int) -> Tensor | None:
    if bias is None or scales is None:
        return bias
    return bias * scales[layer if len(scales) > 1 else 0]
