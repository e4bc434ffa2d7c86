"""Learned text-to-mel alignment (Badlani et al. 2021, "One TTS Alignment to Rule Them All"): no external aligner."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from dubctl.synth.aligner import MEL_SCALE, MEL_SHIFT


class AlignmentEncoder(nn.Module):
    """Conv keys from tokens (B, L, D), conv queries from mel (B, T, 80); negative squared distance -> log-probs."""

    def __init__(self, width: int, dim: int, temperature: float = 0.0005) -> None:
        super().__init__()
        self.temperature = temperature
        self.keys = nn.Sequential(nn.Conv1d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.Conv1d(2 * width, dim, 1))
        self.queries = nn.Sequential(nn.Conv1d(80, 160, 3, padding=1), nn.ReLU(), nn.Conv1d(160, 80, 1), nn.ReLU(),
                                     nn.Conv1d(80, dim, 1))

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor, mel: torch.Tensor, mel_mask: torch.Tensor,
                prior: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns log-scores (B, T, L) for the forward-sum loss and soft alignment (B, T, L), both float32."""
        k = self.keys((tokens * mask[..., None]).transpose(1, 2)).float()
        q = self.queries(((mel + MEL_SHIFT) / MEL_SCALE * mel_mask[..., None]).transpose(1, 2)).float()
        distance = q.square().sum(1)[:, :, None] + k.square().sum(1)[:, None] - 2 * q.transpose(1, 2) @ k
        score = -self.temperature * distance.clamp(min=0)
        score = score.masked_fill(~mask[:, None], float("-inf")).log_softmax(-1) + (prior + 1e-8).log()
        score = score.masked_fill(~mask[:, None], -1e4)
        return score, score.softmax(-1)


@torch.no_grad()
def beta_binomial_prior(frames: torch.Tensor, tokens: torch.Tensor, most_frames: int, most_tokens: int) -> torch.Tensor:
    """Near-diagonal priors (B, T, L): token index of frame t ~ BetaBinomial(L_b - 1, t, T_b - t + 1); 0 outside.

    Args:
        frames, tokens: (B,) sizes T_b and L_b of the items; most_frames, most_tokens: T and L.
    """
    k = torch.arange(most_tokens, device=frames.device, dtype=torch.float64)
    a = torch.arange(1, most_frames + 1, device=frames.device, dtype=torch.float64)[None, :, None]
    size, n = frames.double()[:, None, None], tokens.double()[:, None, None] - 1
    inside = (a <= size) & (k <= n)
    b = (size - a + 1).clamp(min=1)
    rest = (n - k).clamp(min=0)
    log = torch.lgamma
    choose = log(n + 1) - log(k + 1) - log(rest + 1)
    # the sums inside both beta functions are the same for a whole item: few gammas are as large as the result
    beta = log(k + a) + log(rest + b) - log(n + size + 1) - log(a) - log(b) + log(size + 1)
    return ((choose + beta).exp() * inside).float()


def forward_sum_loss(score: torch.Tensor, lengths: torch.Tensor, frames: torch.Tensor,
                     blank: float = -1.0) -> torch.Tensor:
    """CTC over the token sequence 1..L: the likelihood of all monotonic alignments (B,) per mel frame, mean."""
    with_blank = F.pad(score, (1, 0), value=blank)  # a blank class before the tokens
    log_probs = with_blank.log_softmax(-1).transpose(0, 1)  # (T, B, L + 1)
    targets = torch.arange(1, score.shape[-1] + 1, device=score.device).expand(score.shape[0], -1)
    loss = F.ctc_loss(log_probs, targets, frames, lengths, zero_infinity=True, reduction="none")
    return (loss / frames).mean()


@torch.no_grad()
def monotonic_search(score: torch.Tensor, lengths: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """The best monotonic path through scores (B, T, L), each token at least one frame -> durations (B, L) int64.

    Vectorised over batch and tokens. Requires frames >= lengths for each item (else a token gets 0 frames).
    """
    b, t_max, n = score.shape
    value = np.full((b, n), -1e9, np.float32)
    value[:, 0] = 0.0
    s = score.float().cpu().numpy()
    advance = np.zeros((t_max, b, n), bool)
    value[:, 0] = s[:, 0, 0]
    for t in range(1, t_max):
        came = np.full_like(value, -1e9)
        came[:, 1:] = value[:, :-1]
        advance[t] = came > value
        value = np.where(advance[t], came, value) + s[:, t]
    durations = np.zeros((b, n), np.int64)
    for i in range(b):
        token = int(lengths[i]) - 1
        for t in range(int(frames[i]) - 1, -1, -1):
            durations[i, token] += 1
            if token > 0 and advance[t, i, token]:
                token -= 1
    return torch.from_numpy(durations).to(score.device)


def binarisation_loss(soft: torch.Tensor, durations: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Pull the soft alignment (B, T, L) towards the hard path: -mean log soft[t, path(t)]."""
    path = expand_index(durations, soft.shape[1])
    picked = soft.gather(-1, path[..., None])[..., 0].clamp(min=1e-6).log()
    mask = torch.arange(soft.shape[1], device=soft.device)[None] < frames[:, None]
    return -(picked * mask).sum() / mask.sum()


def expand_index(durations: torch.Tensor, total: int) -> torch.Tensor:
    """Token index (B, T) of each of `total` frames under durations (B, L); frames past the end keep the last."""
    ends = durations.cumsum(1)
    t = torch.arange(total, device=durations.device)[None].expand(len(durations), -1)
    return torch.searchsorted(ends, t.contiguous(), right=True).clamp(max=durations.shape[1] - 1)
