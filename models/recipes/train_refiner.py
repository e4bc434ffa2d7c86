"""Train the refiner of mels that a voice speaks through (dubctl/synth/refiner.py).

    R=models/recipes
    python $R/train_voice.py … --pack pack.npz                                # the voice's own material
    python $R/train_refiner.py speak pack.npz drafts.npz --voice models/voice  # or rehearsed_drafts.py drafts.npz …
    python $R/train_refiner.py train drafts.npz first.safetensors --minutes 35 --rate 8e-4 --speaker 0 --reader 0
    python $R/train_refiner.py train drafts.npz models/voice/refiner.safetensors --init first.safetensors --share 0.7

`speak`: the voice speaks the items under their recordings' own durations, pitch and energy, so that each of its mels
lies beside the recording's, frame by frame. What is acted gets its recording's long-term spectrum, as `dub` gives a
feeling its (`shape_mel`): how a spectrum leans is no fault. Nor is it of any draft: some are drawn with a tilt and a
colour that the recording has too. `train`: flow matching from noise to the difference of the two (Lipman et
al. 2023, eq. 23, without their minimal noise), in units of each band's spread. Some crops a step are also refined as
`dub` refines them, from little noise and in a few steps, and listened to: GE2E and CAM++ pull them to the recording's
voice, for the targets of real voices are without their noise, which encoders take for a part of the voice, and a reader
of phones holds the words. Real voices are half of the plain speech that is drawn. Two CPU cores do.
"""

from __future__ import annotations

import argparse
import copy
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
from dubctl.training.reader import FIRST_SOUND, Reading, Spoken
from dubctl.training.speaker_loss import CROP, SpeakerLoss
from dubctl.training.step import TrainingStep

REAL, GRID = "ls", "s1"  # how the names of LibriSpeech's speakers begin, and GRID's
HELD = 50  # every so many items are held out
ACTED = 0.2  # share of acted crops
LEANT, TILT_DB, COLOUR_DB = 0.5, 1.5, 2.0  # share of crops whose spectrum leans; dB per octave and dB, as a spread
UNTOLD = 0.1  # share of drawn drafts whose voice is not told
SOUNDED = 4  # crops a step that are refined as a voice refines them, and listened to
SOUNDED_STEPS, SOUNDED_NOISE = 3, (0.1, 0.3)  # of Euler's method; times the noise that the flow is taught with
SCHOOL = 500  # steps that the reader learns alone
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
    write_drafts(args.drafts, rows)


def write_drafts(path: Path, rows: list[dict[str, np.ndarray]]) -> None:
    """What `train` reads, out of a row a line."""
    by_frame = ("made", "true", "phone", "into")
    with path.open("wb") as sink:
        np.savez(sink, frames=[len(row["made"]) for row in rows],
                 **{n: np.stack([row[n] for row in rows]) for n in rows[0] if n not in by_frame},
                 **{n: np.concatenate([row[n] for row in rows]) for n in by_frame})


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
    """Drafts and the recordings' mels (B, CROP, 80); lean (B, 80): what was added to both; plain (B,): not acted;
    campplus (B, 192) of the recordings, None where they were not heard."""

    draft: Draft
    true: Tensor
    lean: Tensor
    plain: Tensor
    campplus: Tensor | None = None

    def some(self, rows: Tensor) -> Drawn:
        d = self.draft
        draft = Draft(d.mel[rows], d.phones[rows], d.into[rows], d.dvector[rows], d.mask[rows])
        return Drawn(draft, self.true[rows], self.lean[rows], self.plain[rows],
                     None if self.campplus is None else self.campplus[rows])

    def spoken(self, mel: Tensor) -> Spoken:
        """Mels (B, CROP, 80) as the reader of phones takes them."""
        silent = ~self.draft.mask | (self.draft.phones < FIRST_SOUND)
        return Spoken(mel, self.draft.mask, self.draft.phones.masked_fill(silent, -1))


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
        campplus = torch.from_numpy(a["campplus"][clips]) if "campplus" in a else None
        return Drawn(draft, true, lean, torch.from_numpy(~a["acted"][clips]), campplus)


def flow_loss(refiner: Refiner, drawn: Drawn, generator: torch.Generator | None = None,
              dtype: torch.dtype = torch.float32) -> Tensor:
    """The flow matching loss."""
    draft = drawn.draft
    wanted = (drawn.true - draft.mel) / refiner.spread
    noise = torch.randn(wanted.shape, generator=generator)
    time = torch.sigmoid(1.2 * torch.randn(len(wanted), generator=generator) - 0.2)
    at = torch.lerp(noise, wanted, time[:, None, None])
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        velocity = refiner(at, time, draft)
    wrong = (velocity.float() - (wanted - noise)).square().mean(-1)
    return (wrong * draft.mask).sum() / draft.mask.sum()


