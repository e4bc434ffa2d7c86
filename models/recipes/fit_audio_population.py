"""Fit or check the population statistics behind the audio functionals.

    python models/recipes/fit_audio_population.py --out models/audio-functionals SET...   # write the statistics
    python models/recipes/fit_audio_population.py --check SET                             # emotion left in the vectors

A SET is a folder with manifest.jsonl (audio, speaker, emotion) and its audio. `--check` prints the unweighted recall
of a linear discriminant on an acted set, each speaker left out in turn.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
import soundfile
from safetensors.numpy import save

from dubctl.emotion.audio import FunctionalsExtractor, measure_named
from dubctl.errors import InputError
from dubctl.files import atomic_path, write_json

CLIPS_PER_SPEAKER = 4


def read(path: Path) -> tuple[np.ndarray, int]:
    wav, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return wav.mean(1), rate


def rows_of(folder: Path, limit: int | None) -> list[dict[str, str]]:
    """Manifest rows, at most `limit` of each speaker, drawn with a fixed seed."""
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    random.Random(0).shuffle(rows)
    kept, count = [], {}
    for row in rows:
        count[row["speaker"]] = count.get(row["speaker"], 0) + 1
        if limit is None or count[row["speaker"]] <= limit:
            kept.append({**row, "path": str(folder / row["audio"])})
    return kept


def fit(folders: list[Path], out: Path) -> None:
    """Every speaker counts alike, however many clips: mean and spread over speakers, spread within a speaker."""
    owners, values, names = [], [], ()
    for row in (row for folder in folders for row in rows_of(folder, CLIPS_PER_SPEAKER)):
        try:
            found = measure_named(*read(Path(row["path"])))
        except InputError as err:
            print(f"{row['path']}: {err}")
            continue
        names = tuple(found)
        owners.append(row["speaker"])
        values.append(list(found.values()))
    table, owner = np.array(values), np.array(owners)
    groups = [table[owner == speaker] for speaker in sorted(set(owners))]
    mean = np.mean([group.mean(0) for group in groups], 0)
    total = np.mean([((group - mean) ** 2).mean(0) for group in groups], 0)
    within = np.mean([group.var(0, ddof=1) for group in groups if len(group) > 1], 0)
    state = {"mean": mean, "std_total": np.sqrt(total), "std_within": np.sqrt(within)}
    with atomic_path(out / "population.safetensors") as part:
        part.write_bytes(save({name: value.astype(np.float32) for name, value in state.items()}))
    write_json(out / "names.json", list(names))
    print(f"{len(table)} clips of {len(groups)} speakers, {len(names)} functionals")


def check(folder: Path, limit: int | None) -> None:
    """Leave-one-speaker-out linear discriminant on normalised vectors: unweighted average recall."""
    extractor = FunctionalsExtractor()
    rows = rows_of(folder, limit)
    raw = np.stack([extractor.measure(*read(Path(row["path"]))) for row in rows])
    speakers = [row["speaker"] for row in rows]
    labels = np.array([row["emotion"] for row in rows])
    vectors = extractor.normalise(raw, speakers)
    lone = np.concatenate([extractor.normalise(raw[n : n + 1], speakers[n : n + 1]) for n in range(len(raw))])
    for name, table in (("speaker-normalised", vectors), ("population only", lone)):
        guess = np.empty_like(labels)
        for speaker in set(speakers):
            out = np.array(speakers) == speaker
            guess[out] = discriminant(table[~out], labels[~out], table[out])
        recall = [np.mean(guess[labels == label] == label) for label in sorted(set(labels))]
        print(f"{name}: UAR {np.mean(recall):.3f}, chance {1 / len(recall):.3f}, clips {len(labels)}; "
              + ", ".join(f"{label} {value:.2f}" for label, value in zip(sorted(set(labels)), recall, strict=True)))


def discriminant(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Linear discriminant with equal priors and a ridge on the shared covariance."""
    kinds = sorted(set(y))
    means = np.stack([x[y == kind].mean(0) for kind in kinds])
    rest = x - means[[kinds.index(label) for label in y]]
    inverse = np.linalg.inv(rest.T @ rest / len(x) + 0.1 * np.eye(x.shape[1]))
    score = new @ inverse @ means.T - 0.5 * np.einsum("kd,de,ke->k", means, inverse, means)
    return np.array(kinds)[score.argmax(1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--limit", type=int, help="clips per speaker to check with")
    args = parser.parse_args()
    if args.check:
        check(args.sets[0], args.limit)
    elif args.out:
        fit(args.sets, args.out)
    else:
        parser.error("--out or --check")


if __name__ == "__main__":
    main()
