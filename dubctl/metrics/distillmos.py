"""DistillMOS (Stahl and Gamper 2025, "Distillation and pruning for scalable self-supervised representation-based speech
quality assessment"): a predicted mean opinion score of the speech, 1 to 5, without a reference.

A second ear beside DNSMOS, which was made for noise that is taken away: of speech that is synthesized, DNSMOS hardly
notices what a vocoder lacks, DistillMOS does. Network and weights are those of the package `distillmos` (MIT,
Microsoft).
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np

from dubctl.errors import DependencyError, InputError
from dubctl.media.audio import load_audio
from dubctl.metrics.base import EvalItem, MeanMetric, Score

RATE = 16000


class DistillMos(MeanMetric):
    """Mean opinion score; an item that could not be measured scores 1, the bottom of the scale."""

    name, version, worst_value = "distillmos", "1", 1.0

    def __init__(self) -> None:
        self.network: Any = None

    def prepare(self) -> None:
        try:
            from distillmos import ConvTransformerSQAModel
        except ImportError as err:
            raise DependencyError("distillmos needs the package of that name", "pip install 'dubctl[mos]'") from err
        with contextlib.redirect_stdout(io.StringIO()):  # it says where its weights are, where results are piped
            self.network = ConvTransformerSQAModel().eval()

    def score(self, item: EvalItem) -> Score:
        assert item.dub is not None
        return Score(item.id, self.rate(load_audio(item.dub, RATE)))

    def rate(self, wav: np.ndarray) -> float:
        """Predicted score of mono speech (S,) at 16 kHz. Raises InputError for an empty recording."""
        import torch

        if not len(wav):
            raise InputError("no samples to rate")
        with torch.inference_mode():
            return float(self.network(torch.from_numpy(np.ascontiguousarray(wav, np.float32))[None]))
