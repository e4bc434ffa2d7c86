"""Teach a voice's decoder what CAM++ hears in a prompt (dubctl/synth/timbre.py), 38 minutes on one core.

    python models/recipes/train_timbre.py --data DATA --transcripts libri.json --kept material.pkl \
        --voice models/voice --out runs/timbre

Only the timbre adapter and the decoder learn; how a line is read stays to the last bit. A line is drawn under its
recording's own durations, pitch and energy, in its own voice or, mostly, in another, which is told by one recording and
wanted as all its recordings say: GE2E and CAM++ hear the mel through their bridges, a reader of phones holds the words,
and L1 holds lines in their own voice to what was recorded. Every twelfth of LibriSpeech's speakers is held out; `held:`
lines say how like the told recording and the voice's others GE2E and CAM++ hear voices of theirs. `--transcripts` as in
train_voice.py; the material is kept in `--kept`. What is left is `--share` of what was learnt: all of it costs words.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from timbre_material import Line, Material, Recording, material, mean_of

from dubctl.files import write_json
from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.synth.decoder import energy_of, token_mean
from dubctl.synth.model import Inputs, Synthesizer
from dubctl.synth.pitch import mean_log_f0
from dubctl.synth.voice_files import load_folder
from dubctl.training.data import crop_of, log_pitch_of
from dubctl.training.losses import mel_l1
from dubctl.training.padding import pad
from dubctl.training.reader import Reading, spoken
from dubctl.training.speaker_loss import SpeakerLoss

OWN = 0.35  # share of lines in their own voice
REAL = 0.75  # share of LibriSpeech's voices among the others
AT_MOST = 5  # recordings that say how a voice is wanted
LONGEST, LONGEST_READ = 8.0, 13.0  # seconds of a line; of LibriSpeech's
HOLD = 12  # every so many speakers
SLOWER = 0.4  # the decoder's rate, to the adapter's
EMA = 0.995


@dataclass
class Told:
    """Whose voice a line is spoken in: the recording that tells it, and the vectors (256,), (192,) that are wanted."""

    speaker: str
    by: Recording
    dvector: np.ndarray
    campplus: np.ndarray


@dataclass
class Batch:
    """B lines understood, with all that the decoder and the losses are told; shapes as in `synth.model`."""

    x: Inputs
    adapted: torch.Tensor
    condition: torch.Tensor
    durations: torch.Tensor
    frames: torch.Tensor
    mel: torch.Tensor
    dvector: torch.Tensor
    campplus: torch.Tensor
    own: torch.Tensor
    speakers: list[str]


class Casting:
    """Who speaks which line. Every choice is `rng`'s."""

    def __init__(self, found: Material, rng: np.random.Generator) -> None:
        self.rng = rng
        people = sorted({name.split("x")[0] for name in found.real})
        self.kept = set(people[::HOLD])
        self.unseen = {n: r for n, r in found.real.items() if n.split("x")[0] in self.kept and len(r) > 2}
        self.real = {n: r for n, r in found.real.items() if n.split("x")[0] not in self.kept and len(r) > 1}
        self.synthetic = found.synthetic()
        self.lines = [line for line in found.lines if self._fits(line, found)]
        self.lengths = np.array([len(line.mel) for line in self.lines])

    def _fits(self, line: Line, found: Material) -> bool:
        read = line.speaker in found.real
        longest = LONGEST_READ if read else LONGEST
        return (not line.dev and len(line.mel) <= longest * FRAMES_PER_SECOND
                and not (read and line.speaker.split("x")[0] in self.kept))

    def some(self, count: int) -> list[Line]:
        """Lines of about one length."""
        about = self.lengths[self.rng.integers(len(self.lengths))]
        far = np.abs(self.lengths - about) * self.rng.uniform(0.8, 1.2, len(self.lengths))
        near = np.argsort(far)[: 4 * count]
        return [self.lines[i] for i in self.rng.choice(near, min(count, len(near)), replace=False)]

    def voice(self, line: Line) -> Told:
        """Whose voice to speak a line in: its own, or another."""
        name = line.speaker
        if self.rng.random() > OWN:
            pool = self.real if self.real and self.rng.random() < REAL else self.synthetic or self.real
            name = list(pool)[self.rng.integers(len(pool))]
        recordings = self.real.get(name) or self.synthetic.get(name)
        if recordings is None:
            return own_voice(line)
        told = recordings[self.rng.integers(len(recordings))]
        if len(recordings) > AT_MOST:
            recordings = [*(recordings[i] for i in self.rng.choice(len(recordings), AT_MOST - 1, replace=False)), told]
        return Told(name, told, mean_of(recordings, "dvector"), mean_of(recordings, "campplus"))

    def unseen_voice(self, line: Line) -> Told:
        """A held-out voice, wanted as its other recordings say."""
        name = sorted(self.unseen)[self.rng.integers(len(self.unseen))]
        recordings = self.unseen[name]
        at = int(self.rng.integers(len(recordings)))
        others = recordings[:at] + recordings[at + 1:]
        return Told(name, recordings[at], mean_of(others, "dvector"), mean_of(others, "campplus"))


