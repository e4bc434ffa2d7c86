"""Make permissive emotional training speech: Kokoro-82M (Apache-2.0) spoken with the prosody that actors give a feeling.

What moves is measured (`measure_prosody.py` -> dubctl/dubbing/acted_prosody.json: means over the speakers of the real
acted sets, relative to each speaker's neutral); what sounds is synthetic, so no clip carries any person's recording.
How it is rendered stands in `acted_render.py`, what it measures in docs/acted-speech.md. Inputs as for
`kokoro_speech.py`, and the package `onnx`, none of which dubctl needs at run time:

    python models/recipes/acted_speech.py --model kokoro.onnx --voices package/voices --lines lines.txt \
        --out acted/train --groups 250 --seed 11 --shard 0/1
    python models/recipes/acted_speech.py ... --out acted/test --test --groups 40 --seed 12

A group is one line of one voice: its neutral rendering (the twin) and `--feelings` of the six emotions, each at a
strength drawn from `--strength` (1 is an actor's normal intensity, 2 the strong one). Writes `OUT/audio/*.wav` (22,050
Hz mono int16, peak 0.9) and a row per clip to `OUT/manifest.jsonl` (a shard I/N to `manifest.I.jsonl`); a second run
goes on where the first stopped. `--test` speaks with the held-out voices and blends among these, which never take part
otherwise, and all six emotions of every line.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import soundfile as sf
import soxr
from acted_render import NEUTRAL, ActedKokoro, colour, delivery_of, load_table, varied
from kokoro_speech import HELD_OUT, RATE_IN, RATE_OUT, VOCAB, blend, load_packs, trim

FEELINGS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
TABLE = Path(__file__).parents[2] / "dubctl" / "dubbing" / "acted_prosody.json"


@dataclass(frozen=True)
class Voice:
    name: str
    made_of: str
    pack: np.ndarray  # (510, 256): row = number of tokens
    accent: str
    gender: str


@dataclass(frozen=True)
class Group:
    """One line of one voice, and the (emotion, strength) it is given besides neutral."""

    id: str
    voice: Voice
    text: str
    speed: float
    feelings: tuple[tuple[str, float], ...]


def voices_of(folder: Path, blends: int, beyond: float, test: bool, rng: random.Random, seed: int) -> list[Voice]:
    """Training voices, or with `test` the held-out ones; packs first, then blends of the same."""
    if test:
        packs = {name: np.fromfile(folder / f"{name}.bin", np.float32).reshape(-1, 256) for name in HELD_OUT}
    else:
        packs = load_packs(folder)
    found = [Voice(name, name, pack, "en-gb" if name[0] == "b" else "en-us", name[1]) for name, pack in packs.items()]
    for i in range(blends):
        made_of, pack, accent = blend(packs, rng, beyond)
        genders = [name[1] for name in made_of.split("+")]
        found.append(Voice(f"acted{seed}_{i:03d}", made_of, pack, accent, max("fm", key=genders.count)))
    return found


def groups_of(args: argparse.Namespace) -> list[Group]:
    """The same for the same arguments: voices in turn, lines of 4 to `--longest` words in the file's order."""
    rng = random.Random(args.seed)
    voices = voices_of(args.voices, args.blends, args.beyond, args.test, rng, args.seed)
    lines = [t for t in map(str.strip, args.lines.read_text(encoding="utf-8").splitlines())
             if 4 <= len(re.findall(r"[A-Za-z']+", t)) <= args.longest]
    lines = lines[-args.reserve:] if args.test else lines[:-args.reserve]
    found = []
    for i in range(args.groups):
        feelings = FEELINGS if args.test else rng.sample(FEELINGS, args.feelings)
        found.append(Group(f"ac{args.seed}_{i:04d}", voices[i % len(voices)], lines[i % len(lines)],
                           round(rng.uniform(0.9, 1.1), 3),
                           tuple((f, round(rng.uniform(*args.strength), 3)) for f in feelings)))
    return found


