"""What a poor microphone in an untreated room makes of clean speech: prompts that people really have.

Only the prompt is heard so in training; the target stays clean, so that the voice learns to take who speaks from a
prompt and to leave the room behind.
"""

from __future__ import annotations

import numpy as np
import soxr

RATE = 22_050


def poor(wav: np.ndarray, seed: int) -> np.ndarray:
    """A worse recording of speech (S,) at 22,050 Hz, same length: room, tone, noise, bandwidth, clipping; any of them
    may be absent."""
    rng = np.random.default_rng(seed)
    out = wav.astype(np.float32)
    if rng.random() < 0.6:
        out = _room(out, rng)
    if rng.random() < 0.6:
        out = _tone(out, rng)
    if rng.random() < 0.8:
        out = out + _noise(len(out), rng) * float(np.std(out)) * 10 ** (-rng.uniform(8, 30) / 20)
    if rng.random() < 0.3:
        narrow = int(rng.choice((8_000, 11_025, 16_000)))
        out = soxr.resample(soxr.resample(out, RATE, narrow), narrow, RATE)
    if rng.random() < 0.15:
        limit = float(np.quantile(np.abs(out), rng.uniform(0.97, 0.995)))
        out = np.clip(out, -limit, limit)
    out = np.pad(out, (0, max(0, len(wav) - len(out))))[: len(wav)]
    return (out * (0.9 / max(1e-4, float(np.abs(out).max())))).astype(np.float32)


def _room(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Convolved with exponentially dying noise: reverberation time 0.12 to 0.5 s, mostly direct sound."""
    decay = rng.uniform(0.12, 0.5)
    time = np.arange(int(decay * RATE)) / RATE
    tail = rng.standard_normal(len(time)) * np.exp(-6.9 * time / decay)
    tail *= 10 ** (-rng.uniform(3, 14) / 20) / np.sqrt((tail**2).sum())
    tail[0] += 1.0
    size = 1 << int(np.ceil(np.log2(len(wav) + len(tail))))
    return np.fft.irfft(np.fft.rfft(wav, size) * np.fft.rfft(tail, size), size)[: len(wav)].astype(np.float32)


def _tone(wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A microphone's colour: a smooth curve over the octaves, up to about 6 dB either way."""
    hertz = np.fft.rfftfreq(len(wav), 1 / RATE)
    knots = np.log2(np.array([60, 125, 250, 500, 1000, 2000, 4000, 8000, 11_025]))
    curve = np.interp(np.log2(np.maximum(hertz, 60)), knots, rng.normal(0, 3, len(knots)))
    return np.fft.irfft(np.fft.rfft(wav) * 10 ** (curve / 20), len(wav)).astype(np.float32)


def _noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit power whose spectrum falls by 0 to 9 dB an octave, sometimes with mains hum."""
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 30)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * hertz ** (-rng.uniform(0, 1.5)), count)
    if rng.random() < 0.2:
        time = np.arange(count) / RATE
        noise = noise / noise.std() + sum(np.sin(2 * np.pi * 50 * k * time) / k for k in (1, 2, 3))
    return (noise / noise.std()).astype(np.float32)
