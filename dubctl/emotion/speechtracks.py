"""Frame-wise measurements of speech: pitch, level, spectrum, harmonicity, on one 16-ms clock.

Audio is mono at 16 kHz. Frame k is centred on sample 256 k (zeros beyond the ends), so all tracks of F = S // 256
frames line up. Level is dB full scale of the frame's RMS.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

RATE = 16_000
HOP = 256
FRAME_SECONDS = HOP / RATE
WINDOW = 512  # 32 ms: spectrum
LONG = 1024  # 64 ms, three periods of the lowest voice: harmonicity
LOWEST, HIGHEST = 55.0, 600.0  # Hz
VOICED_FROM = 0.5  # swift-f0's calibrated voicing score
SPEECH_RANGE = 35.0  # dB under the loud frames that still count as speech
PEAK = 0.5
FLOOR = 1e-12


@dataclass(frozen=True)
class SpeechTracks:
    """Tracks of F frames; `power` (F, 257) is the windowed power spectrum, the rest is (F,).

    semitones: pitch above 27.5 Hz; voiced, speech: masks; level: dB; hnr: harmonics-to-noise ratio in dB;
    h1h2: first over second harmonic in dB. Pitch, hnr and h1h2 mean something on voiced frames only.
    """

    semitones: np.ndarray
    voiced: np.ndarray
    level: np.ndarray
    speech: np.ndarray
    power: np.ndarray
    hnr: np.ndarray
    h1h2: np.ndarray


@lru_cache(maxsize=1)
def _detector():
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)


def track(wav: np.ndarray) -> SpeechTracks:
    """Tracks of mono audio (S,) at 16 kHz, S >= 256, not all zeros.

    Measured at one peak level, so that nothing but `level` depends on the gain of the recording.
    """
    gain = float(np.abs(wav).max()) / PEAK
    wav = (wav / gain).astype(np.float32)
    found = _detector().detect(wav, RATE, fmin=LOWEST, fmax=HIGHEST)
    count = len(found.pitch_hz)
    short, long = _frames(wav, WINDOW, count), _frames(wav, LONG, count)
    level = 10 * np.log10((short**2).mean(1) + FLOOR)
    speech = level > np.percentile(level, 95) - SPEECH_RANGE
    voiced = (found.confidence >= VOICED_FROM) & speech
    hertz = np.clip(found.pitch_hz, LOWEST, HIGHEST)
    power = np.abs(np.fft.rfft(short * np.hanning(WINDOW + 1)[:-1])) ** 2
    fine = np.abs(np.fft.rfft(long * np.hanning(LONG + 1)[:-1], 2 * LONG)) ** 2
    return SpeechTracks(12 * np.log2(hertz / 27.5), voiced, level + 20 * np.log10(gain), speech, power,
                        _hnr(fine, hertz), _h1h2(fine, hertz))


def _frames(wav: np.ndarray, size: int, count: int) -> np.ndarray:
    """(count, size) frames centred on multiples of HOP."""
    padded = np.pad(wav.astype(np.float64), (size // 2, size))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::HOP][:count]


def _hnr(fine: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    """Boersma (1993): the autocorrelation at the pitch lag, freed of the window's own, as a ratio in dB (F,)."""
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(LONG + 1)[:-1], 2 * LONG)) ** 2)
    auto = np.fft.irfft(fine)[:, : LONG // 2]
    shape = (auto / np.maximum(auto[:, :1], FLOOR)) / (window[: LONG // 2] / window[0])
    lag = RATE / hertz
    near = np.arange(LONG // 2)
    shape = np.where(np.abs(near - lag[:, None]) <= np.maximum(0.1 * lag[:, None], 2), shape, -1.0)
    likeness = np.clip(shape.max(1), 1e-3, 1 - 1e-4)
    return 10 * np.log10(likeness / (1 - likeness))


def _h1h2(fine: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    """Strongest bin near the pitch over the one near twice the pitch, dB (F,)."""
    step = RATE / (2 * LONG)
    bins = np.arange(fine.shape[1])

    def peak(centre: np.ndarray) -> np.ndarray:
        near = np.abs(bins * step - centre[:, None]) <= 0.15 * hertz[:, None] + step
        return np.where(near, fine, 0).max(1) + FLOOR

    return 10 * np.log10(peak(hertz) / peak(2 * hertz))


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Half-open (begin, end) runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
