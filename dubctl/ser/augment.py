"""Augmentation of what is heard (T, 130): what differs between a studio, a film and a vocoder, but not the feeling."""

from __future__ import annotations

import numpy as np

from dubctl.ser.features import FLOOR_DB, N_MELS, levelled


def augment(heard: np.ndarray, rng: np.random.Generator, longest: int) -> np.ndarray:
    """A changed copy of at most `longest` frames: speed, speaker, room, band, noise, gaps."""
    heard = part_of(heard, rng, longest)
    mel, pitch = warp(heard[:, :N_MELS], rng.uniform(0.95, 1.06)), heard[:, N_MELS:].copy()
    mel = mel + tone(rng, 2.0)
    if rng.random() < 0.25:
        mel = band_limit(mel, rng.uniform(3500, 7900))
    if rng.random() < 0.4:
        mel = noise(mel, rng, rng.uniform(18, 45))
    pitch[:, 0] = (pitch[:, 0] + rng.normal(0, 1.5)) * (pitch[:, 1].max() > 0)  # another voice, the same melody
    pitch[:, 1] = np.clip(pitch[:, 1] + rng.normal(0, 0.05, len(pitch)), 0, 1)
    return np.concatenate([gaps(levelled(mel), rng), pitch], 1).astype(np.float32)


def voice_and_room(heard: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another vocal tract, microphone and pitch; generators of one state give clips of one speaker the same ones."""
    mel, pitch = warp(heard[:, :N_MELS], rng.uniform(0.95, 1.06)) + tone(rng, 2.0), heard[:, N_MELS:].copy()
    pitch[:, 0] = (pitch[:, 0] + rng.normal(0, 1.5)) * (pitch[:, 1].max() > 0)
    if rng.random() < 0.25:
        mel = band_limit(mel, rng.uniform(3500, 7900))
    return np.concatenate([levelled(mel), pitch], 1).astype(np.float32)


def another_day(heard: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What differs a little between two recordings of one voice, or between a prompt and its dub."""
    pitch = heard[:, N_MELS:].copy()
    pitch[:, 0] += rng.normal(0, 0.7)
    return np.concatenate([levelled(heard[:, :N_MELS] + tone(rng, 1.0)), pitch], 1).astype(np.float32)


def take(heard: np.ndarray, rng: np.random.Generator, longest: int) -> np.ndarray:
    """A changed copy of at most `longest` frames, the voice and room nearly as they are: speed, noise, gaps."""
    heard = part_of(heard, rng, longest)
    heard = another_day(heard, rng)
    mel, pitch = heard[:, :N_MELS], heard[:, N_MELS:]
    if rng.random() < 0.4:
        mel = noise(mel, rng, rng.uniform(18, 45))
    pitch[:, 1] = np.clip(pitch[:, 1] + rng.normal(0, 0.05, len(pitch)), 0, 1)
    return np.concatenate([gaps(levelled(mel), rng), pitch], 1).astype(np.float32)


def part_of(heard: np.ndarray, rng: np.random.Generator, longest: int) -> np.ndarray:
    """At another speed, and at most `longest` frames of it, from anywhere."""
    heard = speed(heard, rng.uniform(0.9, 1.12))
    start = int(rng.integers(0, len(heard) - longest + 1)) if len(heard) > longest else 0
    return heard[start:start + longest]


def speed(heard: np.ndarray, rate: float) -> np.ndarray:
    """Faster (rate > 1) or slower without a change of pitch: frames interpolated on the new clock."""
    count = max(2, round(len(heard) / rate))
    at = np.linspace(0, len(heard) - 1, count)
    low = np.clip(at.astype(int), 0, max(0, len(heard) - 2))
    part = (at - low)[:, None].astype(np.float32)
    return heard[low] * (1 - part) + heard[np.minimum(low + 1, len(heard) - 1)] * part


def warp(mel: np.ndarray, factor: float) -> np.ndarray:
    """Bands stretched by `factor`: longer or shorter vocal tracts."""
    at = np.clip(np.arange(N_MELS) / factor, 0, N_MELS - 1)
    low = np.minimum(at.astype(int), N_MELS - 2)
    part = (at - low).astype(np.float32)
    return mel[:, low] * (1 - part) + mel[:, low + 1] * part


def tone(rng: np.random.Generator, most: float) -> np.ndarray:
    """A smooth random colour (128,) in dB: microphone, room, equaliser."""
    bands = np.linspace(0, 1, N_MELS)
    curve = sum(rng.normal(0, most / (1 + k)) * np.cos(np.pi * k * bands + rng.uniform(0, 2 * np.pi))
                for k in range(1, 5))
    return (curve + rng.normal(0, most) * (bands - 0.5)).astype(np.float32)


def band_limit(mel: np.ndarray, hertz: float) -> np.ndarray:
    """Nothing above `hertz`."""
    edge = int(N_MELS * _slaney(hertz) / _slaney(8000.0))
    out = mel.copy()
    out[:, edge:] = mel.max() + FLOOR_DB
    return out


def noise(mel: np.ndarray, rng: np.random.Generator, snr: float) -> np.ndarray:
    """Steady noise of a random colour, `snr` dB under the loud level."""
    level = np.percentile(mel.max(1), 95) - snr + tone(rng, 5.0)
    ripple = rng.gumbel(0, 2.0, mel.shape).astype(np.float32)  # log of a noise spectrum is ragged
    return 10 * np.log10(10 ** (mel / 10) + 10 ** ((level + ripple) / 10))


def gaps(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """SpecAugment (Park et al. 2019): one stripe of bands and one of time at the mean level."""
    out, mean = mel.copy(), mel.mean()
    width, start = int(rng.integers(0, 16)), int(rng.integers(0, N_MELS - 16))
    out[:, start:start + width] = mean
    width = int(rng.integers(0, max(1, len(mel) // 8) + 1))
    start = int(rng.integers(0, max(1, len(mel) - width)))
    out[start:start + width] = mean
    return out


def _slaney(hertz: float) -> float:
    return hertz / (200 / 3) if hertz < 1000 else 15 + np.log(hertz / 1000) / (np.log(6.4) / 27)
