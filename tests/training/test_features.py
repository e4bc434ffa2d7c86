"""Features of a clip, with and without what CAM++ hears, and how they are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dubctl.synth.symbols import Tokens
from dubctl.training.data import Item, Sampler
from dubctl.training.features import cached, compute, feature_key

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"


class Encoder:
    """Hears the same in everything, and says how often it was asked."""

    def __init__(self, dim: int) -> None:
        self.heard = np.full(dim, dim ** -0.5, np.float32)
        self.asked = 0

    def embed(self, wav: np.ndarray, rate: int) -> np.ndarray:
        self.asked += 1
        return self.heard


def test_campplus_is_heard_where_it_is_asked_for() -> None:
    first, second = Encoder(256), Encoder(192)
    both, one = compute(VOICE, first, second=second), compute(VOICE, first)
    assert np.array_equal(both.campplus, second.heard) and one.campplus.shape == (0,)
    assert np.array_equal(both.mel, one.mel) and both.start == one.start


def test_what_is_kept_of_one_encoder_is_not_taken_for_both(tmp_path: Path) -> None:
    first, second = Encoder(256), Encoder(192)
    assert feature_key(VOICE, None, None) != feature_key(VOICE, None, None, True)
    cached(tmp_path, VOICE, first)
    made, again = (cached(tmp_path, VOICE, first, second=second) for _ in range(2))
    assert first.asked == 2 and second.asked == 1
    assert np.array_equal(made.campplus, again.campplus) and again.campplus.shape == (192,)
    assert cached(tmp_path, VOICE, first).campplus.shape == (0,)


def test_a_batch_has_campplus_where_every_voice_has() -> None:
    first, second = Encoder(256), Encoder(192)
    def items(*heard: bool) -> list[Item]:
        return [Item(str(i), f"s{i}", Tokens([1, 20, 30, 1], [0] * 4),
                     compute(VOICE, first, 0.0, 1.5, second if both else None)) for i, both in enumerate(heard)]
    whole, partly = (Sampler(items(*heard), 2, 0).make(0, 1.0, 0.0) for heard in ((True, True), (True, False)))
    assert whole.campplus is not None and whole.campplus.shape == (2, 192)
    assert partly.campplus is None
