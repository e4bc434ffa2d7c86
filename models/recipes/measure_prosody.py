"""Measure how acted emotion moves prosody, relative to the same speaker's neutral: the table behind `dub --emotion`.

    python models/recipes/measure_prosody.py --out dubctl/dubbing/acted_prosody.json RAVDESS EMODB

Each set is a folder with manifest.jsonl (audio, speaker, emotion, text, and intensity "normal" or "strong" where acted
in two) and its audio. Only means over speakers leave this script: no sound, no clip, no person's number. Sets:
RAVDESS (Livingstone & Russo 2018, PLoS ONE 13:e0196391) and EmoDB (Burkhardt et al. 2005, Interspeech).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile
import soxr

from dubctl.emotion.speechtracks import FLOOR, RATE, WINDOW, track
from dubctl.files import read_jsonl, write_json

NAMES = {"angry": "anger", "disgust": "disgust", "fearful": "fear", "happy": "joy", "sad": "sadness",
         "surprised": "surprise"}
MEASURES = ("pitch_st", "range_ratio", "rate_ratio", "energy_db", "tilt_db_per_octave")
BANDS = 200 * 2 ** (np.arange(0, 16) / 3)  # third octaves 200 Hz .. 6.4 kHz
LEVELLED = {"emodb"}  # recordings brought to one peak: their level says nothing


def measure(path: Path) -> dict[str, object]:
    """Median pitch (st), ln of its 20-80 % range, ln of the seconds from first to last speech, level, band levels."""
    wav, rate = soundfile.read(path, dtype="float32", always_2d=True)
    found = track(soxr.resample(wav.mean(1), rate, RATE).astype(np.float32))
    pitch = found.semitones[found.voiced]
    low, high = np.percentile(pitch, (20, 80))
    spoken = np.flatnonzero(found.speech)
    power = found.power[found.voiced].sum(0)
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    near = [np.abs(np.log2(np.maximum(hertz, 1) / band)) <= 1 / 6 for band in BANDS]
    bands = np.array([10 * np.log10(power[m].mean() + FLOOR) if m.any() else np.nan for m in near])
    return {"pitch": float(np.median(pitch)), "range": float(np.log(max(high - low, 0.3))),
            "seconds": float(np.log(spoken[-1] - spoken[0] + 1)),
            "level": float(found.level[found.speech].mean()), "bands": bands}


def departures(folder: Path) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """(emotion, intensity) -> each measure's mean departure from neutral, one value per speaker (S,)."""
    rows = read_jsonl(folder / "manifest.jsonl")
    wanted = [row for row in rows if row["emotion"] == "neutral" or row["emotion"] in NAMES]
    for row in wanted:
        row |= measure(folder / row["audio"])
    per_speaker: dict[tuple[str, str], dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
    for row in wanted:
        if row["emotion"] == "neutral":
            continue
        plain = [r for r in wanted if r["emotion"] == "neutral" and r["speaker"] == row["speaker"]]
        same = [r["seconds"] for r in plain if r["text"] == row["text"]]
        tilt = row["bands"] - np.mean([r["bands"] for r in plain], 0)
        there = np.isfinite(tilt)
        per_speaker[row["emotion"], row.get("intensity") or "strong"][row["speaker"]].append(np.array([
            row["pitch"] - np.mean([r["pitch"] for r in plain]), row["range"] - np.mean([r["range"] for r in plain]),
            np.mean(same) - row["seconds"] if same else np.nan,
            np.nan if folder.name in LEVELLED else row["level"] - np.mean([r["level"] for r in plain]),
            np.polyfit(np.log2(BANDS[there]), tilt[there], 1)[0]]))
    out = {}
    for key, speakers in per_speaker.items():
        table = np.array([np.nanmean(values, 0) for values in speakers.values()])
        out[key] = dict(zip(MEASURES, table.T, strict=True))
    return out


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sets", type=Path, nargs="+")
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    found = {folder.name: departures(folder) for folder in given.sets}
    emotions: dict[str, dict[str, dict[str, float]]] = {}
    for acted, name in NAMES.items():
        emotions[name] = {}
        for intensity in ("normal", "strong"):
            pooled = [group[acted, intensity] for group in found.values() if (acted, intensity) in group]
            emotions[name][intensity] = {measure: _mean(measure, [group[measure] for group in pooled])
                                         for measure in MEASURES}
    table = {"what": "mean departure of acted emotion from the same speaker's neutral, every speaker counting alike",
             "source": "RAVDESS speech (24 actors, two intensities) and EmoDB (10 actors, counted as strong; no "
                       "levels, since its recordings are levelled); measured by models/recipes/measure_prosody.py",
             "units": {"pitch_st": "semitones, median", "range_ratio": "20-80 % range of pitch, times",
                       "rate_ratio": "neutral seconds of the same text / seconds, times", "energy_db": "mean level, dB",
                       "tilt_db_per_octave": "slope of the change of the long-term spectrum of voiced frames"},
             "emotions": emotions}
    write_json(given.out, table)
    for name, row in emotions.items():
        print(name, row)


def _mean(measure: str, groups: list[np.ndarray]) -> float:
    values = np.concatenate(groups) if groups else np.zeros(0)
    mean = float(np.nanmean(values))
    return round(float(np.exp(mean)) if measure.endswith("_ratio") else mean, 3)


if __name__ == "__main__":
    main()
