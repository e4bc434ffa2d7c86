"""The three progressive emotion graphs as dense, padded node lists with typed edges.

Node order (K retrieved per modality, K the batch's largest; paper-notes: same order as the released code):

    0 scene, 1 face, 2 text | 3 .. 3+3K-1 retrieved scene, face, text | 3+3K .. 3+6K-1 their matched audio

Edge types: 0 self-loop, 1 basic triangle, 2 basic <-> retrieved of that modality, 3 basic <-> audio matched by the
query it issued. Edges whose end is absent (no face, fewer than K hits) do not exist.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch

MODALITIES = ("scene", "face", "text")
SELF, BASIC, INDIRECT, DIRECT = range(4)
EDGE_TYPES = 4


@dataclass
class EmotionBatch:
    """Emotion knowledge of B items, zero where masked. K may be 0; d_m is the dimension of modality m.

    basic[m] (B, d_m), basic_mask (B, 3); indirect[m] (B, K, d_m), audio[m] (B, K, d_a), hit_mask (B, 3, K).
    """

    basic: dict[str, torch.Tensor]
    basic_mask: torch.Tensor
    indirect: dict[str, torch.Tensor]
    audio: dict[str, torch.Tensor]
    hit_mask: torch.Tensor

    @property
    def k(self) -> int:
        return int(self.hit_mask.shape[2])

    def to(self, device: torch.device | str) -> EmotionBatch:
        """A copy on `device`."""
        def move(group: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {m: v.to(device) for m, v in group.items()}
        return EmotionBatch(move(self.basic), self.basic_mask.to(device), move(self.indirect), move(self.audio),
                            self.hit_mask.to(device))


@functools.lru_cache(maxsize=64)
def template(k: int, stage: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Edges (2, E) and types (E,) of one full graph with K hits per modality after `stage` 1, 2 or 3."""
    count = (3, 3 + 3 * k, 3 + 6 * k)[stage - 1]
    edges = [(i, i, SELF) for i in range(count)]
    edges += [(i, j, BASIC) for i in range(3) for j in range(3) if i != j]
    for modality in range(3):
        for hit in range(k):
            if stage >= 2:
                node = 3 + modality * k + hit
                edges += [(modality, node, INDIRECT), (node, modality, INDIRECT)]
            if stage == 3:
                node = 3 + 3 * k + modality * k + hit
                edges += [(modality, node, DIRECT), (node, modality, DIRECT)]
    table = torch.tensor(edges, dtype=torch.long)
    return table[:, :2].T.contiguous(), table[:, 2].contiguous()


def batched_edges(mask: torch.Tensor, k: int, stage: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Edges among the present nodes of B graphs, node (b, n) numbered b * N + n.

    Args:
        mask: (B, N) True where the node is present.

    Returns:
        edge_index (2, E), edge_type (E,).
    """
    edges, types = (x.to(mask.device) for x in template(k, stage))
    b, n = mask.shape
    there = mask[:, edges[0]] & mask[:, edges[1]]  # (B, E)
    offset = torch.arange(b, device=mask.device)[:, None] * n
    index = torch.stack([edges[0] + offset, edges[1] + offset])  # (2, B, E)
    return index[:, there], types.expand(b, -1)[there]
