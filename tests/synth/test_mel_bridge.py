"""What GE2E hears in a mel is what it hears in the sound, and short sounds are heard too."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.mel_bridge import MelBridge, MelEar

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"


@pytest.fixture(scope="module")
def ear() -> MelEar:
    encoder = SpeakerEncoder()
    return MelEar(encoder, MelBridge(encoder.basis))


@pytest.fixture(scope="module")
def wav() -> np.ndarray:
    recording = load_audio(VOICE, RATE)
    return recording * (0.9 / np.abs(recording).max())


def test_a_mel_is_heard_as_its_sound_is_and_the_learned_part_helps(ear: MelEar, wav: np.ndarray) -> None:
    mel, heard = mel_spectrogram(torch.from_numpy(wav)), SpeakerEncoder().embed(wav, RATE)
    bridged = ear(mel).detach().numpy()
    assert np.linalg.norm(bridged) == pytest.approx(1, abs=1e-4)
    rough = MelEar(ear.encoder, MelBridge(ear.encoder.basis, ""))
    assert bridged @ heard > max(0.94, rough(mel).detach().numpy() @ heard)


@pytest.mark.parametrize("frames", [2, 30, 137, 138, 139, 400])
def test_any_length_is_heard_and_has_a_slope(ear: MelEar, wav: np.ndarray, frames: int) -> None:
    mel = mel_spectrogram(torch.from_numpy(wav))
    mel = mel.repeat(1 + frames // len(mel), 1)[:frames].clone().requires_grad_()
    heard = ear(mel)
    (slope,) = torch.autograd.grad(heard.sum(), mel)
    assert heard.shape == (256,) and torch.isfinite(slope).all() and float(slope.abs().max()) > 0
