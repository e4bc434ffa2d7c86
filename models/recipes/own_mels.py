"""What the shipped voice says: its mels, and the sound that HiFi-GAN makes of them.

Prompts are of training voices, half of them cut to 2 to 4 s, and what is asked for often lies beside the prompt's
d-vector, as takes ask (`dubctl/synth/takes.py`).
"""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import torch

from dubctl.errors import InputError
from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE
from dubctl.speaker import moved
from dubctl.synth.prompt import read_prompt
from dubctl.synth.voice import Voice

LINE_WORDS = range(4, 17)


def own_mels(data: Path, count: int, seed: int = 100, voice: Voice | None = None) -> list[tuple[torch.Tensor,
                                                                                                np.ndarray]]:
    """So many mels (T, 80) and their sounds (S,) at 22,050 Hz; lines of kokoro_mix's training split in the voices of
    its speakers and, more of them, of LibriSpeech's without text."""
    rng, voice = random.Random(seed), voice or Voice.load()
    mix = [row for row in read_jsonl(data / "kokoro_mix" / "manifest.jsonl") if row["split"] == "train"]
    read = [row for row in read_jsonl(data / "librispeech" / "manifest.jsonl") if not row["text"]]
    texts = sorted({row["text"] for row in mix if len(row["text"].split()) in LINE_WORDS})
    pools = [(data / "kokoro_mix", [r for r in mix if r["seconds"] > 2.2]),
             (data / "librispeech", [r for r in read if r["seconds"] > 3])]
    said: list[tuple[torch.Tensor, np.ndarray]] = []
    before = None
    while len(said) < count:
        folder, rows = pools[rng.random() < 0.6]
        wav = load_audio(folder / rng.choice(rows)["audio"], RATE)
        try:
            prompt = read_prompt(wav[:int(rng.uniform(2, 4) * RATE)] if rng.random() < 0.5 else wav, RATE)
        except InputError:
            continue
        asked = prompt.dvector
        if before is not None and rng.random() < 0.6:
            asked = moved(asked, rng.uniform(0.05, 0.4) * (before - asked) * (1 if rng.random() < 0.3 else -1))
        before = prompt.dvector
        done = voice.perform(rng.choice(texts), dataclasses.replace(prompt, dvector=asked), None)
        said.append((torch.from_numpy(done.mel), voice.sound(done)))
    return said
