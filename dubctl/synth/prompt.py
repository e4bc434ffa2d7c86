"""The timbre prompt: trimmed, levelled, checked, and read into what the synthesizer is conditioned on."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch

from dubctl.errors import InputError
from dubctl.media.audio import resample
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.media.silence import trim_silence
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.pitch import f0_track, mean_log_f0

SHORTEST = 0.6  # seconds of speech: below it neither GE2E nor mean F0 names a voice
MEL_FRAMES = 260  # the style attention's share of the prompt: three seconds, as in training


@dataclass(frozen=True)
class Prompt:
    """dvector (256,) unit, mean ln F0 (`voiced` False: a guess, nothing voiced was found), mel (P, 80), seconds."""

    dvector: np.ndarray
    log_f0: float
    mel: np.ndarray
    seconds: float
    voiced: bool


@functools.lru_cache(maxsize=1)
def _encoder() -> SpeakerEncoder:
    return SpeakerEncoder().eval()


def read_prompt(wav: np.ndarray, rate: int) -> Prompt:
    """Read a prompt (S,) of any rate: silence at the ends cut, peak set to 0.9.

    Raises:
        InputError: silent, or under 0.6 s of speech.
    """
    audio = trim_silence(resample(np.asarray(wav, np.float32), rate, RATE))
    if len(audio) == 0 or not np.isfinite(audio).all() or float(np.abs(audio).max()) < 1e-4:
        raise InputError("the voice prompt is silent", "record a few seconds of the voice, close to the microphone")
    seconds = len(audio) / RATE
    if seconds < SHORTEST:
        raise InputError(f"the voice prompt holds {seconds:.2f} s of speech; at least {SHORTEST} s are needed",
                         "3 to 10 seconds work best")
    audio = audio * (0.9 / float(np.abs(audio).max()))
    mel = mel_spectrogram(torch.from_numpy(audio)).numpy()
    log_f0 = mean_log_f0(f0_track(audio, len(mel)))
    start = max(0, (len(mel) - MEL_FRAMES) // 2)
    return Prompt(_encoder().embed(audio, RATE), 5.1 if log_f0 is None else log_f0, mel[start: start + MEL_FRAMES],
                  seconds, log_f0 is not None)
