"""Make a dubctl library of acted lines in imagined films: the set on which the experiments are run.

    python models/recipes/build_film_library.py --acted acted/train acted/test --voices DATA/kokoro_mix \
        --words DATA/text/xed --out film-lib

The folders are made by acted_speech.py; their clips keep their split. All lie in one set of films (imagined_films.py),
so a test line finds footage of its own scene, by other voices and with other words. Test lines are nobody's reference:
that is the rule of `dubctl` itself for the split "test". `--test N` keeps N lines of that split in all seven feelings;
the others are left out, or with `--footage` are what can be found and learnt from (split "train"), so that there is
footage of the test lines' own voices too, as there is of V2C's characters.
In setting 2.0 the prompt of a line is a plain recording of the same voice.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from imagined_films import WORDED, shoot
from safetensors.numpy import load_file
from text_corpora import xed
from voice_emotion import Remembering, manner_of

from dubctl.emotion.audio import FunctionalsExtractor
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.profiles import load_profile
from dubctl.emotion.reaction import LiteReactionGenerator
from dubctl.emotion.rter import LiteTextEmotionEncoder
from dubctl.files import read_jsonl, write_jsonl
from dubctl.library.footage import footage_digests
from dubctl.library.index import build_index
from dubctl.library.schema import MASKS, ClipRow
from dubctl.library.store import Library, write_library, write_tensors
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE


def main() -> None:
    args = _arguments()
    rows = _chosen(args)
    rter, draw = Remembering(LiteTextEmotionEncoder()), random.Random(args.seed)
    pictures = shoot([row["emotion"] for row in rows], rter, args.seed, [manner_of(row) for row in rows])
    said = _words(rows, args.words, draw)
    reactions = LiteReactionGenerator().react(said)
    vectors = {"scene": rter.encode(pictures.scenes), "face": rter.encode(pictures.faces),
               "text_self": rter.encode(said), "text_react": rter.encode(reactions),
               "audio": _audio(rows, args.measures)}
    clips = [_clip(row, {"scene": pictures.scenes[i], "face": pictures.faces[i], "reaction": reactions[i]})
             for i, row in enumerate(rows)]
    masks = {name: np.ones(len(rows), bool) for name in dict.fromkeys(MASKS.values())}
    profile = load_profile("lite")
    write_library(args.out, clips, {name: np.asarray(v, np.float32) for name, v in vectors.items()}, masks,
                  profile.spaces(), profile.name, about={"name": "imagined films"})
    write_jsonl(args.out / "settings" / "dub-2.0.jsonl", _prompts(rows, args.voices))
    print(f"{len(clips)} clips, recall at 10 {build_index(Library.open(args.out, profile.spaces())).recall}")


def _chosen(args: argparse.Namespace) -> list[dict[str, Any]]:
    rows = [{"split": "train", **row, "path": folder / row["audio"]} for folder in args.acted
            for row in read_jsonl(folder / "manifest.jsonl")]
    tested = list(dict.fromkeys(row["source"] for row in rows if row["split"] == "test"))
    if args.test is None:
        return rows
    kept = set(tested[: args.test])
    if args.footage:
        return [row if row["split"] != "test" or row["source"] in kept else {**row, "split": "train"} for row in rows]
    return [row for row in rows if row["split"] != "test" or row["source"] in kept]


def _prompts(rows: list[dict[str, Any]], voices: Path) -> Iterator[dict[str, Any]]:
    """Each test line with a plain recording of its voice that is none of the lines."""
    tested = [row for row in rows if row["split"] == "test"]
    used = {row["source"] for row in rows}
    plain = {row["speaker"]: row for row in reversed(read_jsonl(voices / "manifest.jsonl"))
             if row["split"] == "test" and row["id"] not in used and 2.5 < row["seconds"] < 6}
    for row in tested:
        if row["speaker"] in plain:
            other = plain[row["speaker"]]
            yield {"id": row["id"], "target": row["id"], "reference_id": f"plain-{other['id']}",
                   "reference": str((voices / other["audio"]).resolve())}


def _words(rows: list[dict[str, Any]], words: Path, draw: random.Random) -> list[str]:
    """What the text encoders read of each line: for some, words that feel as the line is spoken."""
    lent: dict[str, list[str]] = {name: [] for name in EMOTIONS}
    for text, share in xed(words, held_out=False):
        if share.max() == 1.0:
            lent[EMOTIONS[int(share.argmax())]].append(text)
    return [draw.choice(lent[row["emotion"]]) if row["emotion"] != "neutral" and draw.random() < WORDED
            else row["text"] for row in rows]


def _audio(rows: list[dict[str, Any]], kept: Path | None) -> np.ndarray:
    extractor = FunctionalsExtractor()
    found = load_file(kept) if kept is not None and kept.is_file() else {}
    for row in rows:
        if row["id"] not in found:
            found[row["id"]] = extractor.measure(load_audio(row["path"], RATE), RATE)
    if kept is not None:
        write_tensors(kept, found)
    return extractor.normalise(np.stack([found[row["id"]] for row in rows]), [row["speaker"] for row in rows])


def _clip(row: dict[str, Any], captions: dict[str, str]) -> ClipRow:
    return ClipRow(row["id"], row["speaker"], row["text"], row["emotion"], row["split"], "imagined", "",
                   str(row["path"].resolve()), seconds=row["seconds"], samples=round(row["seconds"] * RATE),
                   captions=captions, digests=footage_digests(None, row["path"]),
                   extra={"phonemes": row["phonemes"], "captions_source": "synthetic"} if row.get("phonemes")
                   else {"captions_source": "synthetic"})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acted", type=Path, nargs="+", required=True, help="folders made by acted_speech.py")
    parser.add_argument("--words", type=Path, required=True, help="folder of XED")
    parser.add_argument("--voices", type=Path, required=True, help="the test lines' folder of plain recordings")
    parser.add_argument("--out", type=Path, required=True, help="library folder to write")
    parser.add_argument("--measures", type=Path, help="file that keeps the audio functionals between runs")
    parser.add_argument("--test", type=int, metavar="N", help="lines of the split test (default: all)")
    parser.add_argument("--footage", action="store_true", help="with --test: the other lines are footage")
    parser.add_argument("--seed", type=int, default=21)
    return parser.parse_args()


if __name__ == "__main__":
    main()
