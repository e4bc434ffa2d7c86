"""What the recogniser hears, 21.5 times a second: 20 MFCC and the pitch, silence cut at both ends, level removed.

MFCC as in the reference implementation of TIM-Net (librosa's defaults at 22,050 Hz: window 2048, 128 Slaney mels,
decibel, orthonormal DCT-II), with changes so that recordings and vocoded speech look alike: the mels end at 8 kHz,
where the mel of the synthesizer ends; levels are relative to the clip's own loud frames, with a floor 40 dB below. The
hop is 1024 where theirs is 512. The paper takes 39 MFCC and no pitch; those cannot resolve the pitch of a low voice,
and pitch alone tells emotions of unheard speakers better than they do (models/ser/MODEL_CARD.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import soxr
import torch
import torchaudio

from dubctl.errors import InputError
from dubctl.media.mel import RATE
from dubctl.media.silence import trim_silence

N_FFT, HOP, N_MELS, F_MAX = 2048, 1024, 128, 8000.0
N_MFCC = 20
CHANNELS = N_MFCC + 5
FLOOR_DB = -40.0
SHORTEST = 0.2  # seconds of speech below which no emotion can be told
FRAMES_PER_SECOND = RATE / HOP  # 21.5
LOWEST, HIGHEST, VOICED = 55.0, 800.0, 0.5  # Hz, Hz, detector's confidence


def hear(wav: np.ndarray) -> np.ndarray:
    """(T, 130) float32 of mono speech (S,) at 22,050 Hz, one row every 1024 samples.

    Columns: 128 mel levels in dB under the clip's loud level; pitch in semitones above 55 Hz, drawn straight through
    unvoiced frames (0 where nothing is voiced); the detector's confidence that the frame is voiced.

    Raises:
        InputError: less than 0.2 s of speech in it.
    """
    speech = trim_silence(np.asarray(wav, np.float32))
    if len(speech) < SHORTEST * RATE:
        raise InputError(f"{len(speech) / RATE:.2f} s of speech: too little to hear an emotion in")
    spectrum = torch.stft(torch.from_numpy(np.ascontiguousarray(speech)), N_FFT, HOP, N_FFT, torch.hann_window(N_FFT),
                          center=True, pad_mode="constant", return_complex=True)
    power = (_mel_bank() @ spectrum.abs().square()).T.numpy()
    mel = levelled(10 * np.log10(np.maximum(power, 1e-10)))
    return np.concatenate([mel, _pitch(speech, len(mel))], 1).astype(np.float32)


def levelled(decibel: np.ndarray) -> np.ndarray:
    """Mel levels (T, 128) relative to the 95th percentile of the frames' peaks, floored 40 dB below it."""
    loud = np.percentile(decibel.max(1), 95)
    return np.maximum(decibel - loud, FLOOR_DB).astype(np.float32)


def inputs(heard: np.ndarray, plain: np.ndarray | None = None) -> np.ndarray:
    """The network's input (T, 25) of `hear`'s (T, 130).

    Columns: 20 MFCC; pitch; pitch above the clip's median voiced pitch; its change per frame; voicing; loudest mel.
    plain: (25,) `plain_voice` of the same speaker, which is taken off: what is left is the departure from it.
    """
    mel, pitch, voicing = heard[:, :N_MELS], heard[:, N_MELS], heard[:, N_MELS + 1]
    voiced = voicing >= VOICED
    middle = np.median(pitch[voiced]) if voiced.any() else 0.0
    change = np.diff(pitch, prepend=pitch[:1])
    rest = np.stack([pitch, pitch - middle, change, voicing, mel.max(1)], 1)
    found = np.concatenate([mel @ _dct(), rest], 1).astype(np.float32)
    return found if plain is None else found - plain


def plain_voice(heard: Sequence[np.ndarray]) -> np.ndarray:
    """(25,) what a voice's plain speech [(T, 130), …] has at the places of `inputs`: mean MFCC, median pitch, else 0.

    Speaker normalisation by neutral speech (Busso et al. 2013, "Iterative feature normalization scheme for automatic
    emotion detection from speech"), without its iteration: which clips are plain is known here.
    """
    whole = np.concatenate(list(heard))
    found = np.zeros(CHANNELS, np.float32)
    found[:N_MFCC] = (whole[:, :N_MELS] @ _dct()).mean(0)
    voiced = whole[:, N_MELS + 1] >= VOICED
    found[N_MFCC] = np.median(whole[voiced, N_MELS]) if voiced.any() else 0.0
    return found


def _pitch(speech: np.ndarray, frames: int) -> np.ndarray:
    """Pitch and voicing (frames, 2)."""
    found = _detector().detect(soxr.resample(speech, RATE, 16_000), 16_000, fmin=LOWEST, fmax=HIGHEST)
    times, confidence = np.asarray(found.timestamps), np.asarray(found.confidence)
    if not len(times):
        return np.zeros((frames, 2), np.float32)
    nearest = np.clip(np.searchsorted(times, np.arange(frames) * HOP / RATE), 0, len(times) - 1)
    voicing = confidence[nearest]
    semitones = 12 * np.log2(np.clip(np.asarray(found.pitch_hz), LOWEST, HIGHEST)[nearest] / LOWEST)
    voiced = np.flatnonzero(voicing >= VOICED)
    drawn = np.interp(np.arange(frames), voiced, semitones[voiced]) if len(voiced) else np.zeros(frames)
    return np.stack([drawn, voicing], 1)


@lru_cache(maxsize=1)
def _detector() -> Any:
    import swift_f0

    return swift_f0.SwiftF0(threads=1, spin=False)


@lru_cache(maxsize=1)
def _mel_bank() -> torch.Tensor:
    """Slaney filters (128, 1025)."""
    return torchaudio.functional.melscale_fbanks(N_FFT // 2 + 1, 0.0, F_MAX, N_MELS, RATE, norm="slaney",
                                                 mel_scale="slaney").T.contiguous()


@lru_cache(maxsize=1)
def _dct() -> np.ndarray:
    """Orthonormal DCT-II (128, 20)."""
    return torchaudio.functional.create_dct(N_MFCC, N_MELS, norm="ortho").numpy()