def render(group: Group, kokoro: ActedKokoro, ids: list[int], table: dict[str, Any]) -> dict[str, np.ndarray]:
    """Waveforms at 24 kHz by emotion; neutral first."""
    style = group.voice.pack[min(len(ids), len(group.voice.pack)) - 1][None]
    rng = np.random.default_rng(int.from_bytes(group.id.encode()[-8:], "little"))
    twin = kokoro.speak(ids, style, group.speed, group.voice.gender, NEUTRAL, rng)
    found = {"neutral": twin.wav}
    for emotion, strength in group.feelings:
        delivery = varied(delivery_of(table, emotion, strength, group.voice.gender), rng)
        acted = kokoro.speak(ids, style, group.speed, group.voice.gender, delivery, rng)
        found[emotion] = colour(acted, twin, delivery)
    return found


def write(group: Group, waves: dict[str, np.ndarray], phonemes: str, out: Path, split: str, sink: TextIO) -> None:
    """The group's clips and rows; the rows last, so that a group that was cut off is done again."""
    rows, strengths = [], dict(group.feelings)
    for emotion, wav in waves.items():
        name = f"{group.id}_{emotion}"
        sound = trim(soxr.resample(wav, RATE_IN, RATE_OUT))
        sound = sound * (0.9 / max(1e-4, float(np.abs(sound).max())))
        sf.write(out / "audio" / f"{name}.wav", sound, RATE_OUT, subtype="PCM_16")
        rows.append({"id": name, "audio": f"audio/{name}.wav", "speaker": group.voice.name,
                     "blend": group.voice.made_of, "gender": group.voice.gender, "text": group.text,
                     "phonemes": phonemes, "emotion": emotion, "strength": strengths.get(emotion, 0.0),
                     "speed": group.speed, "seconds": round(len(sound) / RATE_OUT, 3), "split": split,
                     "twin": None if emotion == "neutral" else f"{group.id}_neutral"})
    sink.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    sink.flush()


def main() -> None:
    args = parse()
    from misaki import espeak

    table, kokoro = load_table(args.table), ActedKokoro(args.model, args.threads)
    g2p = {accent: espeak.EspeakG2P(language=accent) for accent in ("en-us", "en-gb")}
    shard, shards = map(int, args.shard.split("/"))
    (args.out / "audio").mkdir(parents=True, exist_ok=True)
    rows = args.out / ("manifest.jsonl" if shards == 1 else f"manifest.{shard}.jsonl")
    done = {json.loads(r)["id"].rsplit("_", 1)[0] for r in rows.read_text().splitlines()} if rows.exists() else set()
    with rows.open("a", encoding="utf-8") as sink:
        for i, group in enumerate(groups_of(args)):
            if i % shards != shard or group.id in done:
                continue
            phonemes = g2p[group.voice.accent](group.text)[0]
            ids = [VOCAB[c] for c in phonemes if c in VOCAB][:508]
            if len(ids) >= 4:
                write(group, render(group, kokoro, ids, table), phonemes, args.out, "test" if args.test else "train",
                      sink)


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in ("--model", "--voices", "--lines", "--out"):
        p.add_argument(flag, type=Path, required=True)
    p.add_argument("--table", type=Path, default=TABLE)
    p.add_argument("--groups", type=int, default=250)
    p.add_argument("--feelings", type=int, default=4, help="emotions of a training group, besides neutral")
    p.add_argument("--strength", type=float, nargs=2, default=(1.2, 1.8), metavar=("FROM", "TO"))
    p.add_argument("--blends", type=int, default=96)
    p.add_argument("--beyond", type=float, default=0.3, help="share of the blends outside the packs' hull")
    p.add_argument("--longest", type=int, default=10, help="words in a line")
    p.add_argument("--reserve", type=int, default=60, help="lines at the end of the file that only --test speaks")
    p.add_argument("--test", action="store_true")
    p.add_argument("--seed", type=int, default=11)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--shard", default="0/1", help="I/N: do every N-th group, starting at I")
    return p.parse_args()


if __name__ == "__main__":
    main()
