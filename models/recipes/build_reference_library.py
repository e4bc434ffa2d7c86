"""Make the built-in reference library: balanced acted lines (heard, with synthetic pictures) and GRID talkers.

    python models/recipes/acted_speech.py DATA/kokoro_mix:420 --own --out acted_own --seed 13
    python models/recipes/acted_speech.py DATA/kokoro_mix:420 --own --out acted_own --seed 14 \
        --labels fear disgust sadness surprise
    python models/recipes/build_reference_library.py --acted acted_own --also acted --grid DATA/grid_s1 \
        --out models/reference-library

The folders have a manifest.jsonl. Only rows of the split "train" (or of none, in GRID) are used. `--also`: more clips
of the same speakers (the voice's own acted training set), by which it is known how a speaker usually sounds, as the
voice knew it in training. `--measures FILE` keeps the audio functionals, so that a rebuild after a change of the text
encoder takes seconds.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from synthetic_captions import CaptionPool, face_caption, scene_caption

from dubctl.emotion.base import EMOTIONS, Profile
from dubctl.emotion.profiles import load_profile
from dubctl.emotion.rter import LiteTextEmotionEncoder
from dubctl.errors import InputError
from dubctl.library.builtin import NAME
from dubctl.library.datasets import DatasetItem, read_dataset
from dubctl.library.extract_clip import extract_clip
from dubctl.library.footage import footage_digests
from dubctl.library.index import build_index
from dubctl.library.schema import MASKS, RATE, VECTORS, ClipRow
from dubctl.library.store import Library, write_library, write_tensors
from dubctl.media.audio import load_audio

TREES = 10  # fewer than for libraries of thousands, where they are also measured: see the recall it prints
SOURCES = [
    {"film": "kokoro-mix", "licence": "Apache-2.0", "captions": "scene and face synthetic, from the emotion label",
     "credit": "speech made with Kokoro-82M, resynthesised with measured acted prosody; lines from CMU ARCTIC prompts "
               "and MELD dialogue"},
    {"film": "GRID", "licence": "CC BY 4.0", "captions": "measured",
     "credit": "GRID audiovisual sentence corpus, Cooke, Barker, Cunningham & Shao 2006, speaker s1"},
]


def main() -> None:
    args = _arguments()
    profile = load_profile("lite")
    spoken = [item for item in read_dataset(args.acted) if item.split == "train" and item.emotion in EMOTIONS]
    own = {item.id for item in spoken}
    known = spoken + [item for item in (read_dataset(args.also) if args.also else []) if item.id not in own]
    raw = _measure(known, profile, args.measures)
    chosen = _balanced([item for item in spoken if item.id in raw], args.per_emotion, args.seed)
    rows = list[ClipRow]()
    vectors: dict[str, list[np.ndarray]] = {name: [] for name in VECTORS}
    _add_spoken(rows, vectors, chosen, raw, profile, args.seed)
    speakers = {item.id: item.speaker for item in known}
    normal = dict(zip(raw, profile.audio.normalise(np.stack(list(raw.values())), [speakers[id] for id in raw]),
                      strict=True))
    vectors["audio"] = [normal[item.id] for item in chosen]
    faces = [item for item in read_dataset(args.grid) if item.split in ("", "train")]
    _add_filmed(rows, vectors, random.Random(args.seed).sample(faces, min(args.faces, len(faces))), profile)
    masks = {name: np.ones(len(rows), bool) for name in dict.fromkeys(MASKS.values())}
    write_library(args.out, rows, {name: np.stack(found) for name, found in vectors.items()}, masks, profile.spaces(),
                  profile.name, about={"name": NAME, "sources": SOURCES})
    report = build_index(Library.open(args.out, profile.spaces()), trees=TREES)
    size = sum(file.stat().st_size for file in Path(args.out).rglob("*") if file.is_file())
    print(f"{len(rows)} clips, {size / 1e6:.2f} MB, recall at 10 {report.recall}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acted", required=True, help="folder made by acted_speech.py --own")
    parser.add_argument("--also", help="folder made by acted_speech.py, of the same speakers")
    parser.add_argument("--grid", required=True, help="folder of one GRID speaker with video")
    parser.add_argument("--out", required=True, type=Path, help="library folder to write")
    parser.add_argument("--measures", type=Path, help="file that keeps the audio functionals between runs")
    parser.add_argument("--per-emotion", type=int, default=40)
    parser.add_argument("--faces", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def _measure(items: list[DatasetItem], profile: Profile, kept: Path | None) -> dict[str, np.ndarray]:
    """Raw functionals of every line: what a speaker always sounds like is known from all of the speaker's lines."""
    found = load_file(kept) if kept is not None and kept.is_file() else {}
    raw = {}
    for item in items:
        try:
            heard = found.get(item.id)
            raw[item.id] = heard if heard is not None else profile.audio.measure(load_audio(item.audio, RATE), RATE)
        except InputError as err:
            print(f"left out {item.id}: {err.message}")
    if kept is not None:
        write_tensors(kept, raw)
    return raw


