"""The recipes of CAM++: a checkpoint in half the bytes, and a bridge that steps teach."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

from convert_campplus import halved
from train_kaldi_bridge import WINDOW, pair, teach, windows

from dubctl.campplus import Campplus
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.synth.kaldi_bridge import KaldiBridge

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"


@pytest.fixture(scope="module")
def pairs():
    wav = load_audio(VOICE, RATE)
    wav = wav * (0.9 / np.abs(wav).max())
    return [pair(mel_spectrogram(torch.from_numpy(part)), part) for part in (wav[:RATE], wav)]


def test_windows_of_both_are_of_the_same_place(pairs):
    made, real = windows(KaldiBridge(""), pairs, np.random.default_rng(0))
    assert made.shape == real.shape == (2, WINDOW, 80)
    for guess, true in zip(made.detach().mean(2), real.mean(2), strict=True):
        assert np.corrcoef(guess, true)[0, 1] > 0.9


def test_steps_teach_and_tell_how_they_are_heard(pairs, capsys):
    bridge, encoder = KaldiBridge(""), Campplus()

    def loss():
        made, real = windows(bridge, pairs, np.random.default_rng(1))
        return float((made - real).abs().mean().detach())

    before = loss()
    teach(bridge, encoder, pairs, 12, 8, np.random.default_rng(0), pairs)
    assert loss() < before
    assert "held-out cosine 0." in capsys.readouterr().out


def test_counts_of_training_steps_are_left_out():
    kept = halved({"a.weight": torch.ones(2, 3).T, "a.num_batches_tracked": torch.tensor(7)})
    assert list(kept) == ["a.weight"] and kept["a.weight"].dtype == torch.float16 and kept["a.weight"].is_contiguous()
