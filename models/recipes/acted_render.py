"""Permissive speech resynthesised with the prosody that actors give a feeling (WORLD vocoder).

A recording is taken apart into pitch, spectral envelope and aperiodicity; these are moved as the table of
`measure_prosody.py` says that actors move theirs, and put together again. Nothing of any actor's sound is in it.

The table's numbers are departures from the same speaker's neutral. Read or synthetic speech is livelier than an
actor's neutral, so its own melody is not what a departure may be added to: the trend of the line becomes the actors'
(neutral contour + departure), and the accents about it are scaled to the actors' movement.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyworld

RATE, FRAME = 22_050, 0.005  # samples and seconds
FFT = 1024
LOWEST, HIGHEST = 60.0, 640.0  # Hz
MOST_PITCH_ST, MOST_COLOUR_DB, MOST_CONTOUR_DB = 9.0, 14.0, 8.0
HIGHEST_MEDIAN = 420.0  # Hz: beyond, resynthesis sounds pinched
TREMOR_HZ = (4.0, 8.0)
SMOOTH_SECONDS = 0.3


@dataclass(frozen=True)
class Delivery:
    """Departures of one clip from its speaker's neutral; contours (12,), `ltas_db` (18,) at `bands` Hz.

    contour_st: pitch over the line about its median, absolute (the actors' neutral contour included).
    movement_st: median pitch movement within 48 ms, absolute. number: which of the typical deliveries, -1 neutral.
    """

    number: int = -1
    pitch_st: float = 0.0
    rate: float = 1.0
    contour_st: np.ndarray | None = None
    movement_st: float = 0.0
    tremor: float = 0.0
    level_contour_db: np.ndarray | None = None
    level_range_db: float = 0.0
    ltas_db: np.ndarray | None = None
    bands: np.ndarray | None = None
    h1h2_db: float = 0.0
    hnr_db: float = 0.0


def load_table(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def delivery_of(table: dict[str, Any], emotion: str, strength: float,
                rng: np.random.Generator | None = None) -> Delivery:
    """What actors do at `strength` (1: normal intensity, 2: strong; between, below and beyond in proportion).

    rng: draws one of the typical deliveries; None takes the commonest one.
    """
    neutral = np.array(table["neutral"]["contour_st"])
    still = float(table["neutral"]["movement_st"])
    bands = np.array(table["bands_hz"])
    if emotion == "neutral":
        return Delivery(contour_st=neutral, movement_st=still, bands=bands)
    rows = table["emotions"][emotion]
    at = rows["strong" if strength > 1.5 else "normal"]
    typical = [group for group in at["typical"] if group["contour_st"] is not None]
    shares = np.array([group["share"] for group in typical])
    number = int(rng.choice(len(typical), p=shares / shares.sum())) if rng is not None else 0
    group = typical[number]
    scale = strength / (2.0 if strength > 1.5 else 1.0)

    def value(name: str) -> Any:
        found = group[name] if group.get(name) is not None else at[name]
        found = np.asarray(found, float)
        return np.exp(scale * np.log(found)) if name.endswith("_ratio") else scale * found
    return Delivery(number=number, pitch_st=float(value("pitch_st")), rate=float(value("rate_ratio")),
                    contour_st=neutral + value("contour_st"), movement_st=still * float(value("movement_ratio")),
                    tremor=max(0.0, float(value("micro_ratio")) - 1), level_contour_db=value("level_contour_db"),
                    level_range_db=float(value("level_range_db")), ltas_db=value("ltas_db"), bands=bands,
                    h1h2_db=float(value("h1h2_db")), hnr_db=float(value("hnr_db")))


def varied(delivery: Delivery, rng: np.random.Generator, spread: float = 0.12) -> Delivery:
    """No actor does the typical thing exactly: pitch, movement and rate `spread` (standard deviation) about it."""
    def times() -> float:
        return float(np.clip(rng.normal(1, spread), 1 - 2 * spread, 1 + 2 * spread))
    return replace(delivery, pitch_st=delivery.pitch_st * times(), movement_st=delivery.movement_st * times(),
                   rate=delivery.rate ** times())


@dataclass(frozen=True)
class Parts:
    """A recording taken apart: f0 (F,) Hz (0 unvoiced), envelope (F, 513) power, aperiodicity (F, 513)."""

    f0: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray


def take_apart(wav: np.ndarray) -> Parts:
    """Mono speech (S,) at 22,050 Hz."""
    x = np.ascontiguousarray(wav, float)
    f0, at = pyworld.dio(x, RATE, f0_floor=LOWEST, f0_ceil=HIGHEST, frame_period=FRAME * 1000)
    f0 = pyworld.stonemask(x, f0, at, RATE)
    return Parts(f0, pyworld.cheaptrick(x, f0, at, RATE, f0_floor=71.0, fft_size=FFT),
                 pyworld.d4c(x, f0, at, RATE, fft_size=FFT))


def act(parts: Parts, to: Delivery, rng: np.random.Generator) -> np.ndarray:
    """The recording spoken as `to` says: (S',) float64, peak free. Too little voice in it: resynthesised as it is."""
    voiced = parts.f0 > 0
    if voiced.sum() < 20:
        return _synthesise(parts)
    moved = _stretched(replace_pitch(parts, to, rng), to.rate)
    gains = np.zeros(moved.envelope.shape[1])
    if to.ltas_db is not None:
        plain = _bands(parts, to.bands)
        for _ in range(2):  # pitch moves the spectrum of the harmonics too: what is lacking after it is added
            got = _bands(replace(moved, envelope=moved.envelope * 10 ** (gains / 10)), to.bands)
            gains = gains + _curve(_lacking(to.ltas_db, got - plain, to.bands), to.bands)
            gains = np.clip(gains, -MOST_COLOUR_DB, MOST_COLOUR_DB)
    level = _level(moved, to)
    hertz = np.fft.rfftfreq(FFT, 1 / RATE)
    pitch = np.where(moved.f0 > 0, moved.f0, 150.0)[:, None]
    near = 1 / (1 + (hertz / (1.45 * pitch)) ** 8)  # low-pass between the first and second harmonic
    share = _softened(moved.f0 > 0)[:, None]
    decibel = share * (gains + np.clip(to.h1h2_db, -6, 6) * near) + level[:, None]
    noise = np.clip(moved.aperiodicity * 10 ** (-np.clip(to.hnr_db, -6, 6) / 20), 1e-3, 1 - 1e-3)
    return _synthesise(Parts(moved.f0, moved.envelope * 10 ** (decibel / 10),
                             np.where(moved.f0[:, None] > 0, noise, moved.aperiodicity)))


def replace_pitch(parts: Parts, to: Delivery, rng: np.random.Generator) -> Parts:
    """Trend, accents and level of the pitch as `to` says."""
    voiced = parts.f0 > 0
    frames = np.flatnonzero(voiced)
    line = 12 * np.log2(np.maximum(parts.f0, LOWEST) / 55.0)
    middle = float(np.median(line[voiced]))
    drawn = np.interp(np.arange(len(line)), frames, line[voiced])
    along = np.clip((np.arange(len(line)) - frames[0]) / max(1, frames[-1] - frames[0]), 0, 1)
    points = len(to.contour_st) if to.contour_st is not None else 12
    trend = _along(_means(drawn[frames[0]:frames[-1] + 1], points), along)
    departed = trend if to.contour_st is None else _along(to.contour_st, along)
    accents = drawn - trend
    tried = np.linspace(0.2, 3.0, 29)
    costs = [abs(_movement(departed + a * accents, voiced) - to.movement_st) + 0.1 * abs(a - 1) for a in tried]
    final = departed + float(tried[int(np.argmin(costs))]) * accents
    if to.tremor:
        final = final + _tremor(len(final), rng) * 0.2 * min(to.tremor, 1.5)
    shift = min(to.pitch_st, MOST_PITCH_ST, max(0.0, 12 * np.log2(HIGHEST_MEDIAN / 55.0) - middle))
    final = final - np.median(final[voiced]) + middle + shift
    return replace(parts, f0=np.where(voiced, np.clip(55.0 * 2 ** (final / 12), LOWEST, HIGHEST), 0.0))


def _synthesise(parts: Parts) -> np.ndarray:
    return pyworld.synthesize(np.ascontiguousarray(parts.f0), np.ascontiguousarray(parts.envelope),
                              np.ascontiguousarray(parts.aperiodicity), RATE, FRAME * 1000)


def _stretched(parts: Parts, rate: float) -> Parts:
    count = max(2, round(len(parts.f0) / rate))
    at = np.linspace(0, len(parts.f0) - 1, count)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(parts.f0) - 1)
    part = (at - low)[:, None]
    both = (parts.f0[low] > 0) & (parts.f0[high] > 0)
    f0 = np.where(both, parts.f0[low] * (1 - part[:, 0]) + parts.f0[high] * part[:, 0],
                  parts.f0[np.round(at).astype(int)])
    envelope = np.exp((1 - part) * np.log(parts.envelope[low]) + part * np.log(parts.envelope[high]))
    return Parts(f0, envelope, (1 - part) * parts.aperiodicity[low] + part * parts.aperiodicity[high])


def _bands(parts: Parts, bands: np.ndarray) -> np.ndarray:
    """Level of the harmonics in third octaves (18,) dB: envelope sampled at the harmonics of each voiced frame."""
    hertz = np.fft.rfftfreq(FFT, 1 / RATE)
    sums = np.zeros(len(bands))
    frames = np.flatnonzero(parts.f0 > 0)
    edges = bands[0] * 2 ** ((np.arange(len(bands) + 1) - 0.5) / 3)
    for i in frames[::2]:
        harmonics = np.arange(parts.f0[i], 7100.0, parts.f0[i])
        power = np.interp(harmonics, hertz, parts.envelope[i]) * parts.f0[i]
        place = np.searchsorted(edges, harmonics) - 1
        inside = (place >= 0) & (place < len(bands))
        sums += np.bincount(place[inside], power[inside], len(bands))
    return 10 * np.log10(sums + 1e-12)


def _lacking(wanted: np.ndarray, got: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Gains (18,) dB from the change `got` of the long-term spectrum to the `wanted` one."""
    lack = wanted - got
    lack = np.convolve(np.pad(lack, 1, "edge"), (0.25, 0.5, 0.25), "valid")
    lack[bands < 320] = lack[bands >= 320][0]  # there the pitch, not the voice's colour, moves the level
    lack = lack - lack[(bands >= 320) & (bands <= 3500)].mean()
    return np.clip(lack, -MOST_COLOUR_DB, MOST_COLOUR_DB)


def _curve(gains: np.ndarray, bands: np.ndarray) -> np.ndarray:
    hertz = np.maximum(np.fft.rfftfreq(FFT, 1 / RATE), 1.0)
    return np.interp(np.log2(hertz), np.log2(bands), gains)


def _level(parts: Parts, to: Delivery) -> np.ndarray:
    """Gain over time (F,) in dB: the level contour, and a wider or narrower spread of levels."""
    power = 10 * np.log10(parts.envelope.mean(1) + 1e-12)
    loud = power > np.percentile(power, 95) - 35
    spoken = np.flatnonzero(loud)
    along = np.clip((np.arange(len(power)) - spoken[0]) / max(1, spoken[-1] - spoken[0]), 0, 1)
    contour = np.zeros(len(power))
    if to.level_contour_db is not None:
        contour = _along(np.clip(to.level_contour_db - to.level_contour_db.mean(), -MOST_CONTOUR_DB, MOST_CONTOUR_DB),
                         along)
    spread = float(np.clip(1 + to.level_range_db / 10.0, 0.8, 1.3))
    return contour + np.where(loud, (spread - 1) * (power - power[loud].mean()), 0.0)


def _softened(mask: np.ndarray) -> np.ndarray:
    return np.convolve(np.pad(mask.astype(float), 2, "edge"), np.ones(5) / 5, "valid")


def _movement(line: np.ndarray, voiced: np.ndarray, step: int = 10) -> float:
    both = voiced[step:] & voiced[:-step]
    return float(np.median(np.abs(line[step:] - line[:-step])[both])) if both.any() else 0.0


def _means(line: np.ndarray, points: int) -> np.ndarray:
    return np.array([part.mean() for part in np.array_split(line, points)])


def _along(points: np.ndarray, along: np.ndarray) -> np.ndarray:
    """A contour of part means at the places `along` (0..1) of the line."""
    return np.interp(along, (np.arange(len(points)) + 0.5) / len(points), points)


def _tremor(count: int, rng: np.random.Generator) -> np.ndarray:
    """Unit-variance wavering of 4 to 8 Hz (F,)."""
    spectrum = np.fft.rfft(rng.normal(size=max(count, 16)))
    hertz = np.fft.rfftfreq(max(count, 16), FRAME)
    spectrum[(hertz < TREMOR_HZ[0]) | (hertz > TREMOR_HZ[1])] = 0
    wave = np.fft.irfft(spectrum, max(count, 16))[:count]
    return wave / max(1e-6, float(wave.std()))
