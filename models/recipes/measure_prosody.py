"""Measure how acted emotion moves prosody, relative to the same speaker's neutral: the table behind `dub --emotion`
and the rendered emotional speech of `acted_speech.py`.

    python models/recipes/measure_prosody.py --out dubctl/dubbing/acted_prosody.json RAVDESS EMODB

Each set is a folder with manifest.jsonl (audio, speaker, emotion, text, and intensity "normal" or "strong" where acted
in two) and its audio. Only means over speakers leave this script: no sound, no clip, no person's number. The mean of
many deliveries is none of them (a rise at the end that each actor times differently is gone in it), so the table holds
`typical` ones: clips of like delivery grouped by k-means (`typical_deliveries.py`), each the mean of its group. Sets:
RAVDESS (Livingstone & Russo 2018, PLoS ONE 13:e0196391) and EmoDB (Burkhardt et al. 2005, Interspeech).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from typical_deliveries import typical

from dubctl.emotion.speechtracks import FLOOR, FRAME_SECONDS, RATE, WINDOW, SpeechTracks, runs, track
from dubctl.files import read_jsonl, write_json

NAMES = {"angry": "anger", "disgust": "disgust", "fearful": "fear", "happy": "joy", "sad": "sadness",
         "surprised": "surprise"}
BANDS = 200 * 2 ** (np.arange(-2, 16) / 3)  # third octaves 126 Hz .. 6.4 kHz
TILTED = BANDS > 199  # below, the pitch itself moves the level
POINTS = 12  # of a contour, from the first to the last voiced (spoken) frame
MICRO_SECONDS = 0.3  # pitch movement faster than this is micro-movement: tremor, shake, jitter
WEAK_DB = 20.0  # below the loud level (95th percentile): breath, tails, pauses
STEP = 3  # frames (48 ms) over which the movement of the pitch is taken
LEVELLED = {"emodb"}  # recordings brought to one peak: their level says nothing
UNITS = {
    "pitch_st": "semitones, median", "range_ratio": "20-80 % range of pitch, times",
    "rate_ratio": "neutral seconds of the same text / seconds, times", "energy_db": "mean level, dB",
    "tilt_db_per_octave": "slope of the change of the long-term spectrum of voiced frames, 200 Hz .. 6.4 kHz",
    "pitch_st_women": "pitch_st of the women alone", "pitch_st_men": "pitch_st of the men alone",
    "contour_st": f"pitch about the clip's median at {POINTS} points from first to last voiced frame, semitones",
    "level_contour_db": f"level about the clip's mean at {POINTS} points from the first to the last speech, dB",
    "level_range_db": "standard deviation of the level within speech, dB",
    "ltas_db": "long-term spectrum of voiced frames in third octaves (bands_hz), dB about their mean",
    "hnr_db": "harmonics-to-noise ratio, mean over voiced frames", "h1h2_db": "first over second harmonic, mean",
    "micro_ratio": f"RMS pitch movement faster than {MICRO_SECONDS} s inside voiced runs, times",
    "pause_share": "share of the time from first to last speech that is silence, difference",
    "weak_share": f"share of that time more than {WEAK_DB:g} dB below the loud level, difference",
    "voiced_share": "share of that time that is voiced, difference",
    "movement_ratio": f"median movement of the pitch within {STEP * 16} ms, times"}


def measure(wav: np.ndarray) -> dict[str, Any]:
    """What is compared, of mono speech (S,) at 16 kHz: scalars, contours (12,) and band levels (18,); ratios as ln."""
    found = track(wav.astype(np.float32))
    pitch = found.semitones[found.voiced]
    low, high = np.percentile(pitch, (20, 80))
    spoken = np.flatnonzero(found.speech)
    span = slice(spoken[0], spoken[-1] + 1)
    level = found.level[found.speech]
    return {"pitch": float(np.median(pitch)), "range": float(np.log(max(high - low, 0.3))),
            "seconds": float(np.log(spoken[-1] - spoken[0] + 1)), "level": float(level.mean()),
            "bands": band_levels(found),
            "contour": contour(np.flatnonzero(found.voiced), pitch) - float(np.median(pitch)),
            "level_contour": contour(spoken, level) - float(level.mean()), "level_range": float(level.std()),
            "hnr": float(found.hnr[found.voiced].mean()), "h1h2": float(found.h1h2[found.voiced].mean()),
            "micro": float(np.log(micro_movement(found))), "pause": float(1 - found.speech[span].mean()),
            "voicing": float(found.voiced[span].mean()),
            "weak": float((found.level[span] < np.percentile(found.level, 95) - WEAK_DB).mean()),
            "movement": float(np.log(max(movement(found.semitones, found.voiced), 0.1)))}


def band_levels(found: SpeechTracks) -> np.ndarray:
    """Level in dB of each of `BANDS` over the voiced frames (18,); NaN where a band holds no bin."""
    power = found.power[found.voiced].sum(0)
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    near = [np.abs(np.log2(np.maximum(hertz, 1) / band)) <= 1 / 6 for band in BANDS]
    return np.array([10 * np.log10(power[m].mean() + FLOOR) if m.any() else np.nan for m in near])


def contour(frames: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means (12,) of equal parts of the time from the first to the last of `frames`, drawn straight between them."""
    drawn = np.interp(np.arange(frames[0], frames[-1] + 1), frames, values)
    return np.array([part.mean() if len(part) else np.nan for part in np.array_split(drawn, POINTS)])


