"""The training loop: schedule, EMA, logs, checkpoints. Everything random is a function of (seed, step)."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dubctl.errors import InputError
from dubctl.files import append_jsonl, read_jsonl, write_jsonl
from dubctl.graph.build import EmotionBatch
from dubctl.progress import Progress, silent
from dubctl.synth.model import Synthesizer
from dubctl.training import checkpoint
from dubctl.training.config import TrainConfig
from dubctl.training.critic import Critique
from dubctl.training.data import Batch, Item, Sampler
from dubctl.training.emotion_data import EmotionSource
from dubctl.training.feed import Fed, Feed
from dubctl.training.graph_steps import feelings_of, train_graphs
from dubctl.training.judge import Judge
from dubctl.training.reader import Reading, school
from dubctl.training.speaker_loss import SpeakerLoss
from dubctl.training.step import TrainingStep

EMA_EVERY = 5  # steps: averaging every one costs as much as 3 % of a step and buys nothing


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then linear decay to `final_lr` of the peak at `steps`."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    left = max(0.0, 1 - (step - config.warmup) / max(1, config.steps - config.warmup))
    return config.lr * (config.final_lr + (1 - config.final_lr) * left)


class Trainer:
    """Trains a synthesizer on items, with emotion vectors where a source is given.

    Args:
        out: run folder; receives checkpoint.safetensors, losses.jsonl and TensorBoard events where it is installed.
    """

    def __init__(self, config: TrainConfig, items: list[Item], held: list[Item], out: Path, device: str = "cpu",
                 emotion: EmotionSource | None = None) -> None:
        if not items:
            raise InputError("no clip of the library can be trained on", "clips need sound, text and 0.3-9 s of speech")
        if not config.steps and emotion is None:
            raise InputError("[train] steps: 0 trains the graphs alone, which have no emotion vectors here",
                             "give steps, or emotion = true and a library with emotion vectors")
        self.config, self.out, self.device, self.emotion = config, out, torch.device(device), emotion
        torch.manual_seed(config.seed)
        self.model = Synthesizer(config.model).to(self.device)
        self.sampler = Sampler(items, config.batch, config.seed, config.per_speaker)
        self.feed = Feed(self.sampler, config, emotion)
        self._waiting: tuple[int, Iterator[Fed]] | None = None
        self.held = Sampler(held, config.batch, config.seed + 1) if held else None
        self.named = dict(self.model.named_parameters())
        _freeze(self.model, config)
        self.optimiser = torch.optim.AdamW(self.named.values(), lr=config.lr, betas=config.betas, eps=1e-9,
                                           weight_decay=config.weight_decay, fused=True)
        self.ema = {n: p.detach().clone() for n, p in self.model.state_dict().items()}
        judged = config.loss.adversarial or config.loss.match
        critique = Critique(config.critic_lr, self.device) if judged else None
        self.reading = Reading(config.reader_lr, self.device) if config.loss.clear else None
        self.judges: list[Judge] = [judge for judge in (critique, self.reading) if judge is not None]
        self.pass_through = TrainingStep(self.model, SpeakerLoss().to(self.device), config, critique, self.reading)
        self.step = 0
        self.studied = False  # the graphs' own steps are done
        self.schooled = False  # the reader's are
        self.spent = 0.0

    # -- one step ----------------------------------------------------------------------------------------------

    def terms(self, batch: Batch, step: int, emotion: EmotionBatch | None = None) -> dict[str, torch.Tensor]:
        """Unweighted loss terms of a batch under autocast."""
        batch = batch.to(self.device)
        known = emotion.to(self.device) if emotion is not None else None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            return self.pass_through(batch, step, known, batch.labels if known is not None else None)[0]

    def train_step(self) -> dict[str, float]:
        """Forward, backward and update of the current step, over `accumulate` batches."""
        c = self.config
        self.model.train()
        torch.manual_seed((c.seed + 1) * 1_000_003 + self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(c, self.step)
        logged: dict[str, float] = defaultdict(float)
        for part in range(c.accumulate):
            terms = self._terms_of(self.step * c.accumulate + part)
            total = self.weighted(terms) / c.accumulate
            total.backward()
            for judge in self.judges:
                logged[judge.name] += judge.learn() / c.accumulate
            for name, value in terms.items():
                logged[name] += float(value.detach()) / c.accumulate
        norm = torch.nn.utils.clip_grad_norm_(self.named.values(), c.clip)
        if torch.isfinite(norm):
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        if self.step % EMA_EVERY == 0:
            self._average()
        return {**logged, "grad_norm": float(norm), "lr": learning_rate(c, self.step - 1)}

    def _terms_of(self, number: int) -> dict[str, torch.Tensor]:
        """Terms of the run's batch `number`, which is waiting where other processes make them."""
        if not self.config.workers:
            batch, emotion = self.feed[number]
        else:
            if self._waiting is None or self._waiting[0] != number:
                self._waiting = (number, self.feed.batches(number))
            batch, emotion = next(self._waiting[1])
            self._waiting = (number + 1, self._waiting[1])
        return self.terms(batch, self.step, emotion)

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step)) ** EMA_EVERY
        state = self.model.state_dict()
        torch._foreach_lerp_(list(self.ema.values()), [state[n] for n in self.ema], 1 - decay)

    def weighted(self, terms: dict[str, torch.Tensor]) -> torch.Tensor:
        """The objective: mel at 1, the rest by `LossWeights`."""
        weights = {"mel": 1.0, **vars(self.config.loss)}
        return sum((weights[name] * value for name, value in terms.items()), start=torch.zeros((), device=self.device))

    @torch.no_grad()
    def validate(self, batches: int = 4) -> dict[str, float]:
        """Mean terms over fixed held-out batches, dropout off."""
        if self.held is None:
            return {}
        self.model.eval()
        sums: dict[str, float] = defaultdict(float)
        count = min(batches, self.held.per_epoch)
        for i in range(count):
            torch.manual_seed(i)
            for name, value in self.terms(self.held.make(i, 1.0, 0.5),
                                          max(self.step, self.config.lips_from)).items():
                sums[name] += float(value) / count
        return dict(sums)

    # -- the run -----------------------------------------------------------------------------------------------

    def run(self, progress: Progress = silent, stop: Callable[[], bool] = lambda: False) -> None:
        """Train to `steps`; on a stop request (or an exception) the last whole step is saved."""
        c = self.config
        sums: dict[str, list[float]] = defaultdict(list)
        board = _tensorboard(self.out)
        start, before = time.monotonic(), self.spent
        try:
            if self.step == 0:
                self._graphs_first(progress)
            self._reader_first(progress)
            while self.step < c.steps and not stop():
                for name, value in self.train_step().items():
                    sums[name].append(value)
                self.spent = before + time.monotonic() - start
                if self.step % c.log_every == 0:
                    self._log("train", {n: float(np.mean(v)) for n, v in sums.items()}, board)
                    progress(self.step, c.steps, f"mel {np.mean(sums['mel']):.3f}")
                    sums.clear()
                if self.step % c.validate_every == 0 or self.step == c.steps:
                    self._log("held-out", self.validate(), board)
                if self.step % c.checkpoint_every == 0:
                    self.save()
        finally:
            if self.step:
                self.save()
            if board is not None:
                board.close()

    def _graphs_first(self, progress: Progress) -> None:
        """The graphs' own steps; short, so a run that is cut off in them begins them again."""
        if self.emotion is None or not self.config.graph_steps or self.studied:
            return
        train_graphs(self.model.graphs, self.emotion, self.sampler.items, self.config, progress)
        self.ema |= {n: p.detach().clone() for n, p in self.model.state_dict().items() if n.startswith("graphs.")}
        self.studied = True
        self.save()

    def _reader_first(self, progress: Progress) -> None:
        """The reader's own steps, on batches that the run itself does not begin with; also in a run that is resumed
        from a checkpoint without a reader."""
        if self.reading is None or not self.config.reader_steps or self.schooled:
            return
        torch.manual_seed((self.config.seed + 3) * 1_000_003)
        school(self.reading, lambda i: self.pass_through.recordings(
            self.sampler.make(self.config.steps + i, 1.0, 0.0).to(self.device)), self.config.reader_steps, progress,
            self.config.log_every)
        self.schooled = True

    def _log(self, phase: str, values: dict[str, float], board: Any) -> None:
        if not values:
            return
        append_jsonl(self.out / "losses.jsonl", {"step": self.step, "phase": phase, "seconds": round(self.spent, 1),
                                                 **{n: round(v, 6) for n, v in values.items()}})
        if board is not None:
            for name, value in values.items():
                board.add_scalar(f"{phase}/{name}", value, self.step)

    # -- state -------------------------------------------------------------------------------------------------

    @property
    def checkpoint_path(self) -> Path:
        return self.out / "checkpoint.safetensors"

    def save(self) -> None:
        """Write weights, EMA, optimiser state and step in one file, atomically."""
        names = {id(p): n for n, p in self.named.items()}
        groups = {"model": self.model.state_dict(), "ema": self.ema,
                  "optimiser": checkpoint.optimiser_tensors(self.optimiser, names)}
        for judge in self.judges:
            groups |= judge.state()
        checkpoint.save(self.checkpoint_path, groups, {
            "step": self.step, "spent": self.spent, "emotional": self.emotion is not None, "studied": self.studied,
            "feelings": feelings_of(self.sampler.items), "config": self.config.as_dict()})

    def resume(self) -> None:
        """Continue from `checkpoint.safetensors`; log lines past it are dropped, so that no step is logged twice."""
        groups, meta = checkpoint.load(self.checkpoint_path)
        saved = json.loads(json.dumps(self.config.as_dict()["model"]))
        if meta["config"]["model"] != saved:
            raise InputError(f"{self.checkpoint_path}: made with another network configuration",
                             "resume with the run's own config, or choose another -o")
        self.load_weights(groups)
        checkpoint.restore_optimiser(self.optimiser, groups.get("optimiser", {}), self.named)
        for judge in self.judges:
            judge.restore(groups)
        self.schooled = Reading.name in groups
        self.step, self.spent = int(meta["step"]), float(meta.get("spent", 0))
        self.studied = bool(meta.get("studied", False))
        log = self.out / "losses.jsonl"
        if log.exists():
            write_jsonl(log, [r for r in read_jsonl(log) if r["step"] <= self.step])

    def load_weights(self, groups: dict[str, dict[str, torch.Tensor]]) -> None:
        """Weights only, e.g. to start a fine-tuning run from another run's checkpoint; of a voice with a timbre adapter
        where this one is to have none, or without one, all the rest."""
        own = {n: t.clone() for n, t in self.model.state_dict().items()}
        model, ema = (_but_for_timbre(groups[name], own) for name in ("model", "ema"))
        self.model.load_state_dict(model)
        self.ema = {n: t.to(self.device).clone() for n, t in ema.items()}


