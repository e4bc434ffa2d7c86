"""The speaker terms hear what the GE2E encoder hears, and their gradient moves a mel towards the voice asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.prompt import second_encoder
from dubctl.training.speaker_loss import CROP, SpeakerLoss

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"


@pytest.fixture(scope="module")
def loss() -> SpeakerLoss:
    return SpeakerLoss()


@pytest.fixture(scope="module")
def speech() -> tuple[torch.Tensor, torch.Tensor]:
    """Mel (1, T, 80) of a real voice and its d-vector (1, 256)."""
    wav = load_audio(VOICE, RATE)
    wav = wav * (0.9 / np.abs(wav).max())
    return mel_spectrogram(torch.from_numpy(wav))[None], torch.from_numpy(SpeakerEncoder().embed(wav, RATE))[None]


def test_a_real_mel_is_heard_as_its_recording_is(loss: SpeakerLoss, speech: tuple[torch.Tensor, torch.Tensor]) -> None:
    mel, voice = speech
    torch.manual_seed(0)
    windows = torch.cat([loss.heard(mel, torch.tensor([mel.shape[1]])) for _ in range(4)])
    mean = torch.nn.functional.normalize(windows.mean(0), dim=0)
    assert float(mean @ voice[0]) > 0.92


def test_frames_past_the_end_do_not_count(loss: SpeakerLoss, speech: tuple[torch.Tensor, torch.Tensor]) -> None:
    mel = speech[0][:, :100]
    padded = torch.cat([mel, torch.randn(1, 300, 80)], 1)
    short = loss.heard(mel, torch.tensor([100]))
    assert torch.allclose(short, loss.heard(padded, torch.tensor([100])), atol=1e-5)


def test_its_gradient_moves_a_mel_towards_the_voice(loss: SpeakerLoss,
                                                    speech: tuple[torch.Tensor, torch.Tensor]) -> None:
    mel, voice = speech[0][:, :CROP].clone(), speech[1]
    asked = torch.nn.functional.normalize(voice.flip(1), dim=1)  # nobody's voice, far from the recording's
    mel.requires_grad_(True)
    before = loss(mel, torch.tensor([CROP]), asked, ["a"])["speaker"]
    (gradient,) = torch.autograd.grad(before, mel)
    after = loss(mel - 2.0 * gradient / gradient.norm(), torch.tensor([CROP]), asked, ["a"])["speaker"]
    assert float(after.detach()) < float(before.detach())


def test_contrast_wants_the_right_voice_and_ignores_the_same_speaker(loss: SpeakerLoss) -> None:
    mel = torch.randn(3, CROP, 80) - 5
    frames = torch.full((3,), CROP)
    own = loss.heard(mel, frames)
    right = loss(mel, frames, own, ["a", "b", "c"])
    wrong = loss(mel, frames, own.roll(1, 0), ["a", "b", "c"])
    assert float(right["contrast"]) < float(wrong["contrast"])
    alone = loss(mel, frames, own, ["a", "a", "a"])
    assert float(alone["contrast"]) == pytest.approx(0, abs=1e-6)


def test_a_word_alone_counts_by_the_share_of_the_window_it_fills(loss: SpeakerLoss) -> None:
    mel, asked = torch.randn(1, CROP, 80) - 5, torch.nn.functional.normalize(torch.rand(1, 256))
    for frames in (CROP // 4, CROP // 2, CROP):
        told = loss(mel, torch.tensor([frames]), asked, ["a"])
        missed = 1 - float((loss.heard(mel, torch.tensor([frames])) * asked).sum())
        assert float(told["speaker"]) == pytest.approx(missed * frames / CROP, rel=1e-4)


def test_campplus_hears_whose_mel_it_is_and_moves_it(loss: SpeakerLoss,
                                                     speech: tuple[torch.Tensor, torch.Tensor]) -> None:
    mel = speech[0].clone().requires_grad_(True)
    frames = torch.tensor([mel.shape[1]])
    wav = load_audio(VOICE, RATE)
    own = torch.from_numpy(second_encoder().embed(wav, RATE))[None]
    def unlike(mel: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return loss.second(mel, frames, asked)
    assert float(unlike(mel.detach(), own)) < 0.5 < float(unlike(mel.detach(), own.flip(1)))
    before = unlike(mel, own.flip(1))
    (gradient,) = torch.autograd.grad(before, mel)
    assert float(unlike(mel - 2.0 * gradient / gradient.norm(), own.flip(1)).detach()) < float(before.detach())


def test_campplus_counts_a_word_alone_by_the_share_it_fills(loss: SpeakerLoss) -> None:
    mel, asked = torch.randn(1, 40, 80) - 5, torch.zeros(1, 192)
    assert float(loss.second(mel, torch.tensor([40]), asked)) == pytest.approx(40 / CROP)
    assert float(loss.second(mel[:, :2], torch.tensor([1]), asked)) == pytest.approx(1 / CROP)
