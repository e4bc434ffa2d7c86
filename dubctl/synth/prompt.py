"""The timbre prompt: trimmed, levelled, checked, and read into what the synthesizer is conditioned on."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch

from dubctl.campplus import Campplus
from dubctl.media.audio import resample
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.pitch import f0_track, mean_log_f0
from dubctl.synth.prompt_check import PromptQuality, prepare, refuse_noise

MEL_FRAMES = 260  # the style attention's share of the prompt: three seconds, as in training


@dataclass(frozen=True)
class Prompt:
    """dvector (256,) unit, mean ln F0 (`voiced` False: a guess, nothing voiced was found), mel (P, 80), seconds,
    and what the recording measures. The d-vector is of all its speech, the mel of the middle three seconds.

    speech: the recording (S,) at 22,050 Hz as it was read. What the sound follows and how the line is read does not:
    asked, the d-vector in the place of the prompt's own; lean (C,), added to what the network makes of it (its voice
    condition); raised, what a direction adds to the mean ln F0.
    """

    dvector: np.ndarray
    log_f0: float
    mel: np.ndarray
    seconds: float
    voiced: bool
    quality: PromptQuality | None = None
    speech: np.ndarray | None = None
    asked: np.ndarray | None = None
    lean: np.ndarray | None = None
    raised: float = 0.0

    @functools.cached_property
    def campplus(self) -> np.ndarray | None:
        """Unit vector (192,) of the speech by CAM++; heard when it is first asked for."""
        return None if self.speech is None else second_encoder().embed(self.speech, RATE)

    @property
    def sought(self) -> np.ndarray:
        """The d-vector (256,) that the sound is asked for."""
        return self.dvector if self.asked is None else self.asked


@functools.lru_cache(maxsize=1)
@torch.inference_mode(False)  # whoever asks first: weights made in that mode have no slope in a rehearsal
def speaker_encoder() -> SpeakerEncoder:
    """The shipped GE2E encoder, loaded once."""
    return SpeakerEncoder().eval()


@functools.lru_cache(maxsize=1)
@torch.inference_mode(False)
def second_encoder() -> Campplus:
    """The shipped CAM++ encoder, loaded once."""
    return Campplus()


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
                  mel[start: start + MEL_FRAMES], quality.seconds, log_f0 is not None, quality,
                  audio)
