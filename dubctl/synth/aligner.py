"""Cross-Modal Aligner (after StyleDubber): phonemes, the prompt's style and the lips -> H_{t,v,r}.

B items, L tokens, P prompt mel frames, V video frames (25 fps), D width, C condition.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.errors import InputError
from dubctl.synth.config import SynthConfig
from dubctl.synth.layers import Block, CrossAttention, rotary
from dubctl.synth.symbols import STRESSES, SYMBOLS

MEL_SHIFT, MEL_SCALE = 5.5, 2.3  # (mel + 5.5) / 2.3 is about zero mean and unit variance over speech


class VoiceCondition(nn.Module):
    """Utterance-level style: [GE2E d-vector (B, 256) ; mean log-F0 (B,)] -> condition (B, C)."""

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(257, config.condition), nn.SiLU(), nn.Linear(config.condition,
                                                                                        config.condition), nn.SiLU())

    def forward(self, dvector: torch.Tensor, log_f0: torch.Tensor) -> torch.Tensor:
        # A GE2E vector has length 1 over 256 non-negative numbers: x16 brings them to the scale of the pitch term.
        return self.net(torch.cat([dvector * 16, (log_f0[:, None] - 5.1) * 3], -1))


class PromptEncoder(nn.Module):
    """The prompt's mel (B, P, 80) -> style tokens (B, P/4, S) for phoneme-level attention, padding masked."""

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        s = config.prompt_width
        self.convs = nn.ModuleList(nn.Conv1d(i, s, 5, stride=2, padding=2) for i in (80, s))
        self.norms = nn.ModuleList(nn.LayerNorm(s) for _ in range(2))

    def forward(self, mel: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = (mel + MEL_SHIFT) / MEL_SCALE
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = conv((x * mask[..., None]).transpose(1, 2)).transpose(1, 2)
            mask = mask[:, ::2]
            x = F.gelu(norm(x))
        return x, mask


class LipEncoder(nn.Module):
    """Lip features (B, V, F) with a visibility mask -> lip tokens (B, V, W)."""

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        w = config.lip_width
        self.first = nn.Conv1d(config.lip_features + 1, w, 3, padding=1)
        self.second = nn.Conv1d(w, w, 5, padding=2)
        self.norm = nn.LayerNorm(w)

    def forward(self, lips: torch.Tensor, visible: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if lips.shape[-1] != self.first.in_channels - 1:
            raise InputError(f"this voice reads lip features {self.first.in_channels - 1} wide, the clip gives "
                             f"{lips.shape[-1]}", "use a voice trained on lip landmarks, or `dubctl experiment`")
        keep = mask[:, None].to(lips.dtype)
        x = torch.cat([lips * visible[..., None], visible[..., None].to(lips.dtype)], -1).transpose(1, 2)
        x = F.gelu(self.first(x * keep)) * keep
        return self.norm((x + F.gelu(self.second(x))).transpose(1, 2))


class LipAttention(nn.Module):
    """Text-to-lip attention. Both sides carry their *relative* place in the line, so attention starts diagonal."""

    SPAN = 64.0  # a whole line is this many rotary positions long, on either side

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.q = nn.Linear(config.width, config.width, bias=False)
        self.kv = nn.Linear(config.lip_width, 2 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.sharpness = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor, mask: torch.Tensor, lips: torch.Tensor,
                lip_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        b, n, d = x.shape
        here, there = self._places(mask), self._places(lip_mask)
        q = rotary(self.q(x).view(b, n, self.heads, -1).transpose(1, 2), here)
        k, v = self.kv(lips).view(b, lips.shape[1], 2, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        score = (q @ rotary(k, there).transpose(-1, -2)).float() / q.shape[-1] ** 0.5
        # a soft prior towards the diagonal, whose width is learned: speech runs through the clip in order
        score = score - (self.sharpness / 8 * (here[:, :, None] - there[:, None])).square()[:, None]
        any_lip = lip_mask.any(1)
        score = score.masked_fill(~(lip_mask | ~any_lip[:, None])[:, None, None], float("-inf"))
        attention = score.softmax(-1)
        y = self.out((attention.to(v.dtype) @ v).transpose(1, 2).reshape(b, n, d))
        return y * any_lip[:, None, None].to(y.dtype), attention.mean(1) * any_lip[:, None, None]

    def _places(self, mask: torch.Tensor) -> torch.Tensor:
        index = torch.arange(mask.shape[1], device=mask.device) + 0.5
        return index / mask.sum(1, keepdim=True).clamp(min=1) * self.SPAN  # (B, L)


class CrossModalAligner(nn.Module):
    """Phoneme encoder + multi-scale style + lips -> H_{t,v,r} (B, L, D)."""

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        d = config.width
        self.hears_style, self.sees_lips = config.style, config.lips
        self.phones = nn.Embedding(len(SYMBOLS), d, padding_idx=0)
        self.stress = nn.Embedding(len(STRESSES), d)
        self.blocks = nn.ModuleList(
            Block(d, config.heads, config.hidden, config.kernel, config.condition, config.dropout)
            for _ in range(config.encoder_blocks))
        self.prompt = PromptEncoder(config)
        self.style = CrossAttention(d, config.prompt_width, config.heads)
        self.lips = LipEncoder(config)
        self.lip_attention = LipAttention(config)
        for embedding in (self.phones, self.stress):
            nn.init.normal_(embedding.weight, std=0.3)

    def embed(self, phones: torch.Tensor, stress: torch.Tensor) -> torch.Tensor:
        """Token embeddings (B, L, D), before any context: what the alignment is learned on."""
        return self.phones(phones) + self.stress(stress)

    def forward(self, phones: torch.Tensor, stress: torch.Tensor, mask: torch.Tensor, condition: torch.Tensor,
                prompt: torch.Tensor, prompt_mask: torch.Tensor, lips: torch.Tensor, visible: torch.Tensor,
                lip_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See the module docstring for shapes; a prompt or lips whose mask is all False is simply absent.

        Returns:
            H_{t,v,r} (B, L, D) and the text-to-lip attention (B, L, V).
        """
        x = self.embed(phones, stress)
        for block in self.blocks:
            x = block(x, mask, condition)
        if self.hears_style:
            tokens, token_mask = self.prompt(prompt, prompt_mask)
            x = x + self.style(x, tokens, token_mask)[0]
        if not self.sees_lips:
            return x * mask[..., None], x.new_zeros(*x.shape[:2], lips.shape[1])
        seen, attention = self.lip_attention(x, mask, self.lips(lips, visible, lip_mask), lip_mask)
        return (x + seen) * mask[..., None], attention
