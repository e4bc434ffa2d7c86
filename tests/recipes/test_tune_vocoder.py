"""Tuning the vocoder: crops of sound belong to their mels, narrow recordings are judged without what they lack."""

import io
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import soundfile as sf
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

import tune_vocoder as tune

from dubctl.media.mel import HOP, RATE


@pytest.fixture()
def snippets(tmp_path):
    """Two recordings whose sound and made mels count the frames; the second was recorded at 16 kHz."""
    frames, flac = np.arange(50, dtype=np.float32) / 50, []
    for _ in range(2):
        sink = io.BytesIO()
        sf.write(sink, np.repeat(frames, HOP), RATE, format="FLAC", subtype="PCM_16")
        flac.append(np.frombuffer(sink.getvalue(), np.uint8))
    mels = [np.repeat(frames[:, None] - 1, 80, 1), np.repeat(frames[:, None] - 2, 80, 1)]
    np.savez(tmp_path / "s.npz", flac=np.concatenate(flac), bytes=[len(f) for f in flac], narrow=[False, True],
             **tune.pictures("made", mels, tune.STEP))
    return tune.Snippets(tmp_path / "s.npz", torch.device("cpu"))


def test_a_crop_of_sound_lies_where_its_mel_lies(snippets):
    torch.manual_seed(0)
    mel, wav, narrow = snippets.draw(32)
    assert mel.shape == (32, tune.CROP, 80) and wav.shape == (32, tune.CROP * HOP)
    heard = wav.view(32, tune.CROP, HOP).mean(2) - 1.0 - narrow[:, None].float()
    made = (mel[..., 0] - heard).abs().amax(1) < 0.05
    assert 0.6 < made.float().mean() < 1.0  # the others are recordings' own mels
    assert len(mel[made, 0, 0].unique()) > 3  # at places of all sorts


def test_a_vocoder_goes_the_asked_share_of_the_way_to_what_was_tuned(tmp_path):
    ships = tune.hifigan().state_dict()
    tune.save({n: t + 0.5 for n, t in ships.items()}, Namespace(out=tmp_path / "t.pt"))
    found = tune.on_the_way(torch.load(tmp_path / "t.pt"), 0.5).state_dict()
    for name, value in ships.items():
        assert torch.allclose(found[name], value + 0.25, atol=2e-3), name


def test_what_is_written_speaks_and_is_named_as_what_ships(tmp_path):
    pytest.importorskip("onnx", reason="only the recipe needs onnx")
    tune.save(tune.hifigan().state_dict(), Namespace(out=tmp_path / "t.pt"))
    tune.export(Namespace(checkpoint=tmp_path / "t.pt", out=tmp_path / "v", share=1.0))
    shipped = load_file(tune.TEACHER / "model.safetensors")
    written = load_file(tmp_path / "v" / "model.safetensors")
    assert {n: t.shape for n, t in written.items()} == {n: t.shape for n, t in shipped.items()}
    mel = np.zeros((1, 12, 80), np.float32)
    assert ort.InferenceSession(tmp_path / "v" / "model.onnx").run(None, {"mel": mel})[0].shape == (1, 12 * HOP)


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
