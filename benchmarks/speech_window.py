"""How well `speech_window` finds the speech of GRID clips, by models that were not fitted on them.

    python benchmarks/speech_window.py GRID_FOLDER [--tracks TRACKS.safetensors] [--folds FOLDER] [--limit N]

GRID_FOLDER holds manifest.jsonl (id, video, words: [[word, start, end], ...] in seconds, silence as "sil"). TRACKS is
read where it has a clip and written with all that were measured, so that a second run takes seconds; its keys are
"<id>.opening", "<id>.width", "<id>.visible" and, once asked for, "<id>.heard" (start and end of the sound).

FOLDER holds the models that `models/recipes/speech_onset.py --folds` leaves: every clip is read by the one that has not
seen it, and all figures are held out. Without it the shipped model is measured, which was fitted on grid_s1: that says
something about other clips only.

One JSON object goes to stdout: the window by the lips alone and by lips and script (what `dubctl dub` knows), against
the sound of the clip ("heard") and against the word labels ("labels"). The labels are no clean target: those of "lay"
and "set" start 0.06 to 0.4 s before anything is heard, those of "bin" and "place" at the lips' closing.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from dubctl.dubbing.script_lips import script_ends
from dubctl.emotion.base import LipTrack
from dubctl.emotion.face_choose import lip_track, speaking_face
from dubctl.emotion.face_track import FaceTracker
from dubctl.emotion.lips import speech_window
from dubctl.emotion.shots import find_cuts
from dubctl.emotion.speech_onset import OnsetModel, shipped
from dubctl.files import atomic_path, read_jsonl
from dubctl.media.audio import RATE, load_audio
from dubctl.media.frames import read_frames
from dubctl.synth.frontend import tokens_of

EVERY = 10  # clips between two writes of the tracks
RUMBLE = 150.0  # Hz: below, GRID's recordings hum at -40 dB
QUIET = (30.0, 35.0)  # speech is within so many dB of the loudest 20 ms: it starts abruptly after breath, but fades out
BRIEF = 0.05  # seconds that it is at least that loud: a click is not
Span = tuple[float, float]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("grid", type=Path)
    options.add_argument("--tracks", type=Path)
    options.add_argument("--folds", type=Path)
    options.add_argument("--limit", type=int)
    given = options.parse_args()
    rows = read_jsonl(given.grid / "manifest.jsonl")[: given.limit]
    tracks, sounds = measure(given.grid, rows, given.tracks), heard(given.grid, rows, given.tracks)
    models = unseen(given.folds) if given.folds else {}
    rows = [row for row in rows if not given.folds or row["id"] in models]
    found: dict[str, object] = {"clips": len(rows), "held_out": bool(given.folds),
                                "labels_against_heard": errors([labelled(row) for row in rows],
                                                               [sounds[row["id"]] for row in rows])}
    for name in ("lips", "lips_and_script"):
        windows = [speech_window(tracks[row["id"]], model=models.get(row["id"]) or shipped(),
                                 script=script_ends(tokens_of(row["text"]).phones) if "script" in name else None)
                   for row in rows]
        found[name] = {"heard": by_word(rows, windows, [sounds[row["id"]] for row in rows]),
                       "labels": by_word(rows, windows, [labelled(row) for row in rows])}
    print(json.dumps(found, indent=2))


def unseen(folder: Path) -> dict[str, OnsetModel]:
    """For every clip the model that has not seen it."""
    found: dict[str, OnsetModel] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "np") as file:
            names = file.metadata()["held_out"].split()
        found |= dict.fromkeys(names, OnsetModel.load(path))
    return found


def by_word(rows: list[dict], windows: list[Span | None], truth: list[Span]) -> dict[str, object]:
    """`errors`, and the share of starts within 80 ms for each first word."""
    first = [row["text"].split()[0] for row in rows]
    starts = {word: errors([w for w, f in zip(windows, first, strict=True) if f == word],
                           [t for t, f in zip(truth, first, strict=True) if f == word])["start"]["within_80_ms"]
              for word in sorted(set(first))}
    return errors(windows, truth) | {"start_within_80_ms": starts}


def errors(windows: list[Span | None], truth: list[Span]) -> dict[str, object]:
    """Of start and end in seconds (found - true): median, |error| at the median and 90 %, share within 80 ms of all."""
    summary: dict[str, object] = {"no_window": sum(window is None for window in windows)}
    for i, name in enumerate(("start", "end")):
        error = np.array([found[i] - true[i] if found else np.nan for found, true in zip(windows, truth, strict=True)])
        size = abs(error[~np.isnan(error)])
        summary[name] = {"bias": round(float(np.nanmedian(error)), 3), "median": round(float(np.median(size)), 3),
                         "p90": round(float(np.percentile(size, 90)), 3),
                         "within_80_ms": round(float((size <= 0.08 + 1e-9).sum() / len(error)), 3)}
    return summary


def labelled(row: dict) -> Span:
    """Start of the first word and end of the last."""
    words = [word for word in row["words"] if word[0] != "sil"]
    return words[0][1], words[-1][2]


def heard(grid: Path, rows: list[dict], cache: Path | None) -> dict[str, Span]:
    """Start and end of the sound of all rows, from the cache or the videos."""
    arrays = load_file(cache) if cache and cache.exists() else {}
    fresh = [row for row in rows if f"{row['id']}.heard" not in arrays]
    for row in fresh:
        arrays[f"{row['id']}.heard"] = np.array(sound(load_audio(grid / row["video"], RATE)), np.float64)
    if cache and fresh:
        _save(cache, arrays)
    return {row["id"]: tuple(arrays[f"{row['id']}.heard"].tolist()) for row in rows}


def sound(wav: np.ndarray) -> Span:
    """Seconds at which speech starts and ends in (S,) at 22,050 Hz, without rumble, clicks and breath."""
    spectrum, hertz = np.fft.rfft(wav), np.fft.rfftfreq(len(wav), 1 / RATE)
    wav = np.fft.irfft(spectrum * hertz ** 4 / (hertz ** 4 + RUMBLE ** 4), len(wav))
    hop = RATE // 100
    power = np.square(wav[: len(wav) // hop * hop]).reshape(-1, hop).mean(1)
    level = 10 * np.log10(np.convolve(power, [0.5, 0.5], "same") + 1e-12)
    level -= level.max()
    return _loud(level > -QUIET[0])[0][0] * hop / RATE, _loud(level > -QUIET[1])[-1][1] * hop / RATE


def _loud(above: np.ndarray) -> list[tuple[int, int]]:
    """Runs of True, in hundredths of a second, that last for `BRIEF`."""
    turns = np.flatnonzero(np.diff(np.concatenate([[0], above, [0]]).astype(int)))
    return [(a, b) for a, b in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True) if b - a >= 100 * BRIEF]


def measure(grid: Path, rows: list[dict], cache: Path | None) -> dict[str, LipTrack]:
    """Lip tracks of all rows, from the cache or the videos."""
    arrays = load_file(cache) if cache and cache.exists() else {}
    tracker, fresh = FaceTracker(), 0
    for row in rows:
        name = row["id"]
        if f"{name}.opening" in arrays:
            continue
        frames = read_frames(grid / row["video"])
        cuts = find_cuts(frames)
        track = lip_track(speaking_face(frames, tracker, cuts), cuts)
        arrays |= {f"{name}.opening": track.opening, f"{name}.width": track.width,
                   f"{name}.visible": track.visible.astype(np.uint8)}
        fresh += 1
        if cache and fresh % EVERY == 0:
            _save(cache, arrays)
            print(f"{fresh} clips", file=sys.stderr)
    if cache and fresh:
        _save(cache, arrays)
    return {row["id"]: LipTrack(arrays[f"{row['id']}.opening"], arrays[f"{row['id']}.width"],
                                arrays[f"{row['id']}.visible"].astype(bool)) for row in rows}


def _save(cache: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic_path(cache) as part:
        save_file(arrays, part)


if __name__ == "__main__":
    main()
