"""emotion2vec on a tiny checkpoint in FunASR's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.emotion.paper.emotion2vec import Emotion2VecExtractor
from dubctl.emotion.paper.emotion2vec_net import Emotion2VecConfig, slopes
from dubctl.errors import DependencyError, InputError

Shelf = Callable[..., Path]
WAV = (0.4 * np.sin(np.arange(8000) * 0.05) * np.sin(np.arange(8000) * 0.0007)).astype(np.float32)
# FunASR's own class with the same parameters and the same input (mean of its frames, first six numbers)
FUNASR = [-0.35626, -0.3817, 0.3028, 0.06446, 0.39931, -0.17726]


def test_the_numbers_are_funasrs(shelf: Shelf) -> None:
    vector = Emotion2VecExtractor(str(shelf("emotion2vec"))).measure(WAV, 16000)
    assert vector.shape == (24,) and vector.dtype == np.float32
    np.testing.assert_allclose(vector[:6], FUNASR, atol=2e-4)


def test_older_checkpoints_with_one_dimension_less_are_the_same(shelf: Shelf) -> None:
    new, old = (Emotion2VecExtractor(str(shelf("emotion2vec", scale_dims=dims))) for dims in (5, 4))
    np.testing.assert_array_equal(new.measure(WAV, 16000), old.measure(WAV, 16000))
    assert new.space.dim == 24 and new.space.revision != ""


def test_other_rates_are_resampled_and_nothing_is_measured_against_the_speaker(shelf: Shelf) -> None:
    import soxr

    audio = Emotion2VecExtractor(str(shelf("emotion2vec")))
    there = soxr.resample(WAV, 16000, 22050)
    np.testing.assert_allclose(audio.measure(there, 22050), audio.measure(WAV, 16000), atol=0.05)
    raw = np.random.default_rng(0).normal(size=(3, 24)).astype(np.float32)
    np.testing.assert_array_equal(audio.normalise(raw, ["a", "a", "b"]), raw)
    with pytest.raises(InputError):
        audio.normalise(raw, ["a"])


@pytest.mark.parametrize("wav, words", [(np.zeros(16000), "silent"), (np.ones(100), "too short"),
                                        (np.full(16000, np.nan), "not numbers"), (np.ones((2, 8000)), "mono")])
def test_what_is_no_speech_is_refused(shelf: Shelf, wav: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Emotion2VecExtractor(str(shelf("emotion2vec"))).measure(wav.astype(np.float32), 16000)


def test_a_strange_checkpoint_is_one_line(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((shelf("emotion2vec") / "config.yaml").read_text())
    torch.save({"model": {"other.weight": torch.zeros(2)}}, tmp_path / "model.pt")
    with pytest.raises(DependencyError, match="does not fit emotion2vec") as caught:
        Emotion2VecExtractor(str(tmp_path))
    assert "\n" not in caught.value.message


def test_python_objects_in_a_checkpoint_are_not_loaded(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text((shelf("emotion2vec") / "config.yaml").read_text())
    torch.save({"model": {}, "cfg": Path("evil")}, tmp_path / "model.pt")
    with pytest.raises(DependencyError, match="Python objects"):
        Emotion2VecExtractor(str(tmp_path))


def test_the_released_spec_and_slopes_of_any_number_of_heads() -> None:
    layers = Emotion2VecConfig().convolutions()
    assert layers == [(512, 10, 5), *[(512, 3, 2)] * 4, (512, 2, 2), (512, 2, 2)]
    assert np.prod([stride for _, _, stride in layers]) == 320, "50 frames a second"
    with pytest.raises(ValueError):
        Emotion2VecConfig(feature_encoder_spec="__import__('os')").convolutions()
    assert slopes(8)[0] == 0.5 and len(slopes(12)) == 12
