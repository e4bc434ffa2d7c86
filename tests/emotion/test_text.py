"""The text extractor composes encoder and reaction generator; doubles stand in for both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dubctl.emotion.base import EmotionSpace
from dubctl.emotion.text import LiteTextExtractor


class Letters:
    """Counts the letters a to d."""

    space = EmotionSpace("letters", "1", 4)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        rows = np.array([[text.count(letter) + 1e-3 for letter in "abcd"] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        return np.full((len(texts), 7), 1 / 7, np.float32)


class Echo:
    def react(self, texts: Sequence[str]) -> list[str]:
        return [text.replace("a", "d") for text in texts]


def test_line_and_reaction_are_encoded_apart() -> None:
    extractor = LiteTextExtractor(Letters(), Echo())
    found = extractor.extract("aaab")
    assert found.reaction == "dddb" and extractor.space == Letters.space
    assert found.self_vector.argmax() == 0 and found.react_vector.argmax() == 3
    assert found.self_vector.shape == found.react_vector.shape == (4,)
    assert found.profile.shape == (7,)
