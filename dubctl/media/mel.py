"""Log-mel spectrogram of HiFi-GAN / BigVGAN v2 (22.05 kHz, 80 bands): the clock of the whole synthesizer.

Source: HiFi-GAN `meldataset.py`; paper-side facts: n_fft = window 1024, hop 256, Hann, 80 Slaney mels 0-8000 Hz,
magnitude, natural log, floor 1e-5, reflect padding (n_fft - hop) / 2 without centring.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
import torchaudio

RATE, N_FFT, HOP, N_MELS, F_MAX = 22_050, 1024, 256, 80, 8000.0
FLOOR = 1e-5
LOWEST, HIGHEST = math.log(FLOOR), 2.5  # of a mel
FRAMES_PER_SECOND = RATE / HOP  # 86.13


def samples_of(seconds: float, rate: int = RATE) -> int:
    """Nearest whole number of samples."""
    return round(seconds * rate)


@functools.lru_cache(maxsize=2)
def mel_basis(device: str) -> torch.Tensor:
    """Slaney filter bank (80, 513)."""
    bank = torchaudio.functional.melscale_fbanks(N_FFT // 2 + 1, 0.0, F_MAX, N_MELS, RATE, norm="slaney",
                                                 mel_scale="slaney")
    return bank.T.contiguous().to(device)


def mel_spectrogram(wav: torch.Tensor) -> torch.Tensor:
    """Natural-log mel (T, 80) of mono speech (S,) at 22,050 Hz in -1..1; T = S // 256.

    Raises:
        ValueError: fewer samples than the reflect padding needs (385).
    """
    pad = (N_FFT - HOP) // 2
    if wav.numel() <= pad:
        raise ValueError(f"need more than {pad} samples, got {wav.numel()}")
    padded = F.pad(wav[None, None], (pad, pad), mode="reflect")[0, 0]
    spec = torch.stft(padded, N_FFT, HOP, N_FFT, torch.hann_window(N_FFT, device=wav.device), center=False,
                      return_complex=True)
    magnitude = (spec.real.square() + spec.imag.square() + 1e-9).sqrt()
    return (mel_basis(str(wav.device)) @ magnitude).clamp(min=FLOOR).log().T.contiguous()
