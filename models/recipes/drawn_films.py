"""Make an audio-visual set whose emotions are known: acted speech spoken by characters that are drawn by code.

Speech comes from `acted_speech.py`; every speaker gets a face, lines are dealt out to films and scenes
(`drawn/plan.py`), mouths follow the phonemes, and face, colours, light and motion show feelings that agree with the
sound as often as `--agree` says. Nothing in the pictures is anybody's: they carry no licence but dubctl's own.

    python models/recipes/drawn_films.py acted --out drawn --count 400 --seed 5
    python models/recipes/drawn_films.py acted_test --out drawn_test --targets --prefix test

Writes `OUT/video/*.mp4` (25 fps, 320 x 180, with the sound) and OUT/manifest.jsonl, which `dubctl extract OUT` reads:
id, video, text, speaker, emotion (as it is spoken), strength, film, scene, split; what is shown apart from that:
mood (of the scene), picture (emotion of colours, light and motion), face (with face_strength), words (strongest
emotion of the text by the shipped encoder); place; speech [from, to] in seconds, where the sound is heard. With
`--targets` also role: "reference" or "target". A second run goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from drawn.film import Shot, shoot, words_of
from drawn.plan import Odds, balanced, plan_films

from dubctl.files import read_jsonl


def scenes_of(args: argparse.Namespace) -> list[list[Shot]]:
    """The lines of each scene, the same for the same arguments and speech."""
    rows = [row for row in read_jsonl(args.speech / "manifest.jsonl") if (args.speech / row["audio"]).is_file()]
    words = words_of(sorted({row["text"] for row in rows}))
    chosen = balanced(rows, args.count or len(rows), args.seed, words=words, worded=args.agree[3])
    lines = plan_films(chosen, odds=Odds(*args.agree[:3]), seed=args.seed, prefix=args.prefix,
                       per_scene=args.per_scene, targets=args.targets)
    scenes: dict[str, list[Shot]] = defaultdict(list)
    for line in lines:
        scenes[line.scene.id].append(Shot(line, args.speech / line.row["audio"], words[line.row["text"]]))
    return list(scenes.values())


def film(scenes: list[list[Shot]], out: Path, jobs: int, crf: int) -> Iterator[list[dict[str, Any]]]:
    """Film scene after scene; manifest rows of each."""
    work = partial(shoot, out=out, crf=crf)
    if jobs == 1:
        yield from map(work, scenes)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, scenes)


def write(scenes: Iterable[list[dict[str, Any]]], listed: Path) -> None:
    """Append rows as they come, so that a second run goes on."""
    with listed.open("a", encoding="utf-8") as sink:
        for rows in scenes:
            sink.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
            sink.flush()


def main() -> None:
    args = parse()
    (args.out / "video").mkdir(parents=True, exist_ok=True)
    listed = args.out / "manifest.jsonl"
    done = {row["scene"] for row in read_jsonl(listed)} if listed.exists() else set()
    left = [shots for shots in scenes_of(args) if shots[0].line.scene.id not in done]
    write(film(left, args.out, args.jobs, args.crf), listed)


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("speech", type=Path, help="folder made by acted_speech.py")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--count", type=int, default=0, help="clips, emotions alike often (default: all)")
    p.add_argument("--agree", type=float, nargs=4, default=(0.7, 0.7, 0.75, 0.4),
                   metavar=("MOOD", "PICTURE", "FACE", "WORDS"),
                   help="how often a line feels the mood of its scene, the picture shows the mood, the face shows the "
                        "line's feeling, and a line is chosen for words that feel as it is spoken")
    p.add_argument("--per-scene", type=int, default=7, help="lines in a scene")
    p.add_argument("--targets", action="store_true", help="tell rehearsal footage from lines to be dubbed")
    p.add_argument("--prefix", default="film", help="of the films' names")
    p.add_argument("--crf", type=int, default=23, help="x264 quality")
    p.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    p.add_argument("--seed", type=int, default=5)
    return p.parse_args()


if __name__ == "__main__":
    main()
