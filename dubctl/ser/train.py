"""`train --model ser`: a speaker-disjoint cross-validation for the card, and the recogniser that is shipped.

The first fold's speakers are never heard by any network of the recogniser: its first member is that fold's network,
the others repeat it with other seeds. Every finished network is kept, so a killed run goes on with the next one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dubctl.emotion.base import EMOTIONS
from dubctl.errors import UsageError
from dubctl.files import write_json
from dubctl.metrics.classification import confusion_matrix, summary
from dubctl.progress import Progress, silent
from dubctl.ser.augment import another_day, augment, take, voice_and_room
from dubctl.ser.config import SerConfig
from dubctl.ser.data import Clip, load_clips, speaker_folds
from dubctl.ser.features import inputs, plain_voice
from dubctl.ser.model import TimNet
from dubctl.ser.plain import PlainSpeech
from dubctl.ser.recogniser import Recogniser, padded


def train_ser(datasets: Sequence[Path], out: Path, config: SerConfig | None = None, *, resume: bool = False,
              force: bool = False, progress: Progress = silent) -> dict[str, Any]:
    """Train and judge a recogniser.

    Returns:
        the report, also written to OUT/report.json: cross-validation (figures per data set and of all clips) and the
        shipped ensemble on speakers that none of its networks heard, on recordings and on their vocoded copies.

    Raises:
        UsageError: the run exists already and neither resume nor force is given.
        InputError: nothing to train on, or too few speakers for the folds.
    """
    config = config or SerConfig()
    if (out / "report.json").exists() and not (resume or force):
        raise UsageError(f"{out} holds a run already", "add --resume to go on, --force to start over")
    started = time.monotonic()
    clips, left_out = load_clips(datasets, out / "features", config.vocoded, progress)
    folds, plain = speaker_folds(clips, config.folds), PlainSpeech(clips) if config.beside_plain else None
    runs = [(f"fold{i}", i, config.seed) for i in range(config.folds)]
    runs += [(f"member{i}", 0, config.seed + i) for i in range(1, config.members)]
    nets: dict[str, TimNet] = {}
    for turn, (name, fold, seed) in enumerate(runs):
        def tick(epoch: int, loss: float, turn: int = turn, name: str = name) -> None:
            progress(turn * config.epochs + epoch, len(runs) * config.epochs, f"{name} loss {loss:.3f}")
        nets[name] = _trained([c for c in clips if c.speaker not in folds[fold]], config, seed, out / "nets" / name,
                              keep=not force, tick=tick)
    ensemble = Recogniser([nets["fold0"]] + [nets[f"member{i}"] for i in range(1, config.members)],
                          "tim-net-prompt" if plain else "tim-net", config.beside_plain)
    report = {"classes": list(EMOTIONS), "config": config.as_dict(), "clips": len(clips),
              "left_out": [{"id": i, "why": why} for i, why in left_out],
              "held_out_speakers": sorted(folds[0]), "cross_validation": _cross_validation(clips, folds, nets, plain),
              "held_out": _held_out(clips, folds[0], ensemble, plain), "seconds": round(time.monotonic() - started, 1)}
    ensemble.save(out / "model", held_out_speakers=sorted(folds[0]), trained_on=sorted({c.corpus for c in clips}))
    write_json(out / "report.json", report)
    return report


def _trained(clips: Sequence[Clip], config: SerConfig, seed: int, folder: Path, keep: bool, tick: Any) -> TimNet:
    """The network in `folder` if it is finished, else a new one, saved there."""
    if keep and (folder / "config.json").is_file():
        return Recogniser.load(folder).members[0]
    net = train_net(clips, config, seed, tick)
    Recogniser([net], folder.name).save(folder)
    return Recogniser.load(folder).members[0]  # as it ships: rounded to float16


def train_net(clips: Sequence[Clip], config: SerConfig, seed: int, tick: Any = None) -> TimNet:
    """One network, the same for the same clips and seed: AdamW, one cycle of the learning rate, last epoch taken.

    Classes weigh alike whatever their number; nothing is chosen by looking at held-out clips.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = TimNet(config.model)
    plain = PlainSpeech(clips) if config.beside_plain else None
    _fit_scale(net, clips, plain)
    steps = config.epochs * -(-len(clips) // config.batch)
    optimiser = torch.optim.AdamW(net.parameters(), config.lr, weight_decay=config.weight_decay)
    rise = max(0.2, 2 / (steps + 1))  # of a very short run less than a step would divide by zero
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.lr, total_steps=steps + 1, pct_start=rise)
    loss_of = nn.CrossEntropyLoss(_class_weights(clips), label_smoothing=config.smoothing)
    for epoch in range(config.epochs):
        net.train()
        total = 0.0
        for batch, lengths, labels in _batches(clips, config, rng, plain):
            loss = loss_of(net(batch, lengths), labels)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(labels)
        if tick is not None:
            tick(epoch + 1, total / len(clips))
    return net.eval()


