"""CAM++ tells voices apart, hears neither level nor rate, and refuses what is too short or no file of its weights."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr
import torch

from dubctl.campplus import DIM, MIN_FRAMES, Campplus, filter_banks
from dubctl.errors import InputError

EXAMPLES = Path(__file__).parents[1] / "examples"
WAV, RATE = sf.read(EXAMPLES / "voice.wav", dtype="float32")


@pytest.fixture(scope="module")
def encoder() -> Campplus:
    return Campplus()


def test_one_voice_is_like_itself_and_unlike_a_higher_one(encoder: Campplus) -> None:
    half = len(WAV) // 2
    first, second = encoder.embed(WAV[:half], RATE), encoder.embed(WAV[half:], RATE)
    other = encoder.embed(WAV[half:], round(RATE * 1.35))  # shorter, higher, a smaller head
    assert first.shape == (DIM,) and first.dtype == np.float32 and np.linalg.norm(first) == pytest.approx(1, abs=1e-5)
    assert first @ second > 0.6 and first @ other < 0.5


def test_level_and_rate_are_not_heard(encoder: Campplus) -> None:
    heard = encoder.embed(WAV, RATE)
    assert heard @ encoder.embed(0.5 * WAV, RATE) > 0.99
    assert heard @ encoder.embed(soxr.resample(WAV, RATE, 44100), 44100) > 0.99


def test_the_embedding_has_negative_parts(encoder: Campplus) -> None:
    """3D-Speaker's last layer is a norm; a ReLU behind it, as some copies have, brings strangers near each other."""
    assert 0.3 < (encoder.embed(WAV, RATE) < 0).mean() < 0.7


def test_a_batch_is_heard_one_by_one(encoder: Campplus) -> None:
    bands = filter_banks(soxr.resample(WAV, RATE, 16000))
    pieces = torch.stack([bands[:150], bands[150:300]])
    together = encoder(pieces)
    assert torch.allclose(together[1], encoder(pieces[1:])[0], atol=1e-5)


@pytest.mark.parametrize("samples", [0, 100, 399, 400, 400 + 160 * (MIN_FRAMES - 2)])
def test_too_little_speech_is_refused(encoder: Campplus, samples: int) -> None:
    with pytest.raises(InputError, match="too little speech"):
        encoder.embed(np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32), 16000)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"not a CAM\+\+ encoder"):
        Campplus(tmp_path / "x.safetensors")
