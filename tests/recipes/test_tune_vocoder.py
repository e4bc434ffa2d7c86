"""Tuning the vocoder: crops of sound belong to their mels, narrow recordings are judged without what they lack."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

import tune_vocoder as tune

from dubctl.media.mel import HOP, RATE
from tests.training.test_training import items


@pytest.fixture()
def snippets(tmp_path):
    """Two items whose sound and mels count the frames; the second was recorded at 16 kHz."""
    found, made, flac = items(2), {}, []
    for number, item in enumerate(found):
        frames = np.arange(60, dtype=np.float32) / 100
        item.features.mel = np.repeat(frames[:, None], 80, 1).astype(np.float16)
        made[number] = torch.from_numpy(np.repeat(frames[:, None], 80, 1))
        sink = io.BytesIO()
        sf.write(sink, np.repeat(frames[5:55], HOP), RATE, format="FLAC", subtype="PCM_16")
        flac.append(np.frombuffer(sink.getvalue(), np.uint8))
    np.savez(tmp_path / "s.npz", flac=np.concatenate(flac), bytes=[len(f) for f in flac], item=[0, 1], first=[5, 5],
             narrow=[False, True])
    return tune.Snippets(tmp_path / "s.npz", made, found, torch.device("cpu"))


def test_a_crop_of_sound_lies_where_its_mel_lies(snippets):
    torch.manual_seed(0)
    mel, wav, _ = snippets.draw(16)
    assert mel.shape == (16, tune.CROP, 80) and wav.shape == (16, tune.CROP * HOP)
    assert torch.allclose(wav.view(16, tune.CROP, HOP).mean(2), mel[..., 0], atol=2e-3)
    assert len(mel[:, 0, 0].unique()) > 3  # at places of all sorts


@pytest.mark.parametrize("hertz, kept", [(1000, True), (9500, False)])
def test_of_a_narrow_recording_only_the_lower_band_is_judged(snippets, hertz, kept):
    tone = torch.sin(2 * torch.pi * hertz * torch.arange(4096) / RATE).expand(2, -1)
    wide, narrow = snippets.heard(tone, torch.tensor([False, True]))
    assert torch.equal(wide, tone[0])
    level = float(narrow[200:-200].std() / tone[0].std())
    assert level > 0.98 if kept else level < 0.01


def test_every_critic_judges_sound_of_any_length_and_learns_from_it():
    for length in (tune.CROP * HOP, 5000):
        wav = torch.randn(2, length, requires_grad=True)
        scores = [critic(wav)[-1] for critic in tune.critics()]
        sum(s.square().mean() for s in scores).backward()
        assert len(scores) == 8 and bool(wav.grad.abs().sum() > 0)
