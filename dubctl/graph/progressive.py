"""Progressive construct-and-encode over the Basic, Indirect and Direct Emotion Graphs (paper, PGSG)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from dubctl.graph.build import MODALITIES, EmotionBatch, batched_edges
from dubctl.graph.encoder import GraphAttentionEncoder
from dubctl.graph.released import ReleasedGraphEncoder
from dubctl.synth.config import SynthConfig


@dataclass
class EmotionKnowledge:
    """Encoded nodes and masks of the three graphs: H_beg (B, 3, D), H_ieg (B, 3+3K, D), H_deg (B, 3+6K, D)."""

    basic: torch.Tensor
    indirect: torch.Tensor
    direct: torch.Tensor
    basic_mask: torch.Tensor
    indirect_mask: torch.Tensor
    direct_mask: torch.Tensor

    def pooled(self) -> torch.Tensor:
        """Masked mean over the direct graph (B, D): what the emotion classifier reads."""
        weight = self.direct_mask[..., None].to(self.direct.dtype)
        return (self.direct * weight).sum(1) / weight.sum(1).clamp(min=1)


class ProgressiveGraphs(nn.Module):
    """Emotion vectors -> encoded knowledge of the three graphs. New nodes enter through a linear layer of their own
    modality; each stage takes all encoded nodes of the one before and has its own encoder."""

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        g, d = config.graph, config.graph.width
        dims = {"scene": config.scene_dim, "face": config.face_dim, "text": config.text_dim}
        self.config = g
        self.basic_in = nn.ModuleDict({m: nn.Linear(dims[m], d) for m in MODALITIES})
        self.indirect_in = nn.ModuleDict({m: nn.Linear(dims[m], d) for m in MODALITIES})
        self.direct_in = nn.ModuleDict({m: nn.Linear(config.audio_dim, d) for m in MODALITIES})
        released = g.mode == "release"
        self.quirks = g.quirks if released else None
        self.encoders = nn.ModuleList(
            ReleasedGraphEncoder(g, stage) if released else GraphAttentionEncoder(d, g.heads, g.layers, g.dropout)
            for stage in (1, 2, 3))
        if released and g.quirks.double_softmax:
            self.classifier = nn.Sequential(nn.Linear(d, g.classes), nn.Softmax(-1))
        else:
            self.classifier = nn.Sequential(nn.Linear(d, d), nn.GELU(), nn.Linear(d, g.classes))

    def forward(self, batch: EmotionBatch) -> EmotionKnowledge:
        """See `EmotionBatch` for shapes. Ablation switches remove nodes (rows 4-9), attention (10), steps (11)."""
        if self.quirks is not None and self.quirks.padding_nodes:
            batch = replace(batch, basic_mask=torch.ones_like(batch.basic_mask),
                            hit_mask=torch.ones_like(batch.hit_mask))
        hits = self._retrieval_mask(batch)
        k = batch.k
        basic = torch.stack([self.basic_in[m](batch.basic[m]) for m in MODALITIES], 1)
        indirect = [self.indirect_in[m](batch.indirect[m]) for m in MODALITIES]
        audio = [self.direct_in[m](batch.audio[m]) for m in MODALITIES]
        flat = hits.flatten(1)
        indirect_mask = torch.cat([batch.basic_mask, flat & self.config.indirect], 1)
        direct_mask = torch.cat([indirect_mask, flat & self.config.direct], 1)
        if not self.config.progressive:
            everything = torch.cat([basic, *indirect, *audio], 1)
            direct_nodes = self._encode(2, everything, direct_mask, k)
            n = 3 + 3 * k
            return EmotionKnowledge(direct_nodes[:, :3], direct_nodes[:, :n], direct_nodes, batch.basic_mask,
                                    indirect_mask, direct_mask)
        beg = self._encode(0, basic, batch.basic_mask, k)
        ieg = self._encode(1, torch.cat([beg, *indirect], 1), indirect_mask, k)
        deg = self._encode(2, torch.cat([ieg, *audio], 1), direct_mask, k)
        return EmotionKnowledge(beg, ieg, deg, batch.basic_mask, indirect_mask, direct_mask)

    def _encode(self, stage: int, nodes: torch.Tensor, mask: torch.Tensor, k: int) -> torch.Tensor:
        if not self.config.graph:
            return nodes * mask[..., None]
        edges, types = batched_edges(mask, k, stage + 1)
        return self.encoders[stage](nodes, mask, edges, types)

    def _retrieval_mask(self, batch: EmotionBatch) -> torch.Tensor:
        used = [self.config.scene_retrieval, self.config.face_retrieval, self.config.text_retrieval]
        switch = torch.tensor(used, device=batch.hit_mask.device)
        # a hit hangs on the basic node that issued the query: without that node there is no edge to carry it
        return batch.hit_mask & switch[None, :, None] & batch.basic_mask[:, :, None]