def _but_for_timbre(weights: dict[str, torch.Tensor], own: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights, with the timbre adapter that the network begins with where they lack one, without where it lacks one."""
    theirs, mine = ({n for n in tensors if n.startswith("timbre.")} for tensors in (weights, own))
    if bool(theirs) == bool(mine):
        return weights
    return {n: t for n, t in weights.items() if n not in theirs} | {n: own[n] for n in mine}


def _freeze(model: Synthesizer, config: TrainConfig) -> None:
    """Leave the parts of the network that are named in the configuration as they are.

    Raises:
        InputError: the network has no such part, or what is to be trained is among them.
    """
    known = [name for name, _ in model.named_children()]
    if set(known) <= set(config.freeze):
        raise InputError("[train] freeze: nothing is left to train", "leave a part out of it")
    if "graphs" in config.freeze and config.graph_steps:
        raise InputError("[train] freeze: the graphs are to stay, and graph_steps to train them",
                         "graph_steps = 0, or leave them out of freeze")
    for part in config.freeze:
        if part not in known:
            raise InputError(f"[train] freeze: no part {part!r} in the network", f"choose from {', '.join(known)}")
        model.get_submodule(part).requires_grad_(False)


def _tensorboard(out: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # an extra: losses.jsonl has the same numbers
        return None
    return SummaryWriter(str(out / "tensorboard"))
