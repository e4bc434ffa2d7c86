"""Emotion vectors of a batch: each line's own basic emotion and the references retrieved for it, itself excluded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dubctl.graph.build import MODALITIES, EmotionBatch


@dataclass(frozen=True)
class ReferencePool:
    """What references are drawn from: per modality (R, d_m) vectors, and the sound (R, d_a) with its mask (R,)."""

    vectors: dict[str, np.ndarray]
    audio: np.ndarray
    audio_mask: np.ndarray


class EmotionSource:
    """Basic emotion of N training clips and a table of the footage most like each, held in memory.

    Args:
        basic: per modality (N, d_m) vectors of the clips; text is [self ; react].
        basic_mask: per modality (N,) bool.
        footage: the R clips that `neighbours` number; usually the same library.
        neighbours: per modality (N, M) rows of the most similar *other* clips, best first, -1 where fewer.
    """

    def __init__(self, basic: dict[str, np.ndarray], basic_mask: dict[str, np.ndarray], footage: ReferencePool,
                 neighbours: dict[str, np.ndarray]) -> None:
        self.basic, self.basic_mask, self.footage, self.neighbours = basic, basic_mask, footage, neighbours

    def batch(self, rows: Sequence[int], k: int, rng: np.random.Generator, dropout: float,
              alone: float = 0.0) -> EmotionBatch:
        """Emotion of library rows (B,); with probability `dropout` a modality of an item is hidden, with probability
        `alone` all its references are."""
        shown = np.stack([self.basic_mask[m][rows] for m in MODALITIES], 1)
        hide = rng.random(shown.shape) < dropout
        hide[np.arange(len(hide)), rng.integers(0, 3, len(hide))] = False  # never all three
        shown = shown & (~hide | (shown.sum(1, keepdims=True) <= 1))
        studied = rng.random(len(hide)) >= alone
        indirect, audio, masks = {}, {}, []
        for column, m in enumerate(MODALITIES):
            hits = self.neighbours[m][rows][:, :k]
            there = (hits >= 0) & shown[:, column: column + 1] & studied[:, None]
            safe = np.maximum(hits, 0)
            there &= self.footage.audio_mask[safe]
            indirect[m] = torch.from_numpy(self.footage.vectors[m][safe] * there[..., None])
            audio[m] = torch.from_numpy(self.footage.audio[safe] * there[..., None])
            masks.append(there)
        basic = {m: torch.from_numpy(self.basic[m][rows] * shown[:, c: c + 1]) for c, m in enumerate(MODALITIES)}
        return EmotionBatch(basic, torch.from_numpy(shown), indirect, audio, torch.from_numpy(np.stack(masks, 1)))


class Films(EmotionSource):
    """The same lines in several films: a batch comes from one of them, so that no picture is learnt by heart."""

    def __init__(self, films: Sequence[EmotionSource]) -> None:
        first = films[0]
        super().__init__(first.basic, first.basic_mask, first.footage, first.neighbours)
        self.films = films

    def batch(self, rows: Sequence[int], k: int, rng: np.random.Generator, dropout: float,
              alone: float = 0.0) -> EmotionBatch:
        film = self.films[int(rng.integers(len(self.films)))]
        return EmotionSource.batch(film, rows, k, rng, dropout, alone)