def sounded(refiner: Refiner, draft: Draft, noise: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """Mels (B, T, 80) refined all of the way from so much noise, with their slope."""
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        led_to = refiner.flow(noise * torch.randn(draft.mel.shape), draft, SOUNDED_STEPS)
    return draft.mel + refiner.spread * led_to.float()


class Listeners:
    """What is heard in refined mels: their voice by GE2E and CAM++, their phones by a reader."""

    def __init__(self, weights: dict[str, float]) -> None:
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self.ears = SpeakerLoss() if self.weights.keys() & {"speaker", "campplus"} else None
        self.reading = Reading(1e-3, torch.device("cpu")) if "reader" in self.weights else None

    def learn(self, drawn: Drawn) -> None:
        """One of the reader's own steps, on recordings."""
        if self.reading is not None:
            self.reading.show(drawn.spoken(drawn.true))
            self.reading.learn()

    def terms(self, mel: Tensor, drawn: Drawn) -> dict[str, Tensor]:
        """`speaker`, `campplus`: one minus the cosine to the recordings', of plain drafts that are whole crops and were
        told their voice; `reader`: how much harder the phones are to read than the recordings'."""
        terms = {}
        rows = drawn.draft.mask.all(1) & drawn.draft.dvector.any(1) & drawn.plain
        if self.ears is not None and rows.any():
            straight, whole = (mel - drawn.lean[:, None])[rows], torch.full((int(rows.sum()),), CROP)
            heard = self.ears.heard(straight, whole)
            terms["speaker"] = 1 - (heard * drawn.draft.dvector[rows]).sum(1).mean()
            if drawn.campplus is not None:
                terms["campplus"] = self.ears.second(straight, whole, drawn.campplus[rows])
        if self.reading is not None:
            terms["reader"] = self.reading.term(drawn.spoken(mel), drawn.spoken(drawn.true))
        return terms

    def loss(self, terms: dict[str, Tensor]) -> Tensor:
        return sum((self.weights.get(name, 0.0) * term for name, term in terms.items()), start=torch.zeros(()))


def train(args: argparse.Namespace) -> None:
    """Train for --minutes or --steps; what is written are averaged weights."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    rng, data = np.random.default_rng(args.seed), Drafts(args.drafts)
    refiner = Refiner()
    refiner.spread.copy_(data.spread())
    if args.init:
        refiner.load_state_dict({n: t.float() for n, t in load_file(args.init).items()})
    listeners = Listeners({"speaker": args.speaker, "campplus": args.campplus, "reader": args.reader})
    first = copy.deepcopy(refiner)
    optimiser = torch.optim.AdamW(refiner.parameters(), args.rate, betas=(0.9, 0.98), weight_decay=0.01)
    average = Refiner()
    average.load_state_dict(refiner.state_dict())
    judged = np.random.default_rng(9)
    checks = [data.draw(args.batch, judged, held=True) for _ in range(8)]
    for _ in range(min(SCHOOL, args.steps) if args.reader else 0):
        listeners.learn(data.draw(args.batch, rng))
    step, began, saved = 0, time.monotonic(), time.monotonic()
    while (share := max((time.monotonic() - began) / (60 * args.minutes), step / args.steps)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = args.rate * min(1.0, (step + 1) / 300) * (1 - 0.95 * share)
        drawn = data.draw(args.batch, rng)
        drawn.draft.dvector *= torch.rand(args.batch, 1) > UNTOLD
        loss = flow_loss(refiner, drawn, None, torch.bfloat16)
        if listeners.weights:
            part = drawn.some(torch.randperm(args.batch)[:SOUNDED])
            made = sounded(refiner, part.draft, float(rng.uniform(*SOUNDED_NOISE)), torch.bfloat16)
            loss = loss + listeners.loss(listeners.terms(made, part))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
        optimiser.step()
        listeners.learn(drawn)
        step += 1
        with torch.no_grad():
            for kept, new in zip(average.state_dict().values(), refiner.state_dict().values(), strict=True):
                kept.lerp_(new, max(0.0015, 1 / (step + 1)))
        if time.monotonic() - saved > 180:
            saved = time.monotonic()
            save_refiner(on_the_way(first, average, args.share), args.out)
            print(step, f"{saved - began:.0f} s, held out", _held_out(average, checks, listeners), flush=True)
    save_refiner(on_the_way(first, average, args.share), args.out)


def on_the_way(first: Refiner, learnt: Refiner, share: float) -> Refiner:
    """The refiner a share of the way from the first to what was learnt."""
    found, ends = copy.deepcopy(first), learnt.state_dict()
    found.load_state_dict({n: torch.lerp(start, ends[n], share) for n, start in first.state_dict().items()})
    return found


@torch.no_grad()
def _held_out(refiner: Refiner, checks: list[Drawn], listeners: Listeners) -> dict[str, float]:
    """Losses of held-out crops; `draft` ones are of what is not refined."""
    rows, generator = [], torch.Generator().manual_seed(3)
    for check in checks:
        refined = listeners.terms(sounded(refiner, check.draft, SOUNDED_NOISE[0]), check)
        rows.append({"flow": flow_loss(refiner, check, generator)} | refined
                    | {f"draft {n}": term for n, term in listeners.terms(check.draft.mel, check).items()})
    return {name: round(float(np.mean([float(row[name]) for row in rows if name in row])), 4) for name in rows[0]}


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
    two.add_argument("--speaker", type=float, default=0.75, help="weight of GE2E in the loss")
    two.add_argument("--campplus", type=float, default=0.4, help="weight of CAM++, where the drafts have its vectors")
    two.add_argument("--reader", type=float, default=0.5, help="weight of the reader of phones")
    two.add_argument("--share", type=float, default=1.0, help="how far to go from --init to what was learnt")
    two.add_argument("--batch", type=int, default=12)
    two.add_argument("--seed", type=int, default=0)
    two.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    {"speak": speak, "train": train}[args.step](args)


if __name__ == "__main__":
    main()