def movement(semitones: np.ndarray, voiced: np.ndarray, step: int = STEP) -> float:
    """Median movement of the pitch in semitones over `step` frames that are voiced at both ends."""
    both = voiced[step:] & voiced[:-step]
    return float(np.median(np.abs(semitones[step:] - semitones[:-step])[both])) if both.any() else 0.0


def micro_movement(found: SpeechTracks) -> float:
    """RMS in semitones of pitch about its moving average, inside voiced runs long enough to have one; else NaN."""
    size = round(MICRO_SECONDS / FRAME_SECONDS) | 1
    left = []
    for begin, end in runs(found.voiced):
        if end - begin >= size:
            line = found.semitones[begin:end]
            smooth = np.convolve(line, np.ones(size) / size, "valid")
            left.append(line[size // 2: size // 2 + len(smooth)] - smooth)
    rest = np.concatenate(left) if left else np.full(1, np.nan)
    return float(np.sqrt(np.mean(np.clip(rest, -2, 2) ** 2)))  # an octave slip of the detector is no movement


def departures(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The acted clips (emotion, intensity, speaker and each of `UNITS`), and what the neutral ones measure."""
    wanted = [row for row in read_jsonl(folder / "manifest.jsonl")
              if row["emotion"] == "neutral" or row["emotion"] in NAMES]
    for row in wanted:
        wav, rate = soundfile.read(folder / row["audio"], dtype="float32", always_2d=True)
        row |= measure(soxr.resample(wav.mean(1), rate, RATE))
    acted = []
    for row in wanted:
        if row["emotion"] != "neutral":
            plain = [r for r in wanted if r["emotion"] == "neutral" and r["speaker"] == row["speaker"]]
            found = departure(row, plain, [r for r in plain if r["text"] == row["text"]])
            found |= {"pitch_st_women": found["pitch_st"] if row["gender"] == "f" else np.nan,
                      "pitch_st_men": found["pitch_st"] if row["gender"] == "m" else np.nan}
            if folder.name in LEVELLED:
                found["energy_db"] = np.nan
            acted.append(found | {"emotion": NAMES[row["emotion"]], "intensity": row.get("intensity") or "strong",
                                  "speaker": row["speaker"]})
    return acted, [row for row in wanted if row["emotion"] == "neutral"]


def means(clips: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean of each measure, every speaker counting alike, ready for the table."""
    speakers = sorted({clip["speaker"] for clip in clips})
    return {name: rounded(name, mean_of([mean_of([c[name] for c in clips if c["speaker"] == who])
                                         for who in speakers])) for name in UNITS}


def departure(row: dict[str, Any], plain: Sequence[dict[str, Any]], same: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One clip against the same speaker's neutral: all of it (`plain`) or that of the same text (`same`)."""
    def by(name: str, others: Sequence[dict[str, Any]]) -> Any:
        return row[name] - mean_of([r[name] for r in others]) if others else row[name] * np.nan
    bands = by("bands", plain)
    there = np.isfinite(bands) & TILTED
    return {"pitch_st": by("pitch", plain), "range_ratio": by("range", plain), "rate_ratio": -by("seconds", same),
            "energy_db": by("level", plain), "contour_st": by("contour", same),
            "tilt_db_per_octave": np.polyfit(np.log2(BANDS[there]), bands[there], 1)[0],
            "level_contour_db": by("level_contour", same), "level_range_db": by("level_range", plain),
            "ltas_db": bands - np.nanmean(bands), "hnr_db": by("hnr", plain), "h1h2_db": by("h1h2", plain),
            "micro_ratio": by("micro", plain), "pause_share": by("pause", same),
            "weak_share": by("weak", same), "voiced_share": by("voicing", same),
            "movement_ratio": by("movement", plain)}


def mean_of(values: Sequence[Any]) -> Any:
    """Mean over the first axis without the missing; NaN where all are missing."""
    stack = np.array(values, float)
    known = np.isfinite(stack)
    return np.where(known.any(0), np.where(known, stack, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sets", type=Path, nargs="+")
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    acted, plain = [], []
    for folder in given.sets:
        of_set = departures(folder)
        acted, plain = acted + of_set[0], plain + of_set[1]
    emotions: dict[str, dict[str, dict[str, Any]]] = {}
    for name in NAMES.values():
        emotions[name] = {}
        for intensity in ("normal", "strong"):
            clips = [clip for clip in acted if (clip["emotion"], clip["intensity"]) == (name, intensity)]
            emotions[name][intensity] = means(clips) | {
                "typical": [means(group) | {"share": round(len(group) / len(clips), 3)} for group in typical(clips)]}
    table = {"what": "mean departure of acted emotion from the same speaker's neutral, every speaker counting alike",
             "source": "RAVDESS speech (24 actors, two intensities) and EmoDB (10 actors, counted as strong; no "
                       "levels, since its recordings are levelled); measured by models/recipes/measure_prosody.py",
             "units": UNITS, "bands_hz": [round(float(band), 1) for band in BANDS],
             "neutral": {"contour_st": np.round(mean_of([r["contour"] for r in plain]), 3).tolist(),
                         "movement_st": round(float(np.exp(mean_of([r["movement"] for r in plain]))), 3)},
             "emotions": emotions}
    write_json(given.out, table)
    for name, row in emotions.items():
        print(name, row)


def rounded(measured: str, mean: Any) -> Any:
    """A mean for the table, as a number or a list; ln becomes times, what was never measured None."""
    value = np.round(np.exp(mean) if measured.endswith("_ratio") else mean, 3)
    return value.tolist() if np.isfinite(value).all() else None


if __name__ == "__main__":
    main()
