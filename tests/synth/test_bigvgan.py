"""BigVGAN on tiny checkpoints in NVIDIA's files, and against another implementation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.errors import DependencyError
from dubctl.media.mel import mel_spectrogram
from dubctl.synth.bigvgan import BigVgan, BigVganConfig, Generator, plain_weights
from tests.emotion.paper import tiny

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BigVgan:
    return BigVgan(str(tiny.bigvgan(tmp_path_factory.mktemp("bigvgan"))))


def test_the_generator_is_the_one_of_transformers() -> None:
    from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniBigVGANConfig
    from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniToken2WavBigVGANModel

    sizes = {"upsample_initial_channel": 16, "resblock_kernel_sizes": [3, 7], "upsample_rates": [4, 2],
             "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5]], "upsample_kernel_sizes": [8, 4]}
    torch.manual_seed(0)
    other = Qwen2_5OmniToken2WavBigVGANModel(Qwen2_5OmniBigVGANConfig(mel_dim=80, **sizes)).eval()
    for value in other.parameters():
        value.data.normal_(0, 0.05)
    other.process_mel_spectrogram = lambda mel: mel  # its own scaling of mels is not BigVGAN's
    ours = Generator(BigVganConfig.from_json({"hop_size": 8, "use_bias_at_final": False, "use_tanh_at_final": False,
                                              **sizes})).eval()
    ours.load_state_dict(plain_weights(other.state_dict()))
    mel = torch.randn(2, 80, 12)
    with torch.no_grad():
        wanted, got = other(mel), ours(mel)
    assert wanted.abs().max() > 1e-3 and wanted.abs().mean() < 0.9
    torch.testing.assert_close(got.reshape(wanted.shape), wanted, atol=1e-5, rtol=1e-4)


def test_weight_norm_is_folded_in(tmp_path: Path, small: BigVgan) -> None:
    stored = torch.load(small.path, weights_only=True)["generator"]
    folded = plain_weights({"generator": stored})
    gain, direction = stored["ups.0.0.weight_g"], stored["ups.0.0.weight_v"]
    wanted = torch._weight_norm(direction, gain, 0)
    torch.testing.assert_close(folded["ups.0.0.weight"], wanted)
    assert not any(name.endswith(("_g", "_v", ".filter")) for name in folded)


def test_samples_a_frame_and_range(small: BigVgan) -> None:
    wav = small(RNG.normal(-5, 2, (7, 80)).astype(np.float32))
    assert wav.shape == (7 * 256,) and wav.dtype == np.float32
    assert np.isfinite(wav).all() and 0 < np.abs(wav).max() <= 1
    assert small(np.zeros((0, 80), np.float32)).shape == (0,) and small.fits_voices()


def test_its_mel_is_ours_at_22_khz(small: BigVgan) -> None:
    wav = RNG.normal(0, 0.1, 6000).astype(np.float32)
    np.testing.assert_allclose(small.mel(wav), mel_spectrogram(torch.from_numpy(wav)).numpy(), atol=1e-4)


def test_the_papers_44_khz_vocoder_measures_its_own_mel_and_refuses_ours(tmp_path: Path) -> None:
    vocoder = BigVgan(str(tiny.bigvgan(tmp_path, bands=128, rate=44100, fmax=None)))
    mel = vocoder.mel(RNG.normal(0, 0.1, 5000).astype(np.float32))
    assert mel.shape == (5000 // 256, 128) and vocoder(mel).shape == (19 * 256,) and not vocoder.fits_voices()
    with pytest.raises(DependencyError, match="128 bands at 44100 Hz, this one has 80"):
        vocoder(np.zeros((4, 80), np.float32))


def test_a_configuration_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    tiny.bigvgan(tmp_path)
    table = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(table | {"upsample_rates": [4, 4, 4, 2]}))
    with pytest.raises(DependencyError, match="is no BigVGAN generator.*128 samples a frame"):
        BigVgan(str(tmp_path))
