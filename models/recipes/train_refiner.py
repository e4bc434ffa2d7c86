"""Train the refiner of mels that a voice speaks through (dubctl/synth/refiner.py).

    R=models/recipes
    python $R/train_voice.py … --pack pack.npz                                # the voice's own material
    python $R/train_refiner.py speak pack.npz drafts.npz --voice models/voice
    python $R/train_refiner.py train drafts.npz first.safetensors --minutes 35 --rate 8e-4 --speaker 0
    python $R/train_refiner.py train drafts.npz models/voice/refiner.safetensors --init first.safetensors --minutes 55

`speak`: the voice speaks the items under their recordings' own durations, pitch and energy, so that each of its mels
lies beside the recording's, frame by frame. What is acted gets its recording's long-term spectrum, as `dub` gives a
feeling its (`shape_mel`): how a spectrum leans is no fault. Nor is it of any draft: some are drawn with a tilt and a
colour that the recording has too. `train`: flow matching from noise to the difference of the two (Lipman et
al. 2023, eq. 23, without their minimal noise), in units of each band's spread; with `--speaker` what the refined mel
would be is also heard by GE2E and pulled to the recording's d-vector, for the targets of real voices are without their
noise, which GE2E takes for a part of the voice. Real voices are half of the plain speech that is drawn. Two CPU
cores do.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from voice_pack import unpack

from dubctl.media.mel import LOWEST
from dubctl.synth.decoder import energy_of
from dubctl.synth.refiner import Draft, Refiner, draft_of, save_refiner
from dubctl.synth.shaping import COLOUR_HZ, ENERGY_SCALE, LN_PER_DB, PIVOT, octaves, speaking, third_octaves
from dubctl.synth.voice_files import load_folder
from dubctl.training.config import TrainConfig
from dubctl.training.data import Item, Sampler
from dubctl.training.speaker_loss import CROP, SpeakerLoss
from dubctl.training.step import TrainingStep

REAL, GRID = "ls", "s1"  # how the names of LibriSpeech's speakers begin, and GRID's
HELD = 50  # every so many items are held out
ACTED = 0.2  # share of acted crops
LEANT, TILT_DB, COLOUR_DB = 0.5, 1.5, 2.0  # share of crops whose spectrum leans; dB per octave and dB, as a spread
UNTOLD = 0.1  # share of drawn drafts whose voice is not told
SHORTEST = 40  # frames


@torch.no_grad()
def speak(args: argparse.Namespace) -> None:
    """Write the voice's mels beside the recordings'."""
    model = load_folder(args.voice)[0].eval()
    step = TrainingStep(model, SpeakerLoss(), TrainConfig(model=model.config, lips_from=0, binarise_from=0))
    found, _, films, _ = unpack(args.pack)
    items = [i for i in found if not i.played and i.frames >= SHORTEST]
    sampler, rng = Sampler(items, 16, args.seed), np.random.default_rng(args.seed)
    rows: list[dict[str, np.ndarray]] = []
    for number in range(sampler.per_epoch):
        batch, order = sampler.make(number, 1.0, 0.3, 0.0, 0.5), sampler.indices(number)
        felt = films.batch([items[i].row for i in order], 3, rng, 0.3) if films is not None else None
        made = step(batch, 1, felt)[1]
        rows += [_row(items[i], made[b], batch.asked[b].numpy()) for b, i in enumerate(order)]
        print(len(rows), len(items), flush=True)
    with args.drafts.open("wb") as sink:
        np.savez(sink, frames=[len(row["made"]) for row in rows],
                 **{n: np.stack([row[n] for row in rows]) for n in ("dvector", "speaker", "acted")},
                 **{n: np.concatenate([row[n] for row in rows]) for n in ("made", "true", "phone", "into")})


def _row(item: Item, made: Tensor, dvector: np.ndarray) -> dict[str, np.ndarray]:
    assert item.durations is not None
    draft = draft_of(made[: item.frames], item.tokens.phones, item.durations, dvector)
    mel, true = draft.mel[0].float(), torch.from_numpy(item.features.mel.astype(np.float32))
    return {"made": (mel + leaning(true, mel) if item.acted else mel).half().numpy(), "true": true.half().numpy(),
            "phone": draft.phones[0].short().numpy(), "into": draft.into[0].half().numpy(),
            "dvector": dvector, "speaker": np.array(item.speaker), "acted": np.array(item.acted)}


def leaning(true: Tensor, mel: Tensor) -> Tensor:
    """How a recording's long-term spectrum differs from a mel's (T, 80), in third octaves: (80,)."""
    centres = torch.from_numpy(np.log2(COLOUR_HZ / PIVOT)).float()
    near = torch.softmax(-16 * (centres[:, None] - octaves()).square(), 1)  # the mel bands about each third octave
    speaks = speaking(energy_of(true) * ENERGY_SCALE)
    return third_octaves((near @ (true - mel)[speaks].mean(0)).numpy()).float()


def random_lean(rng: np.random.Generator) -> Tensor:
    """A tilt and a colour (80,), as feelings have them; none for some."""
    if rng.random() > LEANT:
        return torch.zeros(80)
    tilt, colour = rng.normal(0, TILT_DB), rng.normal(0, COLOUR_DB, len(COLOUR_HZ))
    return LN_PER_DB * (tilt * octaves() + third_octaves(colour).float())


@dataclass
class Drawn:
    """Drafts and the recordings' mels (B, CROP, 80); lean (B, 80): what was added to both; plain (B,): not acted."""

    draft: Draft
    true: Tensor
    lean: Tensor
    plain: Tensor