def _balanced(items: list[DatasetItem], most: int, seed: int) -> list[DatasetItem]:
    """Up to `most` lines per emotion, no line twice, speakers in turn."""
    draw, chosen = random.Random(seed), []
    for emotion in EMOTIONS:
        lines = {item.text.lower(): item for item in items if item.emotion == emotion}
        queue, heard, mine = list(lines.values()), dict[str, int](), list[DatasetItem]()
        draw.shuffle(queue)
        while queue and len(mine) < most:
            item = min(queue, key=lambda one: heard.get(one.speaker, 0))
            queue.remove(item)
            heard[item.speaker] = heard.get(item.speaker, 0) + 1
            mine.append(item)
        chosen += mine
    return sorted(chosen, key=lambda item: item.id)


def _add_spoken(rows: list[ClipRow], vectors: dict[str, list[np.ndarray]], items: list[DatasetItem],
                raw: dict[str, np.ndarray], profile: Profile, seed: int) -> None:
    """Lines without a picture get captions in the describers' words (see `synthetic_captions`)."""
    rter = LiteTextEmotionEncoder()
    scenes, faces = CaptionPool(scene_caption, rter, seed), CaptionPool(face_caption, rter, seed + 1)
    draw = random.Random(seed + 2)
    captions = [{"scene": scenes.choose(item.emotion, draw), "face": faces.choose(item.emotion, draw)}
                for item in items]
    encoded = {name: rter.encode([found[name] for found in captions]) for name in ("scene", "face")}
    shares = {name: rter.classify([found[name] for found in captions]) for name in ("scene", "face")}
    for place, item in enumerate(items):
        words = profile.text.extract(item.text)
        wav = load_audio(item.audio, RATE)
        for name in ("scene", "face"):
            vectors[name].append(encoded[name][place])
        vectors["text_self"].append(words.self_vector)
        vectors["text_react"].append(words.react_vector)
        profiles = {"scene": shares["scene"][place], "face": shares["face"][place], "text": words.profile}
        rows.append(ClipRow(
            f"kokoro-{item.id.removeprefix('kokoro_mix_')}", item.speaker,
            "", item.emotion,  # MELD's words do not ship, their vectors do
            "train", "kokoro-mix",
            seconds=round(len(wav) / RATE, 3), samples=len(wav),
            captions={**captions[place], "reaction": words.reaction},
            profiles={name: [round(float(share), 3) for share in found] for name, found in profiles.items()},
            digests=footage_digests(None, item.audio), extra={"captions_source": "synthetic",
                                                                  "strength": item.extra.get("strength", 0.0)}))


def _add_filmed(rows: list[ClipRow], vectors: dict[str, list[np.ndarray]], items: list[DatasetItem],
                profile: Profile) -> None:
    """Clips with a picture are extracted as `dubctl extract` does; those without a face or sound are left out."""
    kept, raw = [], []
    for item in items:
        found = extract_clip(item, profile)
        if found.error or not {"scene", "face", "text_self", "audio_raw"} <= set(found.arrays):
            print(f"left out {item.id}: {found.error or 'no face or sound'}")
            continue
        kept.append((item, found))
        raw.append(found.arrays["audio_raw"])
    if not kept:
        return
    audio = profile.audio.normalise(np.stack(raw), [item.speaker for item, _ in kept])
    for (item, found), heard in zip(kept, audio, strict=True):
        for name in VECTORS:
            vectors[name].append(heard if name == "audio" else found.arrays[name])
        rows.append(ClipRow(f"grid-{item.id}", f"grid-{item.speaker}", item.text, item.emotion, "train", "GRID",
                            digests=footage_digests(item.video, item.audio), **found.facts,
                            extra={"captions_source": "measured"}))


if __name__ == "__main__":
    main()
