"""Train the bridge from the synthesizer's mel to the GE2E encoder's (dubctl/synth/mel_bridge.py), about 15 minutes.

    python models/recipes/train_mel_bridge.py --data DATA --out models/speaker-encoder/mel_bridge.safetensors

DATA holds kokoro_mix, librispeech, cmu_arctic and kathleen (manifest.jsonl each). First it learns from recordings, then
with `--own` lines more from what the shipped voice says as HiFi-GAN sounds it: mels that are smoother than recordings',
and the sound that they become. `--start` goes on with a bridge instead of the first part. Nothing of kokoro_mix's test
voices or LibriSpeech test-other is trained on; the cosines printed are GE2E of the bridged mel against that of the
sound: theirs, and those of lines of the voice's that were held back.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bridge_steps import descend, save_half
from own_mels import own_mels

from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.media.silence import speech_span
from dubctl.speaker import WINDOW, SpeakerEncoder, to_16k
from dubctl.synth.mel_bridge import SILENCE, STRIDE, MelBridge, MelEar

WAVES = {"kokoro_mix": (160, 12), "librispeech": (120, 2), "cmu_arctic": (30, 70), "kathleen": (20, 70)}
RECORDED = 0.25  # of what the second part draws
HELD_OWN = 50

Pair = tuple[torch.Tensor, torch.Tensor]  # mel (T, 80), and what is to be found: power (T', 40) or a voice (256,)


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    encoder, rng = SpeakerEncoder(), np.random.default_rng(0)
    recorded = [pair(mel, wav, encoder) for name, (n, step) in WAVES.items()
                for mel, wav in recordings(args.data / name, n, step, trainable)]
    held = {"recordings": [voiced(mel, wav, encoder) for name, step in (("kokoro_mix", 6), ("librispeech", 2))
                           for mel, wav in recordings(args.data / name, 40, step, lambda r: not trainable(r))]}
    bridge = MelBridge(encoder.basis, args.start or "")
    if args.start is None:
        teach(bridge, encoder, lambda: recorded[rng.integers(len(recorded))], args.steps, 2e-3, rng, held)
    if args.own:
        said = own_mels(args.data, args.own)
        held["own"] = [voiced(mel, wav, encoder) for mel, wav in said[-HELD_OWN:]]
        own = [pair(mel, wav, encoder) for mel, wav in said[:-HELD_OWN]]

        def draw() -> Pair:
            pool = recorded if rng.random() < RECORDED else own
            return pool[rng.integers(len(pool))]

        teach(bridge, encoder, draw, args.own_steps, 1e-3, rng, held, listen_from=0)
    save_half(bridge, args.out)


def teach(bridge: MelBridge, encoder: SpeakerEncoder, draw: Callable[[], Pair], steps: int, rate: float,
          rng: np.random.Generator, held: dict[str, list[Pair]], listen_from: int = 150) -> None:
    """So many steps of six pairs each, in place; from `listen_from` on what the encoder hears counts."""
    def loss_at(step: int) -> torch.Tensor:
        return objective(bridge, encoder, [draw() for _ in range(6)], rng, step >= listen_from)

    def tell() -> str:
        scores = (f"{name} {score(bridge, encoder, pairs):.4f}" for name, pairs in held.items())
        return f"held-out cosine: {', '.join(scores)}"

    descend(bridge, loss_at, steps, rate, tell)


def trainable(row: dict[str, Any]) -> bool:
    """Not a test voice: kokoro_mix says so by its split, LibriSpeech test-other clips are those with text."""
    if "split" in row:
        return bool(row["split"] == "train")
    return not row["id"].startswith("ls") or not row["text"]


def recordings(folder: Path, count: int, step: int,
               wanted: Callable[[dict[str, Any]], bool]) -> list[tuple[torch.Tensor, np.ndarray]]:
    """Mels (T, 80) and sounds (S,) of every `step`-th of the rows that are wanted."""
    rows = [r for r in read_jsonl(folder / "manifest.jsonl") if wanted(r)][::step][:count]
    out = []
    for row in rows:
        wav = load_audio(folder / row["audio"], RATE)
        first, last = speech_span(wav)
        wav = wav[first:last]
        wav = wav * (0.9 / np.abs(wav).max())
        out.append((mel_spectrogram(torch.from_numpy(wav)), wav))
    return out


def pair(mel: torch.Tensor, wav: np.ndarray, encoder: SpeakerEncoder) -> Pair:
    """A mel (T, 80) and, frame by frame at its clock, the encoder's (T', 40) of its sound (S,) at 22,050 Hz.

    The first mel frame is centred 128 samples into the recording; the encoder's first at 0: 5.8 ms, over which speech
    hardly moves, are shifted away.
    """
    return mel, encoder.mel(torch.from_numpy(to_16k(wav, RATE)[round(128 / RATE * 16000):]))


def voiced(mel: torch.Tensor, wav: np.ndarray, encoder: SpeakerEncoder) -> Pair:
    """A mel (T, 80) and the voice (256,) of its sound."""
    return mel, torch.from_numpy(encoder.embed(wav, RATE))


def objective(bridge: MelBridge, encoder: SpeakerEncoder, pairs: Sequence[Pair],
              rng: np.random.Generator, listen: bool) -> torch.Tensor:
    """L1 of log powers weighted by loudness; then mostly 1 - cosine of what the encoder hears in a window."""
    loss = torch.zeros(())
    made, real = [], []
    for mel, true in pairs:
        guess = bridge(mel[None], int(len(mel) / STRIDE))[0]
        count = min(len(guess), len(true))
        guess, true = guess[:count], true[:count]
        loud = (true + 1e-6).sqrt()
        error = (guess.log() - (true + SILENCE).log()).clamp(-6, 6).abs()
        loss = loss + (error * (loud / loud.mean() + 0.05)).mean() / len(pairs)
        if count >= WINDOW:
            start = int(rng.integers(0, count - WINDOW + 1))
            made.append(guess[start: start + WINDOW])
            real.append(true[start: start + WINDOW])
    if listen and made:
        loss = 0.2 * loss + 3 * (1 - (encoder(torch.stack(made)) * encoder(torch.stack(real))).sum(1)).mean()
    return loss


@torch.no_grad()
def score(bridge: MelBridge, encoder: SpeakerEncoder, held: Sequence[Pair]) -> float:
    ear = MelEar(encoder, bridge)
    return float(np.mean([float(ear(mel) @ voice) for mel, voice in held]))


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--start", type=Path, help="a bridge to go on with")
    p.add_argument("--steps", type=int, default=700)
    p.add_argument("--own", type=int, default=480, help=f"lines of the shipped voice, over {HELD_OWN}; 0 for none")
    p.add_argument("--own-steps", type=int, default=1000)
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    if 0 < args.own <= HELD_OWN:
        p.error(f"--own {args.own} leaves nothing to learn from: {HELD_OWN} lines are held back")
    return args


if __name__ == "__main__":
    main()
