"""Mel-cepstra of speech and the distance between two recordings: the arithmetic under `mcd`.

Envelope: CheapTrick (Morise 2015, "CheapTrick, a spectral envelope estimator for high-quality speech synthesis"),
written from the paper: a window of three pitch periods, smoothing over two thirds of the pitch in frequency, and a
lifter that undoes the smearing (q1 = -0.15). Pitch: SwiftF0. Mel-cepstrum: Tokuda et al. 1994, the cepstrum of the
envelope on a warped frequency axis (all-pass constant 0.65 at 22,050 Hz).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import soxr

from dubctl.media.mel import RATE

FRAME = 0.005  # seconds
N_FFT = 1024
F0_FLOOR, F0_CEIL, F0_DEFAULT = 71.0, 800.0, 500.0  # WORLD's default for frames without pitch
ALPHA = 0.65
DB = float(10 * np.sqrt(2) / np.log(10))  # 6.1419: cepstral distance -> dB


def pitch(wav: np.ndarray) -> np.ndarray:
    """F0 (F,) in Hz every 5 ms, 0 where unvoiced; F = 1 + S / 110.25, rounded down."""
    frames = 1 + int(len(wav) / RATE / FRAME)
    found = _detector().detect(soxr.resample(wav.astype(np.float32), RATE, 16_000), 16_000, fmin=F0_FLOOR, fmax=F0_CEIL)
    times = np.asarray(found.timestamps)
    if not len(times):
        return np.zeros(frames)
    nearest = np.clip(np.searchsorted(times, np.arange(frames) * FRAME), 0, len(times) - 1)
    return np.where(np.asarray(found.confidence)[nearest] >= 0.5, np.asarray(found.pitch_hz)[nearest], 0.0)


def envelope(wav: np.ndarray, f0: np.ndarray) -> np.ndarray:
    """Power envelope (F, 513) of speech (S,) at 22,050 Hz with F0 (F,) as `pitch` gives it."""
    f0 = np.where(f0 < F0_FLOOR, F0_DEFAULT, f0)
    rows = np.empty((len(f0), N_FFT // 2 + 1))
    wav = wav.astype(np.float64)
    for t, hertz in enumerate(f0):
        rows[t] = _periodogram(wav, round(t * FRAME * RATE), hertz)
    smooth = np.stack([_smoothed(row, 2 * hertz / 3) for row, hertz in zip(rows, f0, strict=True)])
    return _liftered(smooth, f0)


def mel_cepstrum(power: np.ndarray, order: int = 13) -> np.ndarray:
    """Mel-cepstra (F, order + 1) of power envelopes (F, N/2 + 1): log amplitude, cepstrum, all-pass warping."""
    spectrum = np.fft.irfft(0.5 * np.log(power), axis=1)
    half = spectrum.shape[1] // 2
    cepstrum = spectrum[:, : half + 1].copy()
    cepstrum[:, 1:half] *= 2  # one-sided: c0 + sum c_m cos(m w)
    return cepstrum @ _warping(half + 1, order + 1)


def dtw(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cheapest monotonic path (L, 2) between frames a (N, d) and b (M, d): steps (1,0), (0,1), (1,1), all weight 1.

    Exact (fastdtw, which the released scripts use, is approximate); one anti-diagonal at a time.
    """
    cost = np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0))
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0.0
    for diagonal in range(2, n + m + 1):
        i = np.arange(max(1, diagonal - m), min(n, diagonal - 1) + 1)
        j = diagonal - i
        best = np.minimum(np.minimum(total[i - 1, j], total[i, j - 1]), total[i - 1, j - 1])
        total[i, j] = cost[i - 1, j - 1] + best
    return _walk_back(total)


def _walk_back(total: np.ndarray) -> np.ndarray:
    i, j = total.shape[0] - 1, total.shape[1] - 1
    path = []
    while i > 0 and j > 0:
        path.append((i - 1, j - 1))
        steps = (total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
        best = int(np.argmin(steps))
        i, j = (i - 1, j - 1) if best == 0 else (i - 1, j) if best == 1 else (i, j - 1)
    return np.array(path[::-1])


def _periodogram(wav: np.ndarray, centre: int, hertz: float) -> np.ndarray:
    """Power spectrum (513,) in a Hann window of three periods, unit energy, mean removed (CheapTrick, step 1)."""
    half = round(1.5 * RATE / hertz)
    at = np.arange(-half, half + 1)
    window = 0.5 * np.cos(np.pi * at / 1.5 * hertz / RATE) + 0.5
    window /= np.sqrt((window**2).sum())
    piece = wav[np.clip(centre + at, 0, len(wav) - 1)] * window
    piece -= window * piece.sum() / window.sum()
    power = np.abs(np.fft.rfft(piece, N_FFT)) ** 2
    low = np.arange(len(power)) * RATE / N_FFT < hertz  # below the pitch: mirrored, as if DC had a harmonic
    mirrored = np.interp(hertz - np.arange(low.sum()) * RATE / N_FFT, np.arange(len(power)) * RATE / N_FFT, power)
    power[: low.sum()] += mirrored
    return power + 1e-16


def _smoothed(power: np.ndarray, width: float) -> np.ndarray:
    """Mean of `power` (513,) over `width` Hz around each frequency (CheapTrick, step 2)."""
    step = RATE / N_FFT
    pad = int(width / step) + 2
    mirrored = np.concatenate([power[pad:0:-1], power, power[-2:-pad - 2:-1]])
    summed = np.concatenate([[0.0], np.cumsum(mirrored) * step])
    edges = (np.arange(-pad, len(power) + pad + 1) - 0.5) * step
    at = np.arange(len(power)) * step
    mean = (np.interp(at + width / 2, edges, summed) - np.interp(at - width / 2, edges, summed)) / width
    return np.maximum(mean, 1e-16)  # differences of large sums may cancel to nothing


def _liftered(power: np.ndarray, f0: np.ndarray, q1: float = -0.15) -> np.ndarray:
    """Smoothing by a sinc lifter and spectral recovery (CheapTrick, step 3)."""
    quefrency = np.arange(N_FFT // 2 + 1) / RATE
    lag = f0[:, None] * quefrency[None]
    lifter = np.sinc(lag) * ((1 - 2 * q1) + 2 * q1 * np.cos(2 * np.pi * lag))
    cepstrum = np.fft.irfft(np.log(power), axis=1)
    both = np.concatenate([lifter, lifter[:, -2:0:-1]], 1)
    return np.exp(np.fft.rfft(cepstrum * both, axis=1).real)


@lru_cache(maxsize=4)
def _warping(size: int, order: int) -> np.ndarray:
    """Matrix (size, order) of SPTK's `freqt`: a one-sided cepstrum onto the axis warped by the all-pass constant."""
    out = np.empty((size, order))
    for row in range(size):
        impulse = np.zeros(size)
        impulse[row] = 1.0
        out[row] = _freqt(impulse, order)
    return out


def _freqt(cepstrum: np.ndarray, order: int) -> np.ndarray:
    """Oppenheim's recursion, as in SPTK."""
    beta = 1 - ALPHA**2
    g = np.zeros(order)
    for value in cepstrum[::-1]:
        before = g.copy()
        g[0] = value + ALPHA * before[0]
        if order > 1:
            g[1] = beta * before[0] + ALPHA * before[1]
        for k in range(2, order):
            g[k] = before[k - 1] + ALPHA * (before[k] - g[k - 1])
    return g


@lru_cache(maxsize=1)
def _detector() -> Any:
    import swift_f0

    return swift_f0.SwiftF0(threads=1, spin=False)
