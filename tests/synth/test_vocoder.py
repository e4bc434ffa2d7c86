"""The two shipped vocoders: lengths, silence, and that `lite` sounds like what it was made of."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.media.audio import load_audio
from dubctl.media.mel import HOP, RATE, mel_spectrogram
from dubctl.synth.vocoder import DEFAULT, SHIPPED, ShippedVocoder

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"


@pytest.fixture(scope="module")
def mel() -> np.ndarray:
    return mel_spectrogram(torch.from_numpy(load_audio(VOICE, RATE)[: 2 * RATE])).numpy()


@pytest.mark.parametrize("name", SHIPPED)
def test_each_frame_is_256_samples(name, mel):
    vocoder = ShippedVocoder(name, threads=1)
    for frames in (0, 1, 7, 100):
        wav = vocoder(mel[:frames])
        assert wav.shape == (frames * HOP,) and wav.dtype == np.float32 and np.abs(wav).max(initial=0) <= 1
    assert vocoder.weights.is_file() and DEFAULT in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recording_is_still_itself(name, mel):
    made = ShippedVocoder(name, threads=1)(mel)
    again = mel_spectrogram(torch.from_numpy(made)).numpy()[: len(mel)]
    loud = mel > mel.max() - 6  # natural log: within 52 dB of the loudest
    assert np.abs(again - mel[: len(again)])[loud[: len(again)]].mean() < 0.6
    assert np.corrcoef(again.ravel(), mel[: len(again)].ravel())[0, 1] > 0.93


@pytest.mark.parametrize("name", SHIPPED)
def test_silence_stays_silent(name):
    wav = ShippedVocoder(name, threads=1)(np.full((40, 80), np.log(1e-5), np.float32))
    assert np.abs(wav).max() < 0.02


def test_lite_is_the_same_vocoder_but_for_rounding(mel):
    full, rounded = (ShippedVocoder(name, threads=1)(mel) for name in ("hifigan", "lite"))
    noise = float(np.mean((rounded - full) ** 2) / np.mean(full**2))
    assert noise < 0.05  # -13 dB; it was 0.13 of another network of this name
