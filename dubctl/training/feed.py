"""The batches of a run by number, made ahead by other processes where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from dubctl.cores import cores
from dubctl.graph.build import EmotionBatch
from dubctl.training.config import TrainConfig
from dubctl.training.data import Batch, Sampler
from dubctl.training.emotion_data import EmotionSource
from dubctl.training.lips import shown_lips

Fed = tuple[Batch, EmotionBatch | None]


class Feed(Dataset[Fed]):
    """Batch `number` of a run with its emotion knowledge: the same whoever makes it, and when.

    A step of the network takes a GPU less time than its batch takes to make, so with `TrainConfig.workers` that many
    processes make them ahead.
    """

    def __init__(self, sampler: Sampler, config: TrainConfig, emotion: EmotionSource | None) -> None:
        self.sampler, self.config, self.emotion = sampler, config, emotion

    def __len__(self) -> int:
        return self.config.steps * self.config.accumulate

    def __getitem__(self, number: int) -> Fed:
        c = self.config
        step = number // c.accumulate
        batch = self.sampler.make(number, c.own_dvector, c.lip_share, c.swap if step >= c.swap_from else 0.0,
                                  c.noisy_prompts, c.voice_jitter)
        if batch.durations is not None:
            batch = self._with_lips(batch, step)
        emotion = None
        if self.emotion is not None:
            emotion = self.emotion.batch(batch.rows, c.k, np.random.default_rng([c.seed, step, 3]), c.emotion_dropout,
                                         c.reference_dropout)
        return batch, emotion

    def batches(self, first: int) -> Iterator[Fed]:
        """Those from number `first` on.

        The loader's own generator keeps it from drawing its workers' seeds out of the run's dropout.
        """
        workers = min(self.config.workers, cores())  # more would wait for a core, and torch warns
        return iter(DataLoader(self, batch_size=None, sampler=range(first, len(self)), num_workers=workers,
                               collate_fn=_as_it_is, prefetch_factor=4 if workers else None,
                               generator=torch.Generator()))

    def _with_lips(self, batch: Batch, step: int) -> Batch:
        assert batch.durations is not None
        lips = shown_lips(batch.tracks, batch.use_lips, batch.phones.numpy(), batch.tokens.numpy(),
                          batch.durations.numpy(), batch.seed, self.config.model.lip_features,
                          step >= self.config.lips_from)
        return replace(batch, drawn=lips, tracks=[])


def _as_it_is(fed: Fed) -> Fed:
    return fed
