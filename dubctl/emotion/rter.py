"""RTER lite: a text (script line, caption or reaction) -> emotion vector and 7-class profile.

The paper reads the hidden state of `j-hartmann/emotion-english-roberta-large`; this is the same idea with weights small
enough to ship (`models/text-emotion`, see its card): the vector is the tanh hidden layer under the classifier.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from dubctl.assets import model_file
from dubctl.emotion.base import EMOTIONS, EmotionSpace
from dubctl.emotion.minibert import MiniBert, NetConfig, pad
from dubctl.emotion.wordpiece import WordPiece
from dubctl.errors import DependencyError
from dubctl.files import sha256_file
from dubctl.unfilled import unfilled

MODEL = "text-emotion"
BATCH = 64


class LiteTextEmotionEncoder:
    """The shipped text-emotion encoder, on the CPU. Deterministic; a vector does not depend on its batch.

    Attributes:
        space: name, revision (start of the weights' SHA-256) and dimension of the vectors.

    Raises:
        DependencyError: the weights are missing or do not match the code.
    """

    def __init__(self) -> None:
        weights = model_file(MODEL, "model.safetensors")
        config = json.loads(model_file(MODEL, "config.json").read_text(encoding="utf-8"))
        if tuple(config["labels"]) != EMOTIONS:
            raise DependencyError(f"{weights.parent}: its classes are not {', '.join(EMOTIONS)}", "reinstall dubctl")
        vocab = model_file(MODEL, "vocab.txt").read_text(encoding="utf-8").splitlines()
        self._tokens = WordPiece(vocab)
        self._net = load_net(NetConfig(**config["network"]), weights)
        self.space = EmotionSpace("dubctl/text-emotion", sha256_file(weights)[:12], self._net.config.hidden)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit emotion vectors (N, d) float32 of N texts. An empty text gives the vector of `[CLS][SEP]` alone.

        Texts longer than 126 word pieces are read up to there.
        """
        return self._run(texts, lambda pooled, hidden, logits: torch.nn.functional.normalize(hidden, dim=-1))

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities (N, 7) float32 in the order of `EMOTIONS`."""
        return self._run(texts, lambda pooled, hidden, logits: logits.softmax(-1))

    def features(self, texts: Sequence[str]) -> np.ndarray:
        """Pooled words beside the hidden state, (N, W + d) float32: what the reaction generator reads."""
        return self._run(texts, lambda pooled, hidden, logits: torch.cat([pooled, hidden], -1))

    def _run(self, texts: Sequence[str], take) -> np.ndarray:
        rows = [self._tokens.encode(text, self._net.config.positions) for text in texts]
        if not rows:
            return take(*_nothing(self._net.config)).numpy()
        # neighbours of one length share a batch, so little is padded
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        with torch.inference_mode():
            done = torch.cat([take(*self._net(*pad([rows[n] for n in part]))) for part in _batches(order)])
        out = torch.empty_like(done)
        out[torch.tensor(order)] = done
        return out.numpy()


def load_net(config: NetConfig, weights) -> MiniBert:
    """The network in evaluation mode with float32 parameters from a float16 file.

    Raises:
        DependencyError: the file does not fit the configuration.
    """
    with unfilled():
        net = MiniBert(config)
    try:
        net.load_state_dict(load_file(str(weights)))
    except (RuntimeError, OSError, ValueError) as err:
        raise DependencyError(f"{weights}: does not fit the text-emotion encoder", "reinstall dubctl") from err
    return net.float().eval()


def _batches(order: list[int]) -> Iterator[list[int]]:
    for begin in range(0, len(order), BATCH):
        yield order[begin : begin + BATCH]


def _nothing(config: NetConfig) -> tuple[Tensor, Tensor, Tensor]:
    return torch.zeros(0, config.width), torch.zeros(0, config.hidden), torch.zeros(0, config.classes)
