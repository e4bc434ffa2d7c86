"""What the vision tests share: a text-emotion encoder that needs no weights, and synthetic lip tracks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dubctl.emotion.base import EmotionSpace, LipTrack

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class HashEncoder:
    """A `TextEmotionEncoder`: equal texts give equal vectors, others others."""

    space = EmotionSpace("hash", "0", 16)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = [np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], np.uint8) for text in texts]
        vectors = np.stack(rows).astype(np.float32) - 127.5
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        return np.full((len(texts), 7), 1 / 7, np.float32)


def talking(frames: int, spans: Sequence[tuple[int, int]], *, size: float = 0.1, noise: float = 0.001) -> LipTrack:
    """A mouth that opens and shuts about four times a second in `spans` of frames, and rests elsewhere."""
    rng = np.random.default_rng(0)
    opening, width = np.abs(rng.normal(0, noise, frames)), 0.58 + rng.normal(0, noise, frames)
    for start, stop in spans:
        phase = np.arange(stop - start) * 2 * np.pi / 6
        opening[start:stop] += size * (1 - np.cos(phase)) / 2
        width[start:stop] += 0.2 * size * np.sin(phase)
    return LipTrack(opening.astype(np.float32), width.astype(np.float32), np.ones(frames, bool))
