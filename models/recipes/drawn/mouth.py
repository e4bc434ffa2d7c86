"""When a line's phonemes sound, and what the mouth does: alignment -> visemes -> opening and width per picture.

The shipped voice's alignment encoder places phonemes in a recording (`dubctl.synth.alignment`); the visemes are those
of `dubctl.training.visemes`. Loud vowels open the mouth wider; p, b and m shut it however loud.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dubctl.media.mel import FRAMES_PER_SECOND, HOP, mel_spectrogram
from dubctl.synth.alignment import beta_binomial_prior, monotonic_search
from dubctl.synth.model import Synthesizer
from dubctl.synth.symbols import Tokens
from dubctl.synth.voice import load_folder
from dubctl.training.visemes import viseme_table

FPS = 25.0
REST_WIDTH, ROUNDING = 0.56, 0.085  # face units: a resting mouth's width, and how far visemes change it
OPEN = 0.27  # face units between the lips of a plain, loud open vowel
BLUR = 0.032  # seconds: neighbouring sounds blur into each other on the lips (standard deviation)
LEAD = 0.03  # seconds: the mouth is there before the sound


@dataclass(frozen=True)
class Mouth:
    """A mouth through a clip at 25 fps: opening and width (N,) in face units, loudness (N,) 0..1."""

    opening: np.ndarray
    width: np.ndarray
    loudness: np.ndarray


class MouthReader:
    """Places phonemes in recordings. Loads the shipped voice's aligner once."""

    def __init__(self) -> None:
        model, _ = load_folder(None)
        self._model: Synthesizer = model.eval()

    @torch.inference_mode()
    def durations(self, wav: np.ndarray, tokens: Tokens) -> np.ndarray:
        """Mel frames (L,) of each token in a recording (S,) at 22,050 Hz; their sum is the recording's mel length.

        Raises:
            ValueError: fewer mel frames than tokens.
        """
        mel = mel_spectrogram(torch.from_numpy(wav))[None]
        if mel.shape[1] < len(tokens):
            raise ValueError(f"{len(tokens)} sounds in {mel.shape[1]} frames")
        phones, stress = torch.tensor([tokens.phones]), torch.tensor([tokens.stress])
        mask, mel_mask = torch.ones_like(phones, dtype=torch.bool), torch.ones(mel.shape[:2], dtype=torch.bool)
        prior = beta_binomial_prior(mel.shape[1], len(tokens)).float()[None]
        score, _ = self._model.alignment(self._model.aligner.embed(phones, stress), mask, mel, mel_mask, prior)
        found = monotonic_search(score, torch.tensor([len(tokens)]), torch.tensor([mel.shape[1]]))
        return found[0].numpy()

    def read(self, wav: np.ndarray, tokens: Tokens, before: float, frames: int) -> Mouth:
        """The mouth of a clip of `frames` pictures whose speech starts `before` seconds after the first."""
        return mouth_of(wav, tokens, self.durations(wav, tokens), before, frames)


def mouth_of(wav: np.ndarray, tokens: Tokens, durations: np.ndarray, before: float, frames: int) -> Mouth:
    """As `MouthReader.read`, from known durations (L,) in mel frames."""
    visemes = np.repeat(viseme_table()[np.array(tokens.phones)], durations, 0).astype(np.float64)
    loud = _loudness(wav, len(visemes))
    visemes[:, 0] = np.where(visemes[:, 0] < 0.05, 0.0, visemes[:, 0]) * (0.35 + 0.85 * loud)
    reach = BLUR * FRAMES_PER_SECOND
    taps = np.arange(-round(4 * reach), round(4 * reach) + 1)
    kernel = np.exp(-0.5 * (taps / reach) ** 2)
    rest = np.zeros((round((before + 1) * FRAMES_PER_SECOND), 2))  # the mouth is shut before the line and after it
    track = np.concatenate([rest, visemes, rest])
    smooth = np.stack([np.convolve(track[:, i], kernel / kernel.sum(), "same") for i in range(2)], 1)
    times = (np.arange(frames) + 0.5) / FPS - before + LEAD
    at = times * FRAMES_PER_SECOND + len(rest)
    opening, width = (np.interp(at, np.arange(len(smooth)), smooth[:, i], 0, 0) for i in range(2))
    level = np.interp(at - len(rest), np.arange(len(loud)), loud, 0, 0)
    return Mouth(OPEN * opening, REST_WIDTH + ROUNDING * width, level)


def _loudness(wav: np.ndarray, frames: int) -> np.ndarray:
    """Level (frames,) of each mel frame, 0 (25 dB under the loud parts) .. 1."""
    padded = np.pad(wav.astype(np.float64), (0, max(0, frames * HOP - len(wav))))[:frames * HOP]
    level = 10 * np.log10((padded.reshape(frames, HOP) ** 2).mean(1) + 1e-10)
    level = np.convolve(np.pad(level, 2, "edge"), np.ones(5) / 5, "valid")
    return np.clip((level - np.percentile(level, 95) + 25) / 25, 0, 1)
