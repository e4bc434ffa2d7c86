"""Train the bridge from the synthesizer's mel to the GE2E encoder's (dubctl/synth/mel_bridge.py), about 3 minutes.

    python models/recipes/train_mel_bridge.py --data DATA --out models/speaker-encoder/mel_bridge.safetensors

DATA holds kokoro_mix, librispeech, cmu_arctic and kathleen (manifest.jsonl each). Nothing of kokoro_mix's test voices
or LibriSpeech test-other is trained on; the cosine printed is theirs,
GE2E of the bridged mel against that of the sound.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.media.silence import speech_span
from dubctl.speaker import WINDOW, SpeakerEncoder, to_16k
from dubctl.synth.mel_bridge import SILENCE, STRIDE, MelBridge

WAVES = {"kokoro_mix": (160, 12), "librispeech": (120, 2), "cmu_arctic": (30, 70), "kathleen": (20, 70)}


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    encoder = SpeakerEncoder()
    train = [pair(w, encoder) for name, (n, step) in WAVES.items() for w in waves(args.data / name, n, step, trainable)]
    held = [(pair(w, encoder)[0], torch.from_numpy(encoder.embed(w, RATE))) for name, step in
            (("kokoro_mix", 6), ("librispeech", 2))
            for w in waves(args.data / name, 40, step, lambda r: not trainable(r))]
    bridge = MelBridge(encoder.basis, "")
    optimiser = torch.optim.Adam(bridge.parameters(), 2e-3)
    rng = np.random.default_rng(0)
    for step in range(args.steps):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 30) * (1 - 0.95 * step / args.steps)
        loss = objective(bridge, encoder, [train[i] for i in rng.integers(len(train), size=6)], rng, step > 150)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 0 or step == args.steps - 1:
            cosine = score(bridge, encoder, held)
            print(step, f"{float(loss.detach()):.4f}", f"held-out cosine {cosine:.4f}", flush=True)
    save_file({n: p.detach().half().contiguous() for n, p in bridge.state_dict().items()}, args.out)


def trainable(row: dict[str, Any]) -> bool:
    """Not a test voice: kokoro_mix says so by its split, LibriSpeech test-other clips are those with text."""
    if "split" in row:
        return bool(row["split"] == "train")
    return not row["id"].startswith("ls") or not row["text"]


def waves(folder: Path, count: int, step: int, wanted: Callable[[dict[str, Any]], bool]) -> list[np.ndarray]:
    rows = [r for r in read_jsonl(folder / "manifest.jsonl") if wanted(r)][::step][:count]
    out = []
    for row in rows:
        wav = load_audio(folder / row["audio"], RATE)
        first, last = speech_span(wav)
        wav = wav[first:last]
        out.append(wav * (0.9 / np.abs(wav).max()))
    return out


def pair(wav: np.ndarray, encoder: SpeakerEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """The synthesizer's mel (T, 80) and, frame by frame at its clock, the encoder's (T', 40).

    The first mel frame is centred 128 samples into the recording; the encoder's first at 0: 5.8 ms, over which speech
    hardly moves, are shifted away.
    """
    sound = to_16k(wav, RATE)
    return mel_spectrogram(torch.from_numpy(wav)), encoder.mel(torch.from_numpy(sound[round(128 / RATE * 16000):]))


def objective(bridge: MelBridge, encoder: SpeakerEncoder, pairs: list[tuple[torch.Tensor, torch.Tensor]],
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
def score(bridge: MelBridge, encoder: SpeakerEncoder, held: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    cosines = []
    for mel, voice in held:
        power = bridge(mel[None], max(WINDOW, int(len(mel) / STRIDE)))[0]
        starts = range(0, len(power) - WINDOW + 1, 77)
        heard = F.normalize(encoder(torch.stack([power[s: s + WINDOW] for s in starts])).mean(0), dim=0)
        cosines.append(float(heard @ voice))
    return float(np.mean(cosines))


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--steps", type=int, default=700)
    p.add_argument("--threads", type=int, default=2)
    return p.parse_args()


if __name__ == "__main__":
    main()
