"""Functionals of one stretch of speech: how high, loud, fast, bright and rough it is, and how that varies.

In the tradition of eGeMAPS (Eyben et al., 2016), written anew over `SpeechTracks`. Units are in each name: st =
semitones above 27.5 Hz, db, hz, s. Every functional is finite for any input that is not silence: what cannot be
measured (pitch of a whisper) is 0 for a spread or slope and the middle of the human range for a level.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dubctl.emotion.speechtracks import FLOOR, FRAME_SECONDS, RATE, WINDOW, SpeechTracks, runs

UNKNOWN_PITCH = 32.0  # semitones, 175 Hz: between the usual voices of men and women
SHORTEST = 3  # frames; a shorter voiced run has no slope
Numbers = dict[str, float]


def functionals(tracks: SpeechTracks) -> Numbers:
    """All functionals by name, in a fixed order."""
    return {**_pitch(tracks), **_loudness(tracks), **_tempo(tracks), **_balance(tracks), **_shape(tracks),
            **_voice(tracks)}


def _pitch(tracks: SpeechTracks) -> Numbers:
    """Level, spread and movement of the pitch over voiced frames."""
    values = tracks.semitones[tracks.voiced]
    low, middle, high = np.percentile(values, (20, 50, 80)) if len(values) else (UNKNOWN_PITCH,) * 3
    pieces = [tracks.semitones[a:b] for a, b in runs(tracks.voiced) if b - a >= SHORTEST]
    rise, fall = _movement(pieces)
    last = pieces[-1][-max(SHORTEST, round(0.25 / FRAME_SECONDS)):] if pieces else np.zeros(0)
    return {"pitch_mean_st": _mean(values, UNKNOWN_PITCH), "pitch_std_st": _std(values), "pitch_p20_st": float(low),
            "pitch_p50_st": float(middle), "pitch_p80_st": float(high), "pitch_range_st": float(high - low),
            "pitch_rise_mean_st_per_s": _mean(rise), "pitch_rise_std_st_per_s": _std(rise),
            "pitch_fall_mean_st_per_s": _mean(fall), "pitch_fall_std_st_per_s": _std(fall),
            "pitch_final_st_per_s": _line(last)}


def _loudness(tracks: SpeechTracks) -> Numbers:
    """Level, spread and movement of the level over speech frames; only the mean depends on the gain."""
    values = tracks.level[tracks.speech]
    low, middle, high = np.percentile(values, (20, 50, 80))
    mean = float(values.mean())
    rise, fall = _movement([_smooth(tracks.level[a:b]) for a, b in runs(tracks.speech) if b - a >= SHORTEST])
    return {"level_mean_db": mean, "level_std_db": _std(values), "level_p20_re_mean_db": float(low - mean),
            "level_p50_re_mean_db": float(middle - mean), "level_p80_re_mean_db": float(high - mean),
            "level_rise_mean_db_per_s": _mean(rise), "level_rise_std_db_per_s": _std(rise),
            "level_fall_mean_db_per_s": _mean(fall), "level_fall_std_db_per_s": _std(fall),
            "level_drift_db_per_s": _line(np.where(tracks.speech, tracks.level, np.nan))}


def _tempo(tracks: SpeechTracks) -> Numbers:
    """Rate and lengths between the first and the last speech frame."""
    inside = np.flatnonzero(tracks.speech)
    first, last = inside[0], inside[-1] + 1
    seconds = (last - first) * FRAME_SECONDS
    voiced = np.array([b - a for a, b in runs(tracks.voiced[first:last])]) * FRAME_SECONDS
    gaps = [b - a for a, b in runs(~tracks.voiced[first:last]) if a > 0 and b < last - first]  # between voiced runs
    unvoiced = np.array(gaps) * FRAME_SECONDS
    return {"loud_peaks_per_s": len(loud_peaks(tracks.level[first:last])) / seconds,
            "voiced_runs_per_s": len(voiced) / seconds, "voiced_run_mean_s": _mean(voiced),
            "voiced_run_std_s": _std(voiced), "unvoiced_run_mean_s": _mean(unvoiced),
            "unvoiced_run_std_s": _std(unvoiced), "voiced_share": float(tracks.voiced[first:last].mean()),
            "pause_share": float(1 - tracks.speech[first:last].mean())}


def _balance(tracks: SpeechTracks) -> Numbers:
    """Where the energy lies: mean and spread over voiced frames, and the means over unvoiced speech."""
    power, hertz = tracks.power, np.fft.rfftfreq(WINDOW, 1 / RATE)
    band = {name: (hertz >= low) & (hertz < high) for name, low, high in
            (("low", 50, 1000), ("mid", 1000, 5000), ("0_2k", 0, 2000), ("2_5k", 2000, 5000), ("5_8k", 5000, 8001))}
    decibel = 10 * np.log10(power + FLOOR)
    total = power.sum(1) + FLOOR
    centroid = (power @ hertz) / total
    frames = {
        "alpha_ratio_db": _ratio(power[:, band["low"]].sum(1), power[:, band["mid"]].sum(1)),
        "hammarberg_db": _ratio(power[:, band["0_2k"]].max(1), power[:, band["2_5k"]].max(1)),
        "slope_0_500_db_per_khz": _slope(decibel, hertz, 0, 500),
        "slope_500_1500_db_per_khz": _slope(decibel, hertz, 500, 1500),
        "centroid_octaves_re_1khz": np.log2(np.maximum(centroid, 50) / 1000),
        "top_band_db": _ratio(power[:, band["5_8k"]].sum(1), total),
        "flatness_db": decibel.mean(1) - 10 * np.log10(power.mean(1) + FLOOR),
    }
    numbers: Numbers = {}
    for name, values in frames.items():
        numbers |= _mean_and_std(name, values, tracks.voiced)
    hushed = tracks.speech & ~tracks.voiced
    for name in ("alpha_ratio_db", "hammarberg_db", "centroid_octaves_re_1khz"):
        numbers[f"unvoiced_{name}_mean"] = _mean(frames[name][hushed], _mean(frames[name][tracks.speech]))
    return numbers


def _shape(tracks: SpeechTracks) -> Numbers:
    """Spectral flux over speech, MFCC 1-4 over voiced frames."""
    share = np.sqrt(tracks.power / (tracks.power.sum(1, keepdims=True) + FLOOR))
    flux = np.concatenate([[0.0], np.sqrt((np.diff(share, axis=0) ** 2).sum(1))])
    numbers = _mean_and_std("flux", flux, tracks.speech)
    mels = np.log(tracks.power @ _mel_bank().T + FLOOR)
    angles = np.pi / mels.shape[1] * (np.arange(mels.shape[1]) + 0.5)
    for order in range(1, 5):
        cepstrum = np.sqrt(2 / mels.shape[1]) * (mels @ np.cos(order * angles))
        numbers |= _mean_and_std(f"mfcc{order}", cepstrum, tracks.voiced)
    return numbers


def _voice(tracks: SpeechTracks) -> Numbers:
    """Quality of the voice: harmonicity, roughness, breathiness.

    Jitter and shimmer stand for the cycle-wise ones: second differences over 16-ms frames, so that a steady glide or
    swell counts as none.
    """
    jitter, shimmer = [], []
    for begin, end in runs(tracks.voiced):
        if end - begin >= SHORTEST:
            jitter.append(np.abs(np.diff(tracks.semitones[begin:end], 2)))
            shimmer.append(np.abs(np.diff(tracks.level[begin:end], 2)))
    hushed = tracks.speech & ~tracks.voiced
    both = hushed.any() and tracks.voiced.any()
    gap = tracks.level[tracks.voiced].mean() - tracks.level[hushed].mean() if both else 0.0
    return {**_mean_and_std("hnr_db", tracks.hnr, tracks.voiced, default=0.0),
            **_mean_and_std("h1_h2_db", tracks.h1h2, tracks.voiced, default=0.0),
            "jitter_st": _mean(np.concatenate(jitter)) if jitter else 0.0,
            "shimmer_db": _mean(np.concatenate(shimmer)) if shimmer else 0.0,
            "voiced_over_unvoiced_db": float(gap)}


def loud_peaks(level: np.ndarray) -> list[int]:
    """Frames of level peaks at least 3 dB over the dips beside them (silence around): about one per syllable."""
    peaks: list[int] = []
    low, peak = -np.inf, None
    smooth = _smooth(level)
    for frame, value in enumerate(smooth):
        if peak is None:
            low = min(low, value)
            peak = frame if value - low >= 3.0 else None
        elif value > smooth[peak]:
            peak = frame
        elif smooth[peak] - value >= 3.0:
            peaks.append(peak)
            low, peak = value, None
    return peaks if peak is None else [*peaks, peak]


def _movement(pieces: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rising and falling (positive) steps per second within the pieces."""
    steps = np.concatenate([np.diff(piece) for piece in pieces]) / FRAME_SECONDS if pieces else np.zeros(0)
    return steps[steps > 0], -steps[steps < 0]