def own_voice(line: Line) -> Told:
    return Told(line.speaker, line.recording, line.recording.dvector, line.recording.campplus)


@torch.no_grad()
def batch_of(network: Synthesizer, lines: list[Line], voice: Callable[[Line], Told],
             rng: np.random.Generator) -> Batch:
    """Lines as the network understands them, each in the voice that `voice` gives it."""
    told = [voice(line) for line in lines]
    phones = pad([torch.tensor(line.tokens.phones) for line in lines], max(len(line.tokens) for line in lines))
    size = phones.shape[1]
    mask = torch.arange(size)[None] < torch.tensor([len(line.tokens) for line in lines])[:, None]
    frames = torch.tensor([len(line.mel) for line in lines])
    total = int(frames.max())
    mel = pad([torch.from_numpy(line.mel.astype(np.float32)) for line in lines], total)
    durations = pad([torch.from_numpy(line.durations) for line in lines], size)
    heard = [torch.from_numpy(crop_of(t.by.mel.astype(np.float32), rng, False)) for t in told]
    prompt = pad(heard, max(len(h) for h in heard))
    prompt_mask = torch.arange(prompt.shape[1])[None] < torch.tensor([len(h) for h in heard])[:, None]
    blind = torch.zeros(len(lines), 2)
    x = Inputs(phones, pad([torch.tensor(line.tokens.stress) for line in lines], size), mask,
               _stack([t.by.dvector for t in told]), torch.tensor([t.by.log_f0 for t in told]), prompt, prompt_mask,
               torch.zeros(len(lines), 2, network.config.lip_features), blind, blind.bool(),
               campplus=_stack([t.by.campplus for t in told]))
    understood = network.understand(x)
    pitches = [_log_pitch(line.f0) for line in lines]
    pitch = token_mean(pad([p for p, _ in pitches], total), durations) - torch.tensor([m for _, m in pitches])[:, None]
    adapted = network.variance.adapt(understood.e_out, mask, pitch * mask, token_mean(energy_of(mel), durations))
    return Batch(x, adapted, network.voice(x.dvector, x.log_f0), durations, frames, mel,
                 _stack([t.dvector for t in told]), _stack([t.campplus for t in told]),
                 torch.tensor([t.speaker == line.speaker for t, line in zip(told, lines, strict=True)]),
                 [t.speaker for t in told])


def _stack(vectors: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(vectors)).float()


def _log_pitch(f0: np.ndarray) -> tuple[torch.Tensor, float]:
    """ln F0 of every frame (T,), silent ones between their neighbours, and its mean."""
    hz = f0.astype(np.float32)
    mean = mean_log_f0(hz) or 5.1
    return torch.from_numpy(log_pitch_of(hz, mean)), mean


