"""Choose the voices, prompts and lines of a voice benchmark from a manifest, by rule and not by result.

    python benchmarks/make_lists.py DATA/manifest.jsonl --speakers a,b,c -o benchmarks/lists/NAME.json

Prompt of a voice: its longest recording of 3 to 6.5 s. Lines: five others of that voice, 4 to 25 words, no digits, no
stutter ("no-no"), no filler (which WER's normaliser drops), no text twice, drawn with a fixed seed. Only ids and text
are written; the recordings stay where they are.
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path
from typing import Any

from dubctl.files import read_jsonl, write_json

LINES_PER_VOICE = 5
SEED = 0
_UNFIT = re.compile(r"[0-9]|-|\b(uh|um|hmm|mm|aww|ahh|ohh)\b", re.IGNORECASE)


def choose(rows: list[dict[str, Any]], speakers: list[str]) -> dict[str, Any]:
    """The list: voices [{speaker, prompt}] and lines [{id, speaker, text}]."""
    rng, taken = random.Random(SEED), set()
    voices, lines = [], []
    for speaker in speakers:
        own = [row for row in rows if row["speaker"] == speaker and row["text"]]
        prompt = max((row for row in own if 3 <= row["seconds"] <= 6.5), key=lambda row: row["seconds"])
        usable = [row for row in own if row is not prompt and _usable(row["text"]) and row["text"] not in taken]
        unique = list({row["text"]: row for row in usable}.values())
        for row in sorted(rng.sample(unique, LINES_PER_VOICE), key=lambda row: row["id"]):
            lines.append({"id": row["id"], "speaker": speaker, "text": row["text"]})
            taken.add(row["text"])
        voices.append({"speaker": speaker, "prompt": prompt["id"], "seconds": prompt["seconds"]})
    return {"voices": voices, "lines": lines}


def _usable(text: str) -> bool:
    return 4 <= len(text.split()) <= 25 and not _UNFIT.search(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--speakers", required=True, help="comma-separated")
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    write_json(args.out, choose(read_jsonl(args.manifest), args.speakers.split(",")))


if __name__ == "__main__":
    main()
