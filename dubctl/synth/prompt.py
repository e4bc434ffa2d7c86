"""The timbre prompt: trimmed, levelled, checked, and read into what the synthesizer is conditioned on."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch

from dubctl.media.audio import resample
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.pitch import f0_track, mean_log_f0
from dubctl.synth.prompt_check import PromptQuality, prepare, refuse_noise

MEL_FRAMES = 260  # the style attention's share of the prompt: three seconds, as in training


@dataclass(frozen=True)
class Prompt:
    """dvector (256,) unit, mean ln F0 (`voiced` False: a guess, nothing voiced was found), mel (P, 80), seconds,
    and what the recording measures. The d-vector is of all its speech, the mel of the middle three seconds."""

    dvector: np.ndarray
    log_f0: float
    mel: np.ndarray
    seconds: float
    voiced: bool
    quality: PromptQuality | None = None


@functools.lru_cache(maxsize=1)
def speaker_encoder() -> SpeakerEncoder:
    """The shipped GE2E encoder, loaded once."""
    return SpeakerEncoder().eval()


def read_prompt(wav: np.ndarray, rate: int) -> Prompt:
    """Read a prompt (S,) of any rate: ends without speech cut, at most 30 s of it, peak set to 0.9.

    Raises:
        InputError: silent, under 0.6 s of speech, clipped beyond use, or nothing but noise.
    """
    audio, quality = prepare(resample(np.asarray(wav, np.float32), rate, RATE))
    audio = audio * (0.9 / float(np.abs(audio).max()))
    mel = mel_spectrogram(torch.from_numpy(audio)).numpy()
    log_f0 = mean_log_f0(f0_track(audio, len(mel)))
    refuse_noise(quality, log_f0 is not None)
    start = max(0, (len(mel) - MEL_FRAMES) // 2)
    return Prompt(speaker_encoder().embed(audio, RATE), 5.1 if log_f0 is None else log_f0,
                  mel[start: start + MEL_FRAMES], quality.seconds, log_f0 is not None, quality)