class Lessons:
    """The adapter and the decoder of a network as they are taught, and the mean of their weights."""

    def __init__(self, network: Synthesizer, args: argparse.Namespace) -> None:
        assert network.timbre is not None
        self.network, self.args = network.requires_grad_(False).eval(), args
        self.parts = {"timbre": network.timbre, "decoder": network.decoder}
        for part in self.parts.values():
            part.requires_grad_(True)
        self.optimiser = torch.optim.AdamW(
            [{"params": list(part.parameters()), "share": 1.0 if name == "timbre" else SLOWER}
             for name, part in self.parts.items()], lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01)
        self.mean = {name: tensor.detach().clone() for name, tensor in self._tensors().items()}
        self.ears = SpeakerLoss()
        self.reading = Reading(1e-3, torch.device("cpu"))
        self.step = 0
        self.first = {name: tensor.clone() for name, tensor in self.mean.items()}

    def _tensors(self) -> dict[str, torch.Tensor]:
        return {f"{name}.{n}": t for name, part in self.parts.items() for n, t in part.state_dict().items()}

    def draw(self, b: Batch) -> torch.Tensor:
        """Mels (B, T, 80)."""
        assert self.network.timbre is not None and b.x.campplus is not None
        told = b.condition + self.network.timbre(b.x.dvector, b.x.campplus, b.x.log_f0)
        return self.network.decoder(b.adapted, b.durations, b.frames, told)

    def learn(self, b: Batch, part: float) -> dict[str, float]:
        """One step; part: how much of the time has gone, 0 to 1."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.args.lr * group["share"] * min(1, (self.step + 1) / 100) * max(0.04, 1 - part)
        self.parts["timbre"].train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.args.bf16):
            made = self.draw(b)
        inside = torch.arange(made.shape[1])[None] < b.frames[:, None]
        recorded = spoken(b.mel, b.x.phones, b.durations, b.frames)
        terms = {"mel": mel_l1(made, b.mel, inside & b.own[:, None]),
                 **self.ears(made, b.frames, b.dvector, b.speakers),
                 "clear": self.reading.term(replace(recorded, mel=made), recorded)}
        with torch.autocast("cpu", torch.bfloat16, enabled=self.args.bf16):
            terms["campplus"] = self.ears.second(made, b.frames, b.campplus)
        weights = {"speaker": self.args.speaker, "contrast": self.args.speaker / 10, "campplus": self.args.campplus,
                   "clear": self.args.clear}
        total = sum((weights.get(name, 1.0) * term for name, term in terms.items()), start=torch.zeros(()))
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_([p for g in self.optimiser.param_groups for p in g["params"]], 1.0)
        self.optimiser.step()
        self.reading.show(recorded)
        self.reading.learn()
        self.step += 1
        share = 1 - min(EMA, (1 + self.step) / (10 + self.step))
        now = self._tensors()
        for name, tensor in self.mean.items():
            tensor.lerp_(now[name].detach(), share)
        return {name: float(term.detach()) for name, term in terms.items()}

    def school(self, b: Batch) -> None:
        """One of the reader's own steps."""
        self.reading.show(spoken(b.mel, b.x.phones, b.durations, b.frames))
        self.reading.learn()

    @torch.no_grad()
    def likeness(self, held: list[Batch]) -> list[float]:
        """Cosines to the told recording and to the others, by GE2E, then so by CAM++."""
        self.parts["timbre"].eval()
        torch.manual_seed(0)
        rows = []
        for b in held:
            made = self.draw(b)
            heard = self.ears.heard(made, b.frames)
            assert b.x.campplus is not None
            rows.append([float((heard * v).sum(1).mean()) for v in (b.x.dvector, b.dvector)]
                        + [1 - float(self.ears.second(made, b.frames, v)) for v in (b.x.campplus, b.campplus)])
        return [round(float(x), 4) for x in np.mean(rows, 0)]

    def save(self, source: Path, out: Path) -> None:
        """A voice folder with the mean of the weights: `share` of the way that the decoder went, and of what the
        adapter adds (which an adapter that was there before does already)."""
        out.mkdir(parents=True, exist_ok=True)
        partial = {n: t if n.startswith("timbre.") and not n.startswith("timbre.out.")
                   else torch.lerp(self.first[n], t, self.args.share) for n, t in self.mean.items()}
        tensors = self.network.state_dict() | partial
        save_file({n: t.half().contiguous() for n, t in tensors.items()}, out / "model.safetensors")
        settings = json.loads((source / "config.json").read_text())
        write_json(out / "config.json", settings | {"model": settings["model"] | {"timbre": True}})
        for file in source.glob("refiner.*"):
            (out / file.name).write_bytes(file.read_bytes())


def beginning(folder: Path) -> Synthesizer:
    """The network of a voice, with an adapter that adds nothing where it has none."""
    network = load_folder(folder)[0]
    if network.timbre is not None:
        return network
    grown = Synthesizer(replace(network.config, timbre=True))
    grown.load_state_dict(network.state_dict(), strict=False)
    return grown


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    transcripts = json.loads(args.transcripts.read_text()) if args.transcripts else {}
    found = material(args.data, transcripts, args.kept)
    casting, network = Casting(found, rng), beginning(args.voice).eval()
    lessons = Lessons(network, args)
    judged = Casting(found, np.random.default_rng(1))
    dev = [line for line in found.lines if line.dev and len(line.mel) > 200][:40]
    held = [batch_of(network, dev[i:i + args.batch], judged.unseen_voice, judged.rng)
            for i in range(0, len(dev), args.batch)]
    print(f"{len(casting.lines)} lines, {len(casting.real)} real voices and {len(casting.synthetic)}", flush=True)
    print("held:", lessons.likeness(held), flush=True)
    for _ in range(args.reader_steps):
        lessons.school(batch_of(network, casting.some(args.batch), own_voice, rng))
    began, logged = time.monotonic(), []
    while (part := (time.monotonic() - began) / args.seconds) < 1:
        logged.append(lessons.learn(batch_of(network, casting.some(args.batch), casting.voice, rng), part))
        if lessons.step % 50 == 0:
            print(lessons.step, {n: round(float(np.mean([r[n] for r in logged])), 4) for n in logged[0]}, flush=True)
            logged.clear()
        if lessons.step % 200 == 0:
            print("held:", lessons.likeness(held), flush=True)
            lessons.save(args.voice, args.out)
    lessons.save(args.voice, args.out)


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--transcripts", type=Path)
    p.add_argument("--kept", type=Path, required=True, help="the material, made where it is missing")
    p.add_argument("--voice", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--seconds", type=float, default=2300)
    p.add_argument("--share", type=float, default=0.5)
    p.add_argument("--speaker", type=float, default=0.5, help="weight of GE2E; telling voices apart has a tenth")
    p.add_argument("--campplus", type=float, default=0.5)
    p.add_argument("--clear", type=float, default=0.1)
    p.add_argument("--reader-steps", type=int, default=350)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--batch", type=int, default=10)
    p.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    p.add_argument("--seed", type=int, default=2)
    p.add_argument("--threads", type=int, default=1)
    return p.parse_args()


if __name__ == "__main__":
    main()
