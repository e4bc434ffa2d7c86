"""The speaker encoder: Resemblyzer's formula exactly, and clear refusals."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from dubctl.assets import model_file
from dubctl.errors import InputError
from dubctl.speaker import MIN_SPEECH, RATE, SpeakerEncoder, cosine, speech_only


class CardEncoder(nn.Module):
    """Resemblyzer's computation as the original model card writes it down, kept apart from the code under test."""

    def __init__(self, path):
        super().__init__()
        self.lstm, self.linear = nn.LSTM(40, 256, 3, batch_first=True), nn.Linear(256, 256)
        w = load_file(path)
        self.basis = w.pop("mel_basis")
        self.load_state_dict(w)
        self.eval()

    @torch.inference_mode()
    def forward(self, wav, rate=1.3, min_coverage=0.75):
        wav = wav * max(1.0, 10 ** (-30 / 20) / float(wav.pow(2).mean().sqrt()))
        step, n = round(16000 / rate / 160), -(-(len(wav) + 1) // 160)
        starts = list(range(0, max(1, n - 160 + step + 1), step))
        if len(starts) > 1 and (len(wav) - starts[-1] * 160) / 25600 < min_coverage:
            starts.pop()
        wav = F.pad(wav, (0, max(0, (starts[-1] + 160) * 160 - len(wav))))
        s = torch.stft(wav, 400, 160, 400, torch.hann_window(400), center=True, pad_mode="constant",
                       return_complex=True)
        m = (self.basis @ s.abs() ** 2).T
        e = F.normalize(F.relu(self.linear(self.lstm(torch.stack([m[i:i + 160] for i in starts]))[1][0][-1])), dim=1)
        return F.normalize(e.mean(0), dim=0)


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return SpeakerEncoder()


@pytest.fixture(scope="module")
def card() -> CardEncoder:
    return CardEncoder(model_file("speaker-encoder", "model.safetensors"))


def vowel(f0: float, seconds: float, rate: int = RATE, formant: float = 700.0) -> np.ndarray:
    """Harmonics of f0 under one resonance: voiced enough to embed."""
    t = np.arange(int(seconds * rate)) / rate
    out = np.zeros_like(t)
    for k in range(1, int(4000 / f0)):
        out += np.exp(-(((k * f0 - formant) / 600) ** 2)) * np.sin(2 * np.pi * k * f0 * t)
    return (0.3 * out / np.abs(out).max()).astype(np.float32)


@pytest.mark.parametrize("samples", [8000, 16000, 25600, 25601, 40000, 56000, 100_000])
@pytest.mark.parametrize("gain", [0.001, 0.3])
def test_parity_with_the_cards_formula(encoder, card, samples, gain):
    wav = torch.from_numpy(np.random.default_rng(samples).normal(0, gain, samples).astype(np.float32))
    assert torch.allclose(encoder.encode(wav), card(wav), atol=2e-6)


def test_many_windows_at_once_equal_one_batch(encoder, card):
    wav = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, 16000 * 60).astype(np.float32))
    assert torch.allclose(encoder.encode(wav), card(wav), atol=2e-6)


def test_embed_is_a_unit_vector_and_knows_the_same_voice(encoder):
    low, again, high = (encoder.embed(vowel(f, s, formant=m), RATE)
                        for f, s, m in ((110, 2, 500), (110, 3, 500), (260, 2, 1100)))
    assert low.shape == (256,) and low.dtype == np.float32
    assert np.linalg.norm(low) == pytest.approx(1, abs=1e-5)
    assert cosine(low, again) > cosine(low, high) + 0.1


def test_any_rate_gives_the_same_voice(encoder):
    wav = vowel(120, 2)
    other = soxr.resample(wav, RATE, 22050)
    assert cosine(encoder.embed(wav, RATE), encoder.embed(other, 22050)) > 0.99


def test_long_pauses_do_not_change_the_voice(encoder):
    wav = vowel(120, 2)
    gap = np.zeros(3 * RATE, np.float32)
    padded = np.concatenate([gap, wav, gap])
    assert len(speech_only(padded)) < len(wav) + 0.4 * RATE
    assert cosine(encoder.embed(wav, RATE), encoder.embed(padded, RATE)) > 0.97


def test_short_pauses_stay():
    wav = vowel(120, 1)
    joined = np.concatenate([wav, np.zeros(int(0.2 * RATE), np.float32), wav])
    assert len(speech_only(joined)) == len(joined)


@pytest.mark.parametrize("wav, words", [
    (vowel(120, 0.2), "0.20 s of speech"),
    (np.zeros(0, np.float32), "0.00 s of speech"),
    (np.zeros(RATE, np.float32), "of speech"),
    (np.full(RATE, np.nan, np.float32), "not finite"),
    (np.zeros((2, RATE), np.float32), "mono"),
])
def test_unusable_recordings_are_refused_in_one_line(encoder, wav, words):
    with pytest.raises(InputError, match=words) as caught:
        encoder.embed(wav, RATE)
    assert "\n" not in caught.value.message


def test_a_short_clip_is_told_what_to_do(encoder):
    with pytest.raises(InputError) as caught:
        encoder.embed(vowel(120, MIN_SPEECH - 0.1), RATE)
    assert "seconds" in caught.value.hint


def test_other_weights_are_refused(tmp_path):
    wrong = tmp_path / "model.safetensors"
    wrong.write_bytes(b"not weights")
    with pytest.raises(InputError, match="not a speaker encoder"):
        SpeakerEncoder(wrong)
