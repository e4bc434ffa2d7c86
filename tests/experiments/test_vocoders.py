"""What an experiment speaks through, and recordings through it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.errors import DependencyError
from dubctl.experiments.vocoders import load_speaker
from dubctl.media.audio import load_audio
from dubctl.media.mel import mel_spectrogram
from dubctl.synth.bigvgan import BigVganConfig, Generator
from tests.emotion.paper import tiny

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"


@pytest.mark.parametrize(("name", "near"), [("hifigan", 0.35), ("lite", 0.55)])
def test_a_recording_through_a_shipped_vocoder_stays_what_it_was(name: str, near: float) -> None:
    speaker, wav = load_speaker(name, "cpu"), load_audio(VOICE, 22050)
    copied = speaker.copy(VOICE)
    assert copied.shape == wav.shape and speaker.rate == 22050 and speaker.for_voices() is speaker.vocoder
    mels = [mel_spectrogram(torch.from_numpy(sound)).numpy() for sound in (wav, copied, wav[::-1].copy())]
    same, other = (float(np.abs(mels[0] - mel).mean()) for mel in mels[1:])
    assert same < near < other, "as near as it comes, and nearer than the same sounds in another order"


def test_the_44_khz_vocoder_copies_at_its_own_rate_and_is_refused_a_voice(tmp_path: Path) -> None:
    speaker = load_speaker(str(tiny.bigvgan(tmp_path, bands=128, rate=44100, fmax=None)), "cpu")
    wav = load_audio(VOICE, 44100)
    assert speaker.rate == 44100 and speaker.mel(wav).shape == (len(wav) // 256, 128)
    assert speaker.copy(VOICE).shape == wav.shape and np.abs(speaker.copy(VOICE)).max() <= 1
    with pytest.raises(DependencyError, match="reads 128 bands at 44100 Hz; voices make 80 at 22050 Hz") as caught:
        speaker.for_voices()
    assert "bigvgan-22k" in caught.value.hint and "resynthesis" in caught.value.hint


@pytest.mark.parametrize(("bands", "rate", "fmax"), [(80, 22050, 8000.0), (128, 44100, None)])
def test_the_released_generators_have_112_million_weights(bands: int, rate: int, fmax: float | None) -> None:
    """NVIDIA's table of checkpoints says 112M for either; built without memory, from their sizes alone."""
    with torch.device("meta"):
        net = Generator(BigVganConfig(num_mels=bands, sampling_rate=rate, fmax=fmax))
    assert sum(value.numel() for value in net.parameters()) // 10**6 == 112
