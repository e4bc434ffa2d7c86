"""RTER, the paper's: `j-hartmann/emotion-english-roberta-large` (Hartmann 2021), 1024-d hidden state.

The released code ships (1, 1024) vectors and does not say how tokens were pooled. The default here is the last layer's
state of `<s>`, which is what the model's own classification head reads; `rter-pooling` has the other two readings.
Vectors are scaled to unit length, so that cosine, dot product and Euclidean distance rank alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dubctl.device import resolve_device
from dubctl.emotion.base import EMOTIONS, EmotionSpace
from dubctl.emotion.paper.torch_dtype import dtype_on
from dubctl.errors import DependencyError
from dubctl.hub import Weights, cannot_load, find_weights, quiet

BATCH = 32
MOST_TOKENS = 512


class RobertaTextEmotion:
    """A sequence classifier with the seven emotions. A vector depends on its batch by rounding alone.

    Args:
        name: repository or folder. pooling: "cls", "mean" or "head" (see `PaperParts`).

    Raises:
        DependencyError: weights missing, or not a classifier of the seven emotions.
    """

    def __init__(self, name: str, pooling: str = "cls", device: str = "cpu", dtype: str = "fp32",
                 trust_remote_code: bool = False) -> None:
        weights = find_weights(name)
        self._device = resolve_device(device)
        self._tokens, self._net = _load(weights, trust_remote_code)
        self._net = self._net.to(self._device, dtype_on(self._device, dtype)).eval()
        labels = {str(label).lower(): int(at) for at, label in self._net.config.id2label.items()}
        if set(labels) != set(EMOTIONS):
            raise DependencyError(f"{name}: its classes are {', '.join(sorted(labels))}, not {', '.join(EMOTIONS)}",
                                  "name another checkpoint: [paper] rter")
        self._order = [labels[emotion] for emotion in EMOTIONS]
        self._pooling = pooling
        self.space = EmotionSpace(weights.label, f"{weights.revision}+{pooling}",
                                  int(self._net.config.hidden_size))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit emotion vectors (N, d) float32; texts over 512 tokens are read up to there."""
        parts = [torch.nn.functional.normalize(self._pool(hidden, mask), dim=-1)
                 for hidden, mask, _ in self._run(texts)]
        return torch.cat(parts).cpu().numpy() if parts else np.zeros((0, self.space.dim), np.float32)

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities (N, 7) float32 in the order of `EMOTIONS`."""
        parts = [logits.softmax(-1)[:, self._order] for _, _, logits in self._run(texts)]
        return torch.cat(parts).cpu().numpy() if parts else np.zeros((0, len(EMOTIONS)), np.float32)

    def _run(self, texts: Sequence[str]) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Last hidden state (B, L, d), mask (B, L), logits (B, 7) of each batch, in order."""
        out = []
        for begin in range(0, len(texts), BATCH):
            given = self._tokens(list(texts[begin:begin + BATCH]), padding=True, truncation=True,
                                 max_length=MOST_TOKENS, return_tensors="pt").to(self._device)
            with torch.inference_mode():
                done = self._net(**given, output_hidden_states=True)
            out.append((done.hidden_states[-1].float(), given["attention_mask"].float(), done.logits.float()))
        return out

    def _pool(self, hidden: Tensor, mask: Tensor) -> Tensor:
        if self._pooling == "mean":
            return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        if self._pooling == "head":
            dense = self._net.classifier.dense
            with torch.inference_mode():
                return torch.tanh(dense(hidden[:, 0].to(dense.weight.dtype))).float()
        return hidden[:, 0]


def _load(weights: Weights, trust_remote_code: bool) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    quiet()
    options = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    try:
        return (AutoTokenizer.from_pretrained(weights.folder, **options),
                AutoModelForSequenceClassification.from_pretrained(weights.folder, **options))
    except Exception as err:  # transformers raises whatever its parts raise
        raise cannot_load(weights, err) from err
