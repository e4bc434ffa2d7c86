"""When a line's phonemes sound, and what the mouth does: alignment -> visemes -> opening and width per picture.

The shipped voice's alignment encoder places phonemes in a recording (`dubctl.synth.alignment`); the visemes are those
of `dubctl.training.visemes`. Loud vowels open the mouth wider; p, b and m shut it however loud.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dubctl.media.mel import FRAMES_PER_SECOND, HOP, mel_spectrogram
from dubctl.media.silence import speech_span
from dubctl.synth.alignment import beta_binomial_prior, monotonic_search
from dubctl.synth.model import Synthesizer
from dubctl.synth.symbols import INDEX, VOWELS, Tokens
from dubctl.synth.voice_files import load_folder
from dubctl.training.visemes import viseme_table

FPS = 25.0
FIRST_SOUND = INDEX[VOWELS[0]]  # symbols before it are silences
REST_WIDTH, ROUNDING = 0.56, 0.085  # face units: a resting mouth's width, and how far visemes change it
OPEN = 0.27  # face units between the lips of a plain, loud open vowel
BLUR = 0.032  # seconds: neighbouring sounds blur into each other on the lips (standard deviation)
IDLE = 0.35  # how far a mouth that hangs open in an expression does so in silence; 1 in speech
PARTED = 0.065  # face units: no sound but p, b and m is made with the lips together, however softly


@dataclass(frozen=True)
class Mouth:
    """A mouth through a clip at 25 fps: opening and width (N,) in face units, loudness (N,) 0..1, and how far an
    expression may drop the jaw (N,) 0..1: not where the lips close for a sound."""

    opening: np.ndarray
    width: np.ndarray
    loudness: np.ndarray
    slack: np.ndarray


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
        lengths = torch.tensor([mel.shape[1]]), torch.tensor([len(tokens)])
        prior = beta_binomial_prior(*lengths, mel.shape[1], len(tokens))
        score, _ = self._model.alignment(self._model.aligner.embed(phones, stress), mask, mel, mel_mask, prior)
        found = monotonic_search(score, torch.tensor([len(tokens)]), torch.tensor([mel.shape[1]]))
        return found[0].numpy()

    def read(self, wav: np.ndarray, tokens: Tokens, before: float, frames: int) -> Mouth:
        """The mouth of a clip of `frames` pictures whose speech starts `before` seconds after the first."""
        return mouth_of(wav, tokens, self.durations(wav, tokens), before, frames)


def mouth_of(wav: np.ndarray, tokens: Tokens, durations: np.ndarray, before: float, frames: int) -> Mouth:
    """As `MouthReader.read`, from known durations (L,) in mel frames."""
    phones = np.array(tokens.phones)
    visemes = np.repeat(viseme_table()[phones], durations, 0).astype(np.float64)
    loud = _loudness(wav, len(visemes))
    sounds = np.repeat(phones >= FIRST_SOUND, durations) & _heard(wav, len(visemes))
    slack = np.where(sounds, visemes[:, 0] > 0, IDLE)
    visemes[:, 0] = np.where(sounds & (slack > 0), PARTED + OPEN * visemes[:, 0] * (0.45 + 0.75 * loud), 0)
    still = np.tile([0.0, 0.0, IDLE], (round((before + 1) * FRAMES_PER_SECOND), 1))  # before the line and after it
    smooth = _blurred(np.concatenate([still, np.column_stack([visemes, slack]), still]))
    at = ((np.arange(frames) + 0.5) / FPS - before) * FRAMES_PER_SECOND
    opening, width, slack = (np.interp(at + len(still), np.arange(len(smooth)), track) for track in smooth.T)
    return Mouth(opening, REST_WIDTH + ROUNDING * width, np.interp(at, np.arange(len(loud)), loud, 0, 0), slack)


def _blurred(tracks: np.ndarray) -> np.ndarray:
    """Tracks (T, K) of mel frames as lips go through them."""
    reach = BLUR * FRAMES_PER_SECOND
    taps = np.arange(-round(4 * reach), round(4 * reach) + 1)
    kernel = np.exp(-0.5 * (taps / reach) ** 2)
    return np.stack([np.convolve(track, kernel / kernel.sum(), "same") for track in tracks.T], 1)


def _heard(wav: np.ndarray, frames: int) -> np.ndarray:
    """(frames,) from the first mel frame in which anything is heard to the last; the aligner leaves no such gap."""
    first, last = speech_span(wav, keep=0.0)
    centres = (np.arange(frames) + 0.5) * HOP
    return (centres >= first) & (centres < last)


def _loudness(wav: np.ndarray, frames: int) -> np.ndarray:
    """Level (frames,) of each mel frame, 0 (25 dB under the loud parts) .. 1."""
    padded = np.pad(wav.astype(np.float64), (0, max(0, frames * HOP - len(wav))))[:frames * HOP]
    level = 10 * np.log10((padded.reshape(frames, HOP) ** 2).mean(1) + 1e-10)
    level = np.convolve(np.pad(level, 2, "edge"), np.ones(5) / 5, "valid")
    return np.clip((level - np.percentile(level, 95) + 25) / 25, 0, 1)
