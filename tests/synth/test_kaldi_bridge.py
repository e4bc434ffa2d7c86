"""What CAM++ hears in a mel is what it hears in the sound, at the same times."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.campplus import Campplus, filter_banks
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.speaker import to_16k
from dubctl.synth.kaldi_bridge import KaldiBridge, KaldiEar, heard_frames

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"


@pytest.fixture(scope="module")
def wav() -> np.ndarray:
    recording = load_audio(VOICE, RATE)
    return recording * (0.9 / np.abs(recording).max())


@pytest.fixture(scope="module")
def encoder() -> Campplus:
    return Campplus()


def test_the_bands_lie_on_those_of_the_sound(wav: np.ndarray) -> None:
    mel, true = mel_spectrogram(torch.from_numpy(wav)), filter_banks(to_16k(wav, RATE))
    assert heard_frames(len(mel)) == pytest.approx(len(true), abs=2)
    bands = KaldiBridge("")(mel[None], len(true))[0].detach().numpy()
    loud = true.mean(1) > true.mean()
    assert abs(np.median(bands[loud] - true.numpy()[loud])) < 0.5
    level, heard = bands.mean(1), true.mean(1).numpy()
    lags = [np.corrcoef(np.roll(level, lag)[8:-8], heard[8:-8])[0, 1] for lag in (-2, 0, 2)]
    assert lags[1] == max(lags) > 0.9


def test_a_mel_is_heard_as_its_sound_is_and_the_learned_part_helps(encoder: Campplus, wav: np.ndarray) -> None:
    mel = mel_spectrogram(torch.from_numpy(wav))
    heard = encoder(filter_banks(to_16k(wav, RATE))[None])[0]
    with torch.no_grad():
        bridged, rough = (KaldiEar(encoder, bridge)(mel) for bridge in (KaldiBridge(), KaldiBridge("")))
    assert float(bridged @ heard) > max(0.7, float(rough @ heard))


@pytest.mark.parametrize("frames", [2, 10, 116, 117, 400])
def test_any_length_is_heard_and_has_a_slope(encoder: Campplus, wav: np.ndarray, frames: int) -> None:
    mel = mel_spectrogram(torch.from_numpy(wav))[:frames].clone().requires_grad_()
    heard = KaldiEar(encoder, KaldiBridge())(mel)
    (slope,) = torch.autograd.grad(heard.sum(), mel)
    assert heard.shape == (192,) and torch.isfinite(slope).all() and float(slope.abs().max()) > 0
