"""Recordings without their background, where RNNoise is installed (a need of the recipes only)."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

pytest.importorskip("pyrnnoise")
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "models" / "recipes"))

from quiet_recordings import quiet  # noqa: E402

WAV, RATE = sf.read(ROOT / "examples" / "voice.wav", dtype="float32")


def level(wav):
    return 10 * np.log10(np.square(wav).mean() + 1e-12)


def test_the_noise_goes_and_the_speech_stays_where_it_was():
    draw = np.random.default_rng(0)
    silence = np.zeros(RATE, np.float32)
    noisy = np.concatenate([silence, WAV, silence]) + 0.01 * draw.standard_normal(len(WAV) + 2 * RATE, np.float32)
    heard = quiet(noisy, RATE)
    assert len(heard) == len(noisy) and heard.dtype == np.float32
    assert level(heard[-RATE // 2:]) < level(noisy[-RATE // 2:]) - 15
    speech = slice(RATE, RATE + len(WAV))
    assert abs(level(heard[speech]) - level(WAV)) < 1.5
    assert np.corrcoef(heard[speech], WAV)[0, 1] > 0.9  # not late