class Drafts:
    """Crops of `CROP` frames of the voice's mels and the recordings'."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as found:
            self.arrays = dict(found)
        self.start = np.concatenate([[0], np.cumsum(self.arrays["frames"])[:-1]])
        drawn, held = self._weights(), np.arange(len(self.start)) % HELD == 0
        self.learnt, self.held = (np.where(which, drawn, 0) / drawn[which].sum() for which in (~held, held))

    def _weights(self) -> np.ndarray:
        """How often each clip is drawn: as it is long, real voices half of what is plain, `ACTED` of all acted."""
        names, acted = self.arrays["speaker"], self.arrays["acted"]
        frames, real = self.arrays["frames"].astype(float), np.char.startswith(names, REAL)
        rest = ~real & ~acted
        if real.any() and rest.any():
            frames[real] *= frames[rest].sum() / frames[real].sum()
        frames[names == GRID] *= 0.2
        if acted.any() and not acted.all():
            frames[acted] *= ACTED / (1 - ACTED) * frames[~acted].sum() / frames[acted].sum()
        return frames

    def spread(self) -> Tensor:
        """How far a recording's band is from the draft's, (80,)."""
        return torch.from_numpy((self.arrays["true"][::7].astype(np.float32) - self.arrays["made"][::7]).std(0))

    def draw(self, count: int, rng: np.random.Generator, held: bool = False) -> Drawn:
        """`count` crops."""
        a, true = self.arrays, torch.full((count, CROP, 80), LOWEST)
        blank, lean = torch.zeros(count, CROP), torch.stack([random_lean(rng) for _ in range(count)])
        clips = rng.choice(len(self.start), count, p=self.held if held else self.learnt)
        draft = Draft(true.clone(), blank.long(), blank, torch.from_numpy(a["dvector"][clips]), blank.bool())
        for b, i in enumerate(clips):
            room = max(1, int(a["frames"][i]) - CROP + 1)
            first, n = int(self.start[i] + rng.integers(room)), min(CROP, int(a["frames"][i]))
            for target, name in ((draft.mel, "made"), (true, "true"), (draft.phones, "phone"), (draft.into, "into")):
                target[b, :n] = torch.from_numpy(a[name][first: first + n]).to(target.dtype)
            draft.mask[b, :n] = True
        leant = lean[:, None] * draft.mask[..., None]
        draft.mel += leant
        true += leant
        return Drawn(draft, true, lean, torch.from_numpy(~a["acted"][clips]))


def flow_loss(refiner: Refiner, drawn: Drawn, generator: torch.Generator | None = None,
              dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """The flow matching loss, and the mels (B, T, 80) that its velocities would lead to."""
    draft, true = drawn.draft, drawn.true
    wanted = (true - draft.mel) / refiner.spread
    noise = torch.randn(wanted.shape, generator=generator)
    time = torch.sigmoid(1.2 * torch.randn(len(wanted), generator=generator) - 0.2)
    at = torch.lerp(noise, wanted, time[:, None, None])
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        velocity = refiner(at, time, draft)
    wrong = (velocity.float() - (wanted - noise)).square().mean(-1)
    led_to = draft.mel + refiner.spread * (at + (1 - time[:, None, None]) * velocity.float())
    return (wrong * draft.mask).sum() / draft.mask.sum(), led_to


def unlike(speaker: SpeakerLoss, mel: Tensor, drawn: Drawn, dvector: Tensor) -> Tensor:
    """One minus GE2E's cosine to the d-vectors, of plain drafts that are whole crops and were told their voice."""
    rows = drawn.draft.mask.all(1) & drawn.draft.dvector.any(1) & drawn.plain
    if not rows.any():
        return mel.new_zeros(())
    heard = speaker.heard((mel - drawn.lean[:, None])[rows], torch.full((int(rows.sum()),), CROP))
    return 1 - (heard * dvector[rows]).sum(1).mean()