def _line(values: np.ndarray) -> float:
    """Least-squares slope per second; NaN frames are skipped."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < SHORTEST:
        return 0.0
    time = (known - known.mean()) * FRAME_SECONDS
    return float(time @ (values[known] - values[known].mean()) / (time @ time))


def _smooth(values: np.ndarray) -> np.ndarray:
    """Running mean over 5 frames (80 ms), edges held."""
    return np.convolve(np.pad(values, 2, mode="edge"), np.full(5, 0.2), "valid")


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return 10 * np.log10((above + FLOOR) / (below + FLOOR))


def _slope(decibel: np.ndarray, hertz: np.ndarray, low: float, high: float) -> np.ndarray:
    """Least-squares spectral slope of each frame between two frequencies, dB per kHz."""
    inside = (hertz >= low) & (hertz <= high)
    kilo = hertz[inside] / 1000 - hertz[inside].mean() / 1000
    return decibel[:, inside] @ kilo / (kilo @ kilo)


def _mean_and_std(name: str, values: np.ndarray, mask: np.ndarray, default: float | None = None) -> Numbers:
    """Over the masked frames; where there are none, over all (mean) and 0 (std)."""
    fallback = float(values.mean()) if default is None else default
    return {f"{name}_mean": _mean(values[mask], fallback), f"{name}_std": _std(values[mask])}


def _mean(values: np.ndarray, default: float = 0.0) -> float:
    return float(values.mean()) if len(values) else default


def _std(values: np.ndarray) -> float:
    return float(values.std()) if len(values) > 1 else 0.0


@lru_cache(maxsize=1)
def _mel_bank(count: int = 26, low: float = 20.0, high: float = 8000.0) -> np.ndarray:
    """HTK mel triangles (count, bins)."""
    edges = 700 * (10 ** (np.linspace(np.log10(1 + low / 700), np.log10(1 + high / 700), count + 2)) - 1)
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    up = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(up, down), 0, None)
