"""Make permissive emotional training speech: permissive recordings spoken with the prosody that actors give a feeling.

What moves is measured (`measure_prosody.py` -> dubctl/dubbing/acted_prosody.json: means over the speakers of the real
acted sets, relative to each speaker's neutral); what sounds is a permissive recording resynthesised
(`acted_render.py`), so no clip carries any actor's sound. Needs the package `pyworld` (with setuptools below 81), which
dubctl does not.

    python models/recipes/acted_speech.py DATA/kokoro_mix:330 DATA/cmu_arctic:40 --out acted --seed 11
    python models/recipes/acted_speech.py DATA/kokoro_mix:60 --split test --feelings 6 --out acted_test --seed 12

FOLDER:N takes N lines of FOLDER's manifest.jsonl (of `--split`, where rows have one). Each line is rendered flat, as
actors speak neutrally, and with `--feelings` of the six emotions, at strengths drawn from `--strength`: 1 is an actor's
normal intensity, 2 the strong one. With `--own` it is rendered once, with the feeling that the row names (that of its
words). Writes `OUT/audio/*.flac` (22,050 Hz mono, peak 0.9) and OUT/manifest.jsonl; a second run goes on where the
first stopped.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from acted_render import act, delivery_of, load_table, take_apart, varied

from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE

FEELINGS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
TABLE = Path(__file__).parents[2] / "dubctl" / "dubbing" / "acted_prosody.json"
LONGEST = 6.0  # seconds


@dataclass(frozen=True)
class Line:
    """One recording, and each (emotion, strength) it is given."""

    folder: Path
    row: dict[str, Any]
    feelings: tuple[tuple[str, float], ...]


def lines_of(args: argparse.Namespace) -> Iterator[Line]:
    """The same for the same arguments."""
    for given in args.sources:
        name, _, count = given.rpartition(":")
        folder, rng = Path(name), random.Random(f"{args.seed}{Path(name).name}")
        rows = [row for row in read_jsonl(folder / "manifest.jsonl") if row.get("split", args.split) == args.split
                and row["text"] and 1.2 <= row["seconds"] <= LONGEST
                and (not args.labels or row["emotion"] in args.labels)]
        for row in rng.sample(rows, min(int(count), len(rows))):
            feelings = [row["emotion"]] if args.own else ["neutral", *rng.sample(FEELINGS, args.feelings)]
            yield Line(folder, row, tuple((feeling, strength_of(feeling, args, rng)) for feeling in feelings))


def strength_of(feeling: str, args: argparse.Namespace, rng: random.Random) -> float:
    return 0.0 if feeling == "neutral" else round(rng.uniform(*args.strength), 3)


def write(line: Line, table: dict[str, Any], out: Path) -> list[dict[str, Any]]:
    """The line's clips; their manifest rows are returned."""
    parts = take_apart(load_audio(line.folder / line.row["audio"], RATE))
    base = f"{line.folder.name}_{line.row['id']}"
    rng = np.random.default_rng(random.Random(base).randrange(2**31))
    rows = []
    for feeling, strength in line.feelings:
        name = f"{base}_{feeling}"
        delivery = varied(delivery_of(table, feeling, strength, rng), rng)
        sound = act(parts, delivery, rng)
        sf.write(out / "audio" / f"{name}.flac", sound * (0.9 / max(1e-4, float(np.abs(sound).max()))), RATE)
        rows.append({"id": name, "audio": f"audio/{name}.flac", "emotion": feeling, "strength": strength,
                     "delivery": delivery.number,
                     "seconds": round(len(sound) / RATE, 3), "source": line.row["id"],
                     **{key: line.row[key] for key in ("speaker", "text", "phonemes", "split") if key in line.row}})
    return rows


def main() -> None:
    args = parse()
    table = load_table(args.table)
    (args.out / "audio").mkdir(parents=True, exist_ok=True)
    listed = args.out / "manifest.jsonl"
    done = {row["source"] for row in read_jsonl(listed)} if listed.exists() else set()
    with listed.open("a", encoding="utf-8") as sink:
        for line in lines_of(args):
            if line.row["id"] not in done:
                rows = write(line, table, args.out)
                sink.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
                sink.flush()


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sources", nargs="+", metavar="FOLDER:N")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--table", type=Path, default=TABLE)
    p.add_argument("--feelings", type=int, default=3, help="emotions of a line, besides neutral")
    p.add_argument("--own", action="store_true", help="each line once, with the feeling its row names")
    p.add_argument("--labels", nargs="+", help="only lines whose row names one of these feelings")
    p.add_argument("--strength", type=float, nargs=2, default=(1.6, 2.8), metavar=("FROM", "TO"))
    p.add_argument("--split", default="train")
    p.add_argument("--seed", type=int, default=11)
    return p.parse_args()


if __name__ == "__main__":
    main()
