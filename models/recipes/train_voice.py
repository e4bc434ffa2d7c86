"""Train the shipped voice on permissive speech, in two parts of one schedule.

    python models/recipes/train_voice.py --data DATA --more kokoro_more kokoro_fast --transcripts libri.json \
        --cache CACHE --out runs/voice --steps 4200      # part 1: aligner, decoder, variance heads
    python models/recipes/train_voice.py … --out runs/voice-e --init runs/voice/checkpoint.safetensors \
        --steps 4200 --first 3000 --emotion               # part 2: the same with graphs and references

DATA holds kokoro_mix, kathleen, cmu_arctic, librispeech, grid_s1 (manifest.jsonl each) and text/xed; `--more` are
folders made by kokoro_speech.py, `--acted` one made by acted_speech.py; `--transcripts` maps LibriSpeech ids to text (a
Whisper-base transcript; clips without are left out); `--warped` and `--poor` are folders for copies of some clips, made
where missing: shifted in pitch and formants, and as a poor microphone in a room would have them (prompts only);
`--quiet` is one for LibriSpeech without its noise, the target where the recording itself is the prompt; `--hurried` is
one for copies played at 1.2 to 1.7 times their tempo, as a line is that must fit a short shot;
`--grid-lips` is the tracks file of benchmarks/speech_window.py. Rows of the splits test and dev, and every other
recording of their sentences, never train.

In part 2 every line lies in an imagined film (imagined_films.py) of clips with known delivery: the acted ones and as
many plain ones; its references are found there as `dubctl retrieve` would, never the line itself or its words.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile as sf
import soxr
import torch
from poor_recordings import poor
from quiet_recordings import quiet
from safetensors.numpy import load_file
from voice_emotion import PLAIN_MANNER, Line, films, manner_of

from dubctl.emotion.base import EMOTIONS, LipTrack
from dubctl.emotion.lips import lip_features
from dubctl.errors import DubctlError
from dubctl.files import read_jsonl
from dubctl.library.builtin import builtin_library
from dubctl.media.audio import load_audio
from dubctl.media.mel import FRAMES_PER_SECOND, RATE, mel_spectrogram
from dubctl.media.silence import speech_span
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.config import SynthConfig
from dubctl.synth.frontend import phonemise
from dubctl.synth.symbols import tokenise
from dubctl.training import checkpoint, run
from dubctl.training.config import LossWeights, TrainConfig
from dubctl.training.data import Item
from dubctl.training.features import cached
from dubctl.training.trainer import Trainer

LONGEST = 18.0  # half of the LibriSpeech clips have over 14 s, and each is a voice that no other clip has


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    train, held, lines = corpus(args)
    source = (films(lines, args.data / "text" / "xed", args.cache / "functionals.safetensors", args.seed, args.films)
              if args.emotion else None)
    config = TrainConfig(model=dimensions() if args.emotion else SynthConfig(), steps=args.steps, emotion=args.emotion,
                         lips_from=args.lips_from, binarise_from=min(args.lips_from, 1000), seed=args.seed,
                         swap_from=args.swap_from, lr=args.lr, warmup=args.warmup, batch=args.batch, bf16=args.bf16,
                         loss=LossWeights(emotion=0.2 if args.emotion else 0.05, adversarial=args.critic,
                                          match=2 * args.critic, clear=args.clear),
                         checkpoint_every=args.checkpoint_every,
                         noisy_prompts=0.5 if args.quiet else 0.25 if args.poor else 0.0, reference_dropout=0.3,
                         graph_steps=args.graph_steps, freeze=tuple(args.freeze),
                         reader_steps=args.reader_steps if args.clear else 0, swap=args.swap)
    trainer = Trainer(config, train, held, args.out, emotion=source)
    if trainer.checkpoint_path.exists():
        trainer.resume()
    elif args.init:
        start_from(trainer, args.init)
        trainer.step = args.first
    hours = sum(i.frames for i in train) / FRAMES_PER_SECOND / 3600
    speakers = len({i.speaker for i in train})
    print(f"{len(train)} clips, {hours:.2f} h, {speakers} speakers; held out {len(held)}", flush=True)
    trainer.run(lambda done, total, note="": print(done, total, note, round(trainer.spent), flush=True))


def dimensions() -> SynthConfig:
    """The network's sizes with the lite profile's dimensions."""
    spaces = builtin_library().spaces
    return SynthConfig(scene_dim=spaces["scene"].dim, face_dim=spaces["face"].dim, text_dim=2 * spaces["text"].dim,
                       audio_dim=spaces["audio"].dim)


def start_from(trainer: Trainer, path: Path) -> None:
    """A voice folder: its weights, optimiser anew. A checkpoint: weights and optimiser state of part 1 too;
    what part 1 had in other sizes (the graphs' inputs) starts afresh."""
    if path.is_dir():
        run.start_from(trainer, path)
        return
    groups, _ = checkpoint.load(path)
    own = trainer.model.state_dict()
    keep = {n: t for n, t in groups["model"].items() if own[n].shape == t.shape}
    trainer.model.load_state_dict(keep, strict=False)
    trainer.ema = {n: (groups["ema"][n] if n in keep else t).clone() for n, t in trainer.model.state_dict().items()}
    state = {k: t for k, t in groups["optimiser"].items()
             if k.startswith("step|") or trainer.named[k.split("|", 1)[1]].shape == t.shape}
    whole = {n for n in trainer.named if f"exp_avg|{n}" in state}
    checkpoint.restore_optimiser(trainer.optimiser, {k: t for k, t in state.items() if k.split("|", 1)[1] in whole},
                                 trainer.named)


def corpus(args: argparse.Namespace) -> tuple[list[Item], list[Item], list[Line]]:
    """Training and held-out items; an item's `row` is its place among the lines."""
    encoder = SpeakerEncoder().eval()
    lips = load_file(args.grid_lips) if args.grid_lips else {}
    train: list[Item] = []
    held: list[Item] = []
    lines: list[Line] = []
    for folder, row in (*rows(args), *warped(args), *hurried(args), *acted(args)):
        media = folder / (row.get("audio") or row["video"])
        try:
            features = cached(args.cache, media, encoder)
            tokens = tokenise(row.get("phonemes") or phonemise(row["text"]))
        except DubctlError as err:
            print("left out:", err.message)
            continue
        noisy = _poor(args, row, media, encoder)
        if "quiet" in row:
            noisy = noisy or (features.mel, features.dvector)
            features = replace(features, mel=_quiet_mel(media, row["quiet"]))
        filmed = folder == args.acted
        feeling = row["emotion"] if filmed else "neutral"  # the labels of the other sets are those of their words
        item = Item(row["id"], row["speaker"], tokens, features, _lips(lips, row["id"], features), len(lines),
                    EMOTIONS.index(feeling), acted=filmed, noisy=noisy,
                    played=folder == args.hurried)
        if not item.fits(LONGEST) or len(tokens) < 5:
            continue
        lines.append(Line(row["id"], media, row["speaker"], row["text"], feeling,
                          manner_of(row) if filmed else PLAIN_MANNER, filmed))
        (held if row.get("split") == "dev" else train).append(item)
    for item in train:
        if item.acted:
            usual = [i.log_f0 for i in train if i.speaker == item.speaker and not i.acted]
            item.log_f0 = float(np.mean(usual)) if usual else item.log_f0
    return train, held, lines


def acted(args: argparse.Namespace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Acted clips; those with feeling count `--acted-weight` times."""
    if args.acted:
        for row in read_jsonl(args.acted / "manifest.jsonl"):
            for _ in range(args.acted_weight if row["emotion"] != "neutral" else 1):
                yield args.acted, row


POOR_SHARE = 0.3


def _poor(args: argparse.Namespace, row: dict[str, Any], media: Path,
          encoder: SpeakerEncoder) -> tuple[np.ndarray, np.ndarray] | None:
    """Mel and d-vector of a poor recording of some plain clips."""
    draw = random.Random("poor" + row["id"])
    if not args.poor or draw.random() > POOR_SHARE or "strength" in row or "audio" not in row:
        return None
    path = args.poor / f"{row['id']}.flac"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, poor(load_audio(media, RATE), draw.randrange(2**31)), RATE)
    found = cached(args.cache, path, encoder)
    return found.mel, found.dvector


def rows(args: argparse.Namespace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(folder, manifest row) of everything that may train or be held out."""
    plain = re.compile(r"[^a-z ]")
    mix = read_jsonl(args.data / "kokoro_mix" / "manifest.jsonl")
    reserved = {plain.sub("", r["text"].lower()) for r in mix if r["split"] != "train"}
    yield from ((args.data / "kokoro_mix", r) for r in mix if r["split"] != "test")
    for name in ("kathleen", "cmu_arctic", "grid_s1"):
        for row in read_jsonl(args.data / name / "manifest.jsonl")[:: args.thin if name != "grid_s1" else 1]:
            if plain.sub("", row["text"].lower()) not in reserved:
                yield args.data / name, row
    spoken = json.loads(args.transcripts.read_text()) if args.transcripts else {}
    for row in read_jsonl(args.data / "librispeech" / "manifest.jsonl"):
        if not row["text"] and spoken.get(row["id"]):  # clips that come with text are test-other: kept for testing
            yield args.data / "librispeech", {**row, "text": spoken[row["id"]]} | _quiet(args, row)
    for folder in args.more:
        for manifest in sorted(folder.glob("manifest*.jsonl")):
            yield from ((folder, r) for r in read_jsonl(manifest))


def _quiet(args: argparse.Namespace, row: dict[str, Any]) -> dict[str, Path]:
    """The quiet copy of a LibriSpeech clip that is short enough to train on."""
    if not args.quiet or row["seconds"] > LONGEST + 1:
        return {}
    path = args.quiet / f"{row['id']}.flac"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, quiet(load_audio(args.data / "librispeech" / row["audio"], RATE), RATE), RATE)
    return {"quiet": path}


def _quiet_mel(media: Path, path: Path) -> np.ndarray:
    """Mel (T, 80) of a quiet copy, cut and levelled as the recording itself is."""
    wav = load_audio(media, RATE)
    first, last = speech_span(wav)
    level = 0.9 / float(np.abs(wav[first:last]).max())
    return mel_spectrogram(torch.from_numpy(load_audio(path, RATE)[first:last] * level)).numpy().astype(np.float16)


def _copies(args: argparse.Namespace, folder: Path, row: dict[str, Any], path: Path,
            copy: Callable[[Path, Path], None]) -> dict[str, Path]:
    """Make a copy of a clip where it is missing, and of its quiet copy where it has one."""
    pairs = [(folder / row["audio"], path)] + ([(row["quiet"], args.quiet / path.name)] if "quiet" in row else [])
    for source, made in pairs:
        made.parent.mkdir(parents=True, exist_ok=True)
        if not made.exists():
            copy(source, made)
    return {"quiet": args.quiet / path.name} if "quiet" in row else {}


WARPS = (0.84, 0.9, 1.1, 1.18)
WARP_SHARE = {"librispeech": 1.0, "kokoro_mix": 0.35, "cmu_arctic": 0.15, "kathleen": 0.15}  # others: 0.35


def warped(args: argparse.Namespace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Copies of some training clips played faster or slower: pitch and formants move together, as in a smaller or
    larger person, so that one speaker gives voices which no recording at hand has. A speaker of few clips keeps one
    factor, so that his copies are one new speaker."""
    if not args.warped:
        return
    for folder, row in rows(args):
        draw = random.Random(row["id"])
        if row.get("split") == "dev" or draw.random() > WARP_SHARE.get(folder.name, 0.35) or "audio" not in row:
            continue
        many = folder.name in ("cmu_arctic", "kathleen")
        factor = (draw if many else random.Random(row["speaker"])).choice(WARPS)
        path = args.warped / f"{row['id']}_{factor}.flac"
        yield args.warped, {**row, "id": path.stem, "audio": path.name, "speaker": f"{row['speaker']}x{factor}",
                            **_copies(args, folder, row, path, partial(_warp, factor=factor))}


def _warp(source: Path, made: Path, factor: float) -> None:
    sf.write(made, soxr.resample(load_audio(source, RATE), RATE * factor, RATE), RATE)


HURRY = (1.2, 1.7)
HURRY_SHARE = {"librispeech": 0.4, "kokoro_mix": 0.3, "cmu_arctic": 0.15, "kathleen": 0.15}  # others: 0.35


def hurried(args: argparse.Namespace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Copies of some training clips at a quicker tempo, pitch and formants as they were (Rubber Band): speech at the
    pace that a short shot asks for, which nobody at hand but GRID's talker keeps."""
    for folder, row in rows(args) if args.hurried else ():
        draw = random.Random("hurried" + row["id"])
        if row.get("split") == "dev" or draw.random() > HURRY_SHARE.get(folder.name, 0.35) or "audio" not in row:
            continue
        path = args.hurried / f"{row['id']}_hurried.flac"
        yield args.hurried, {**row, "id": path.stem, "audio": path.name,
                             **_copies(args, folder, row, path, partial(_hurry, tempo=draw.uniform(*HURRY)))}


def _hurry(source: Path, made: Path, tempo: float) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(source), "-af",
                    f"rubberband=tempo={tempo:.3f}", "-ac", "1", "-ar", str(RATE), str(made)], check=True)


