"""Drafts for the refiner as `dub` makes them: led by a silent rehearsal to where they are heard as their voice.

    R=models/recipes
    python $R/rehearsed_drafts.py drafts.npz --data DATA --transcripts libri.json --kept material.pkl --acted ACTED
    python $R/train_refiner.py train drafts.npz models/voice/refiner.safetensors --init models/voice/refiner.safetensors

The material is that of the timbre adapter (train_timbre.py, timbre_material.py). Each line is spoken under its
recording's own durations, pitch and energy, with that recording as the prompt; most plain lines after a silent
rehearsal (dubctl/synth/rehearsal.py), some with half of its steps or none. ACTED is a folder that acted_speech.py made:
acted lines are not rehearsed, and get their recording's long-term spectrum (train_refiner.py).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from timbre_material import Line, material, recorded_line
from train_refiner import leaning, write_drafts
from train_timbre import Batch, batch_of, own_voice

from dubctl.files import read_jsonl
from dubctl.synth.model import Synthesizer
from dubctl.synth.refiner import draft_of
from dubctl.synth.rehearsal import LISTENERS, STEPS
from dubctl.synth.voice_files import load_folder
from dubctl.training.speaker_loss import SpeakerLoss

SIZE = 8  # lines at a time
SHARES = (0.0, 0.5, 1.0, 1.0)  # of a rehearsal's steps, as often each


@dataclass
class Rehearsing:
    """A network and those who listen to it."""

    network: Synthesizer
    ears: SpeakerLoss
    rng: np.random.Generator

    def draw(self, b: Batch, condition: torch.Tensor) -> torch.Tensor:
        return self.network.decoder(b.adapted, b.durations, b.frames, condition)

    def condition(self, b: Batch) -> torch.Tensor:
        """What the sound is told (B, C), before any rehearsal."""
        if self.network.timbre is None:
            return b.condition
        return b.condition + self.network.timbre(b.x.dvector, b.x.campplus, b.x.log_f0)

    def led(self, b: Batch, condition: torch.Tensor) -> torch.Tensor:
        """The condition (B, C) after as many steps of a silent rehearsal as each line is to have."""
        share = torch.from_numpy(self.rng.choice(SHARES, len(condition))).float()[:, None]
        length = condition.norm(dim=1, keepdim=True)
        for step in STEPS:
            here = condition.clone().requires_grad_()
            mel = self.draw(b, here)
            by_ge2e = (self.ears.heard(mel, b.frames) * b.dvector).sum()
            by_campplus = -len(mel) * self.ears.second(mel, b.frames, b.campplus)  # which is a mean of losses
            heard = LISTENERS["likeness"] * by_ge2e + LISTENERS["campplus"] * by_campplus
            (slope,) = torch.autograd.grad(heard, here)
            condition = condition + share * step * length * F.normalize(slope, dim=1)
        return condition

    def rows(self, lines: list[Line], acted: bool) -> Iterator[dict[str, np.ndarray]]:
        """What train_refiner.py learns from, a line each."""
        b = batch_of(self.network, lines, own_voice, self.rng)
        with torch.no_grad():
            condition = self.condition(b)
        if not acted:
            condition = self.led(b, condition)
        with torch.no_grad():
            made = self.draw(b, condition).float()
        for line, mel in zip(lines, made, strict=True):
            heard, true = line.recording, torch.from_numpy(line.mel.astype(np.float32))
            draft = draft_of(mel[: len(true)], line.tokens.phones, line.durations, heard.dvector)
            mel = draft.mel[0] + leaning(true, draft.mel[0]) if acted else draft.mel[0]
            yield {"made": mel.half().numpy(), "true": true.half().numpy(), "phone": draft.phones[0].short().numpy(),
                   "into": draft.into[0].half().numpy(), "dvector": heard.dvector.astype(np.float32),
                   "campplus": heard.campplus.astype(np.float32), "speaker": np.array(line.speaker),
                   "acted": np.array(acted)}


def acted_lines(folder: Path) -> list[Line]:
    """The lines of a folder of acted speech that can be taught."""
    found = (recorded_line(row | {"path": folder / row["audio"]}) for row in read_jsonl(folder / "manifest.jsonl"))
    return [line for line in found if line is not None]


def drafts(network: Synthesizer, plain: list[Line], acted: list[Line], seed: int) -> list[dict[str, np.ndarray]]:
    """A row of each line, in a random order."""
    torch.manual_seed(seed)
    speaking = Rehearsing(network.eval().requires_grad_(False), SpeakerLoss(), np.random.default_rng(seed))
    rows: list[dict[str, np.ndarray]] = []
    for lines, feeling in ((plain, False), (acted, True)):
        lines = sorted(lines, key=lambda line: len(line.mel))  # what is spoken together is padded to the longest
        for at in range(0, len(lines), SIZE):
            rows += speaking.rows(lines[at: at + SIZE], feeling)
            print(len(rows), len(plain) + len(acted), flush=True)
    return [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("drafts", type=Path)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--transcripts", type=Path)
    p.add_argument("--kept", type=Path, required=True, help="the material, made where it is missing")
    p.add_argument("--acted", type=Path)
    p.add_argument("--voice", type=Path, help="folder of the voice (default: the shipped one)")
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    found = material(args.data, json.loads(args.transcripts.read_text()) if args.transcripts else {}, args.kept)
    plain = [line for line in found.lines if not line.dev]
    acted = acted_lines(args.acted) if args.acted else []
    write_drafts(args.drafts, drafts(load_folder(args.voice)[0], plain, acted, args.seed))


if __name__ == "__main__":
    main()
