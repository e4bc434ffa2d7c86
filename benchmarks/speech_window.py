"""How well `speech_window` finds the labelled speech of GRID clips, on clips that its constants were not fitted on.

    python benchmarks/speech_window.py GRID_FOLDER [--tracks TRACKS.safetensors] [--limit N] [--prompt VOICE] [--fit]

GRID_FOLDER holds manifest.jsonl (id, video, words: [[word, start, end], ...] in seconds, silence as "sil"). TRACKS is
read where it has a clip and written with all that were measured, so that a second run takes seconds; its keys are
"<id>.opening", "<id>.width" and "<id>.visible". One JSON object goes to stdout: the window by the lips alone and, with
--prompt, by lips and script (as `dubctl dub` knows it, at the pace of that voice). --fit prints the model of
`dubctl.emotion.speech_onset` instead, from the clips in FITTED_ON alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from dubctl.emotion.base import LipTrack
from dubctl.emotion.face_choose import lip_track, speaking_face
from dubctl.emotion.face_track import FaceTracker
from dubctl.emotion.lips import speech_window
from dubctl.emotion.shots import find_cuts
from dubctl.emotion.speech_onset import ScriptLips, features
from dubctl.files import atomic_path, read_jsonl
from dubctl.media.frames import read_frames

FITTED_ON = set("bbwg1s bgig8p bwaa1s bwat2n lbid2n lbix4n lbwy6n lgam1a lgbs6n lrik2n lwil1a "
                "pbbi8n pbbp4p pbbv8p pgbe4p pgwl1s pwad2n pwaj6n sgbp4n sgii4p sgwq1a srab3a".split())
EVERY = 10  # clips between two writes of the tracks


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("grid", type=Path)
    options.add_argument("--tracks", type=Path)
    options.add_argument("--limit", type=int)
    options.add_argument("--prompt", type=Path)
    options.add_argument("--fit", action="store_true")
    given = options.parse_args()
    rows = read_jsonl(given.grid / "manifest.jsonl")[: given.limit]
    tracks = measure(given.grid, rows, given.tracks)
    held_out = [row for row in rows if row["id"].split("-")[-1] not in FITTED_ON]
    if given.fit:
        print(json.dumps(fitted([row for row in rows if row not in held_out], tracks), indent=2))
        return
    found = {"lips": report(held_out, tracks)}
    if given.prompt:
        found["lips_and_script"] = report(held_out, tracks, scripts(held_out, given.prompt))
    print(json.dumps(found, indent=2))


def scripts(rows: list[dict], prompt: Path) -> dict[str, ScriptLips]:
    """What the words of each row ask of the lips, as the shipped voice would time them."""
    from dubctl.dubbing.script_lips import script_lips
    from dubctl.media.audio import RATE, load_audio
    from dubctl.synth.prompt import read_prompt
    from dubctl.synth.voice import Voice

    voice, heard = Voice.load(), read_prompt(load_audio(prompt), RATE)
    return {row["id"]: script_lips(*voice.natural(row["text"], heard)) for row in rows}


def fitted(rows: list[dict], tracks: dict[str, LipTrack], ridge: float = 10.0, shift: float = 1.0) -> dict[str, object]:
    """Logistic regression of "in a labelled word" on `features`; `shift` is the log-odds asked of speech beyond even.

    Both were chosen by leaving out one clip of FITTED_ON at a time, and so was LATE (by the median error of starts).
    """
    x = np.concatenate([features(tracks[row["id"]]) for row in rows])
    y = np.concatenate([_spoken(row, len(tracks[row["id"]].opening)) for row in rows]).astype(float)
    mean, spread = x.mean(0), x.std(0) + 1e-6
    z = np.c_[(x - mean) / spread, np.ones(len(x))]
    w = np.zeros(z.shape[1])
    for _ in range(30):  # Newton
        p = 1 / (1 + np.exp(-z @ w))
        slope = z.T @ (p - y) + ridge * np.r_[w[:-1], 0]
        w -= np.linalg.solve((z * (p * (1 - p))[:, None]).T @ z + ridge * np.eye(len(w)), slope)
    return {"weights": np.round(w[:-1] / spread, 3).tolist(),
            "bias": round(float(w[-1] - (w[:-1] * mean / spread).sum() - shift), 3)}


def _spoken(row: dict, frames: int) -> np.ndarray:
    words = [word for word in row["words"] if word[0] != "sil"]
    middle = (np.arange(frames) + 0.5) / 25
    return (middle >= words[0][1]) & (middle < words[-1][2])


def measure(grid: Path, rows: list[dict], cache: Path | None) -> dict[str, LipTrack]:
    """Lip tracks of all rows, from the cache or the videos."""
    arrays = load_file(cache) if cache and cache.exists() else {}
    tracker, fresh = FaceTracker(), 0
    for row in rows:
        name = row["id"]
        if f"{name}.opening" in arrays:
            continue
        frames = read_frames(grid / row["video"])
        track = lip_track(speaking_face(frames, tracker), find_cuts(frames))
        arrays |= {f"{name}.opening": track.opening, f"{name}.width": track.width,
                   f"{name}.visible": track.visible.astype(np.uint8)}
        fresh += 1
        if cache and fresh % EVERY == 0:
            _save(cache, arrays)
            print(f"{len(arrays) // 3} of {len(rows)} clips", file=sys.stderr)
    if cache and fresh:
        _save(cache, arrays)
    return {row["id"]: LipTrack(arrays[f"{row['id']}.opening"], arrays[f"{row['id']}.width"],
                                arrays[f"{row['id']}.visible"].astype(bool)) for row in rows}


def report(rows: list[dict], tracks: dict[str, LipTrack],
           lines: dict[str, ScriptLips] | None = None) -> dict[str, object]:
    """Errors of start and end in seconds (window - label): bias, |error| at the median and 90 %, share within 80 ms."""
    found = {row["id"]: speech_window(tracks[row["id"]], script=lines and lines[row["id"]]) for row in rows}
    errors = {"start": [], "end": []}
    for row in rows:
        spoken = [word for word in row["words"] if word[0] != "sil"]
        if window := found[row["id"]]:
            errors["start"].append(window[0] - spoken[0][1])
            errors["end"].append(window[1] - spoken[-1][2])
    summary: dict[str, object] = {"clips": len(rows), "no_window": sum(window is None for window in found.values())}
    for name, values in errors.items():
        error = np.array(values)
        summary[name] = {"bias": round(float(np.median(error)), 3), "median": round(float(np.median(abs(error))), 3),
                         "p90": round(float(np.percentile(abs(error), 90)), 3),
                         "within_80_ms": round(float((abs(error) <= 0.08).mean()), 3)} if error.size else None
    return summary


def _save(cache: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic_path(cache) as part:
        save_file(arrays, part)


if __name__ == "__main__":
    main()