def _lips(tracks: dict[str, np.ndarray], id: str, features: Any) -> np.ndarray | None:
    if f"{id}.opening" not in tracks:
        return None
    track = LipTrack(*(tracks[f"{id}.{n}"] for n in ("opening", "width")), tracks[f"{id}.visible"].astype(bool))
    start = float(features.start)
    values, visible = lip_features(track, start, start + len(features.mel) / FRAMES_PER_SECOND)
    return values if len(values) > 1 and visible.mean() > 0.8 else None


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in ("--data", "--cache", "--out"):
        p.add_argument(flag, type=Path, required=True)
    for flag in ("--acted", "--transcripts", "--grid-lips", "--init", "--warped", "--poor", "--hurried",
                 "--quiet"):
        p.add_argument(flag, type=Path)
    p.add_argument("--more", type=Path, nargs="*", default=[])
    p.add_argument("--acted-weight", type=int, default=2, help="how often an acted clip comes in an epoch")
    p.add_argument("--steps", type=int, default=4200)
    p.add_argument("--first", type=int, default=0, help="with --init: the step the schedule stands at")
    p.add_argument("--lips-from", type=int, default=1200)
    p.add_argument("--thin", type=int, default=1, help="take every N-th clip of the three speakers with hundreds")
    p.add_argument("--swap-from", type=int, default=1500)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--warmup", type=int, default=400)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--checkpoint-every", type=int, default=200, metavar="STEPS")
    p.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True,
                   help="bfloat16 autocast; --no-bf16 on a CPU that cannot")
    p.add_argument("--emotion", action="store_true")
    p.add_argument("--films", type=int, default=4, help="films that the lines are dealt into, one a batch")
    p.add_argument("--graph-steps", type=int, default=1500, help="steps of the graphs alone, before the others")
    p.add_argument("--critic", type=float, default=0.0,
                   help="weight of a critic of mels; matching its features has twice that")
    p.add_argument("--clear", type=float, default=0.0, help="weight of a reader of phones")
    p.add_argument("--reader-steps", type=int, default=600, help="steps that the reader learns alone first")
    p.add_argument("--swap", type=float, default=0.15, help="share of items spoken in a stranger's voice")
    p.add_argument("--freeze", nargs="*", default=[], metavar="PART", help="parts of the network that stay: graphs, …")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


if __name__ == "__main__":
    main()
