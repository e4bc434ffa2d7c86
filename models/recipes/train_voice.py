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

`--pack` and `--packed` train on another machine: `--packed FILE --init VOICE --device cuda --workers 12` needs nothing
else.

In part 2 every line lies in an imagined film (imagined_films.py) of clips with known delivery: the acted ones and as
many plain ones; its references are found there as `dubctl retrieve` would, never the line itself or its words.
"""

from __future__ import annotations

import argparse
import math
import time
from functools import partial
from pathlib import Path

import torch
from voice_pack import pack, unpack

from dubctl.config import load_dataclass
from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.synth.config import SynthConfig
from dubctl.synth.voice_files import load_folder
from dubctl.training import checkpoint, run
from dubctl.training.config import LossWeights, TrainConfig
from dubctl.training.data import Item
from dubctl.training.emotion_data import EmotionSource
from dubctl.training.trainer import Trainer


def main() -> None:
    began, args = time.monotonic(), parse()
    torch.set_num_threads(args.threads)
    torch.set_float32_matmul_precision("high")  # of a GPU; CPUs take no notice
    train, held, source, model = material(args)
    if args.pack:
        pack(args.pack, train, held, source, load_folder(args.init)[0])
    if args.pack or args.snippets:
        return
    config = TrainConfig(model=model, steps=args.steps, emotion=args.emotion,
                         lips_from=args.lips_from, binarise_from=min(args.lips_from, 1000), seed=args.seed,
                         swap_from=args.swap_from, lr=args.lr, warmup=args.warmup, batch=args.batch, bf16=args.bf16,
                         loss=LossWeights(emotion=0.2 if args.emotion else 0.05, adversarial=args.critic,
                                          match=2 * args.critic, clear=args.clear, speaker=args.speaker,
                                          contrast=args.speaker / 10),
                         checkpoint_every=args.checkpoint_every,
                         noisy_prompts=noisy_prompts(args), voice_jitter=args.voice_jitter, reference_dropout=0.3,
                         graph_steps=args.graph_steps, freeze=tuple(args.freeze),
                         reader_steps=args.reader_steps if args.clear else 0, swap=args.swap,
                         workers=args.workers, log_every=args.log_every)
    trainer = Trainer(config, train, held, args.out, args.device, source)
    if trainer.checkpoint_path.exists():
        trainer.resume()
    elif args.init:
        start_from(trainer, args.init)
        trainer.step = args.first
    hours = sum(i.frames for i in train) / FRAMES_PER_SECOND / 3600
    speakers = len({i.speaker for i in train})
    print(f"{len(train)} clips, {hours:.2f} h, {speakers} speakers; held out {len(held)}", flush=True)
    until = args.seconds - (time.monotonic() - began) if args.seconds else math.inf
    trainer.run(partial(_tell, trainer, until, args.steps, []))


def _tell(trainer: Trainer, until: float, most: int, pace: list[tuple[int, float]], done: int, total: int,
          note: str = "") -> None:
    """Print how far it is; the steps, and the schedule with them, become as many as fit into `until` seconds, but not
    more than `most`, for so many batches are dealt out."""
    if not note.startswith("reader"):
        pace.append((trainer.step, trainer.spent))
    if until < math.inf and len(pace) > 2:
        (first, then), (step, now) = pace[0], pace[-1]
        trainer.config.steps = min(most, step + max(1, int((until - now) / (now - then) * (step - first))))
    print(done, trainer.config.steps, note, round(trainer.spent), flush=True)


def material(args: argparse.Namespace) -> tuple[list[Item], list[Item], EmotionSource | None, SynthConfig]:
    """Training and held-out items, films, and the network's sizes: from `--packed`, or from the clips themselves (of
    which `--snippets` are written on the way)."""
    if args.packed:
        train, held, source, model = unpack(args.packed)
        return train, held, source if args.emotion else None, load_dataclass(SynthConfig, model, str(args.packed))
    from voice_corpus import corpus, save_snippets
    from voice_emotion import films

    train, held, lines = corpus(args)
    if args.snippets:
        save_snippets(args, train, lines)
    if not args.emotion:
        return train, held, None, SynthConfig()
    kept = args.cache / "functionals.safetensors"
    return train, held, films(lines, args.data / "text" / "xed", kept, args.seed, args.films), dimensions()


def noisy_prompts(args: argparse.Namespace) -> float:
    """The share that was asked for, or what the copies at hand allow."""
    usual = 0.5 if args.quiet else 0.25 if args.poor else 0.0
    return usual if args.noisy_prompts is None else float(args.noisy_prompts)


def dimensions() -> SynthConfig:
    """The network's sizes with the lite profile's dimensions."""
    from dubctl.library.builtin import builtin_library

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


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, default=Path("runs/voice"))
    for flag in ("--data", "--cache", "--acted", "--transcripts", "--grid-lips", "--init", "--warped", "--poor",
                 "--hurried", "--quiet"):
        p.add_argument(flag, type=Path)
    p.add_argument("--pack", type=Path, metavar="FILE", help="write the material, aligned by --init, and stop")
    p.add_argument("--snippets", type=Path, metavar="FILE", help="write recordings of some items, and stop")
    p.add_argument("--packed", type=Path, metavar="FILE", help="train on what --pack wrote; no other data is needed")
    p.add_argument("--seconds", type=float, default=0.0,
                   help="end by then: fewer steps than --steps, and the schedule with them")
    p.add_argument("--device", default="cpu")
    p.add_argument("--workers", type=int, default=0, help="processes that make batches ahead")
    p.add_argument("--log-every", type=int, default=10, metavar="STEPS")
    p.add_argument("--speaker", type=float, default=0.5, help="weight of GE2E; telling voices apart has a tenth")
    p.add_argument("--noisy-prompts", type=float,
                   help="share of prompts heard as a poor recording, where there is one (default: half with --quiet, "
                        "a quarter with --poor, else none)")
    p.add_argument("--voice-jitter", type=float, default=0.0, metavar="SHARE",
                   help="tell d-vectors beside the voice's, up to this share of how two clips of a speaker differ")
    p.add_argument("--more", type=Path, nargs="*", default=[])
    p.add_argument("--acted-weight", type=int, default=2, help="how often an acted clip comes in an epoch")
    p.add_argument("--steps", type=int, default=4200)
    p.add_argument("--first", type=int, default=0, help="with --init: the step the schedule stands at")
    p.add_argument("--lips-from", type=int, default=1200)
    p.add_argument("--quiet-voice", type=float, default=0.0, metavar="SHARE",
                   help="how much of the d-vector that GE2E asks for is the quiet recording's")
    p.add_argument("--copies", type=float, default=1.0, help="share of the warped and hurried copies that are taken")
    p.add_argument("--parts", action="store_true",
                   help="cut the recordings that have a --quiet copy in their pauses, as --init aligns them: a voice "
                        "then has several")
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
    args = p.parse_args()
    if args.parts and (not args.init or not args.quiet or args.snippets):
        p.error("--parts needs --init and --quiet, and cannot go with --snippets, which are of whole recordings")
    return args


if __name__ == "__main__":
    main()