def _fit_scale(net: TimNet, clips: Sequence[Clip], plain: PlainSpeech | None) -> None:
    voices = plain.judging(clips) if plain else [None] * len(clips)
    frames = np.concatenate([inputs(clip.heard[0], voice) for clip, voice in zip(clips, voices, strict=True)])
    net.mean.copy_(torch.from_numpy(frames.mean(0)))
    net.std.copy_(torch.from_numpy(frames.std(0) + 1e-3))


def _class_weights(clips: Sequence[Clip]) -> Tensor:
    """Inverse class frequencies (7,), mean 1 over the clips; 0 for a class that does not occur."""
    counts = np.bincount([clip.label for clip in clips], minlength=len(EMOTIONS)).astype(np.float32)
    weights = np.where(counts > 0, len(clips) / np.maximum(counts, 1) / (counts > 0).sum(), 0)
    return torch.from_numpy(weights.astype(np.float32))


def _batches(clips: Sequence[Clip], config: SerConfig, rng: np.random.Generator, plain: PlainSpeech | None) -> Any:
    """One epoch: clips in random order, augmented; those of like length together, batches in random order."""
    shuffled = [clips[i] for i in rng.permutation(len(clips))]
    made = [(_changed(clip, config, rng, plain), clip.label) for clip in shuffled]
    order = np.argsort([len(m) + rng.normal(0, 15) for m, _ in made])
    groups = [order[start:start + config.batch] for start in range(0, len(order), config.batch)]
    for turn in rng.permutation(len(groups)):
        chosen = [made[i] for i in groups[turn]]
        batch, lengths = padded([m for m, _ in chosen])
        yield batch, lengths, torch.tensor([label for _, label in chosen])


def _changed(clip: Clip, config: SerConfig, rng: np.random.Generator, plain: PlainSpeech | None) -> np.ndarray:
    """The network's input of a clip, augmented; beside plain speech both have the same voice and room."""
    heard = clip.heard[-1] if rng.random() < config.heard_vocoded else clip.heard[0]
    if plain is None:
        return inputs(augment(heard, rng, config.longest))
    place = int(rng.integers(1 << 31))
    heard, *others = (voice_and_room(one, np.random.default_rng(place))
                      for one in (heard, *plain.beside(clip, rng, 3)))
    return inputs(take(heard, rng, config.longest), plain_voice([another_day(one, rng) for one in others]))


def _figures(clips: Sequence[Clip], answers: np.ndarray) -> dict[str, Any]:
    """Figures over all clips and per data set, of probabilities (N, 7)."""
    best = answers.argmax(1).tolist()

    def of(rows: list[int]) -> dict[str, Any]:
        return summary(confusion_matrix([clips[i].label for i in rows], [best[i] for i in rows], len(EMOTIONS)))

    found = {"all": of(list(range(len(clips))))}
    for corpus in sorted({clip.corpus for clip in clips}):
        found[corpus] = of([i for i, clip in enumerate(clips) if clip.corpus == corpus])
    return found


def _cross_validation(clips: Sequence[Clip], folds: Sequence[set[str]], nets: dict[str, TimNet],
                      plain: PlainSpeech | None) -> dict[str, Any]:
    """Every clip judged once, by the network that never heard its speaker."""
    judged: list[Clip] = []
    answers = []
    for i, speakers in enumerate(folds):
        mine = [clip for clip in clips if clip.speaker in speakers]
        judged += mine
        answers.append(_answers(Recogniser([nets[f"fold{i}"]], "fold", plain is not None), mine, plain))
    return _figures(judged, np.concatenate(answers))


def _held_out(clips: Sequence[Clip], speakers: set[str], ensemble: Recogniser,
              plain: PlainSpeech | None) -> dict[str, Any]:
    """The ensemble on speakers it never heard: all clips, then the vocoded ones as recorded and as vocoded."""
    mine = [clip for clip in clips if clip.speaker in speakers]
    found = {"recordings": _figures(mine, _answers(ensemble, mine, plain))}
    pairs = [clip for clip in mine if len(clip.heard) > 1]
    for name, which in (("before_vocoder", 0), ("after_vocoder", 1)) if pairs else ():
        found[name] = _figures(pairs, _answers(ensemble, pairs, plain, which))["all"]
    return found


def _answers(recogniser: Recogniser, clips: Sequence[Clip], plain: PlainSpeech | None, which: int = 0) -> np.ndarray:
    """(N, 7); which: of the forms in which a clip was heard."""
    return recogniser.of_heard([clip.heard[which] for clip in clips], plain.judging(clips) if plain else None)