def train(args: argparse.Namespace) -> None:
    """Train for --minutes or --steps; what is written are averaged weights."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    rng, data = np.random.default_rng(args.seed), Drafts(args.drafts)
    refiner = Refiner()
    refiner.spread.copy_(data.spread())
    if args.init:
        refiner.load_state_dict({n: t.float() for n, t in load_file(args.init).items()})
    speaker = SpeakerLoss() if args.speaker else None
    optimiser = torch.optim.AdamW(refiner.parameters(), args.rate, betas=(0.9, 0.98), weight_decay=0.01)
    average = Refiner()
    average.load_state_dict(refiner.state_dict())
    checks = [data.draw(args.batch, np.random.default_rng(9), held=True) for _ in range(8)]
    step, began, saved = 0, time.monotonic(), time.monotonic()
    while (share := max((time.monotonic() - began) / (60 * args.minutes), step / args.steps)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = args.rate * min(1.0, (step + 1) / 300) * (1 - 0.95 * share)
        drawn = data.draw(args.batch, rng)
        dvector = drawn.draft.dvector
        drawn.draft.dvector = dvector * (torch.rand(len(dvector), 1) > UNTOLD)
        loss, led_to = flow_loss(refiner, drawn, None, torch.bfloat16)
        if speaker is not None:
            loss = loss + args.speaker * unlike(speaker, led_to, drawn, dvector)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            for kept, new in zip(average.state_dict().values(), refiner.state_dict().values(), strict=True):
                kept.lerp_(new, max(0.0015, 1 / (step + 1)))
        if time.monotonic() - saved > 180:
            saved = time.monotonic()
            save_refiner(average, args.out)
            print(step, f"{saved - began:.0f} s, held out {_held_out(average, checks):.4f}", flush=True)
    save_refiner(average, args.out)


@torch.no_grad()
def _held_out(refiner: Refiner, checks: list[Drawn]) -> float:
    generator = torch.Generator().manual_seed(3)
    return float(np.mean([float(flow_loss(refiner, check, generator)[0]) for check in checks]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True, dest="step")
    one, two = (steps.add_parser(step.__name__, help=step.__doc__) for step in (speak, train))
    one.add_argument("pack", type=Path)
    one.add_argument("drafts", type=Path)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--voice", type=Path, help="folder of the voice (default: the shipped one)")
    two.add_argument("drafts", type=Path)
    two.add_argument("out", type=Path)
    two.add_argument("--init", type=Path, help="weights to start from")
    two.add_argument("--minutes", type=float, default=55.0)
    two.add_argument("--steps", type=float, default=float("inf"))
    two.add_argument("--rate", type=float, default=6e-4)
    two.add_argument("--speaker", type=float, default=1.5, help="weight of GE2E in the loss")
    two.add_argument("--batch", type=int, default=12)
    two.add_argument("--seed", type=int, default=0)
    two.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    {"speak": speak, "train": train}[args.step](args)


if __name__ == "__main__":
    main()
