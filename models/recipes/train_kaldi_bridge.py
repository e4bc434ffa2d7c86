"""Train the bridge from the synthesizer's mel to CAM++'s filter banks (dubctl/synth/kaldi_bridge.py), about 20 minutes.

    python models/recipes/train_kaldi_bridge.py --data DATA --out models/speaker-campplus/mel_bridge.safetensors

It is taught by what the shipped voice says as HiFi-GAN sounds it (`own_mels.py`): first the bands of that sound, then
mostly what CAM++ hears in them. DATA holds kokoro_mix and librispeech; of them only training voices are prompts. The
cosines printed are CAM++ of the bridged mel against that of the sound, of lines that were held back.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from bridge_steps import descend, save_half
from own_mels import own_mels

from dubctl.campplus import Campplus, filter_banks
from dubctl.media.mel import RATE
from dubctl.speaker import to_16k
from dubctl.synth.kaldi_bridge import KaldiBridge, KaldiEar

WINDOW = 200  # frames that CAM++ hears at once here
BATCH = 6
HELD = 50
LEVEL = 0.1  # of the L1 of the bands once CAM++ listens

Pair = tuple[torch.Tensor, torch.Tensor]  # mel (T, 80) and the filter banks (T', 80) of its sound


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    pairs = [pair(mel, wav) for seed, count in ((100, args.own - args.own // 2), (101, args.own // 2))
             for mel, wav in own_mels(args.data, count, seed)]
    bridge = KaldiBridge("")
    teach(bridge, Campplus(), pairs[HELD:], args.steps, args.listen_from, np.random.default_rng(0), pairs[:HELD])
    save_half(bridge, args.out)


def pair(mel: torch.Tensor, wav: np.ndarray) -> Pair:
    """Of a mel and its sound (S,) at 22,050 Hz."""
    return mel.float(), filter_banks(to_16k(wav, RATE))


def teach(bridge: KaldiBridge, encoder: Campplus, pairs: Sequence[Pair], steps: int, listen_from: int,
          rng: np.random.Generator, held: Sequence[Pair], rate: float = 2e-3) -> None:
    """So many steps of `BATCH` windows, in place; from `listen_from` on mostly what the encoder hears counts."""
    def loss_at(step: int) -> torch.Tensor:
        made, real = windows(bridge, [pairs[rng.integers(len(pairs))] for _ in range(BATCH)], rng)
        loss = (made - real).abs().mean()
        return loss if step < listen_from else LEVEL * loss + 1 - (encoder(made) * encoder(real)).sum(1).mean()

    descend(bridge, loss_at, steps, rate, lambda: f"held-out cosine {score(bridge, encoder, held):.4f}")


def windows(bridge: KaldiBridge, pairs: Sequence[Pair], rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A random window of each: bridged and true bands (B, `WINDOW`, 80); short lines are repeated to fill one."""
    made, real = [], []
    for mel, true in pairs:
        guess = bridge(mel[None], len(true))[0]
        turns = -(-WINDOW // len(true))
        start = rng.integers(0, turns * len(true) - WINDOW + 1)
        for bands, out in ((guess, made), (true, real)):
            out.append(bands.repeat(turns, 1)[start: start + WINDOW])
    return torch.stack(made), torch.stack(real)


@torch.no_grad()
def score(bridge: KaldiBridge, encoder: Campplus, held: Sequence[Pair]) -> float:
    ear = KaldiEar(encoder, bridge)
    return float(np.mean([float(ear(mel) @ encoder(true[None])[0]) for mel, true in held]))


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--own", type=int, default=480, help=f"lines of the shipped voice, over {HELD}")
    p.add_argument("--steps", type=int, default=1000)
    p.add_argument("--listen-from", type=int, default=400)
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    if args.own <= HELD:
        p.error(f"--own {args.own} leaves nothing to learn from: {HELD} lines are held back")
    return args


if __name__ == "__main__":
    main()
