"""Running an experiment: train what is not trained, dub what is not dubbed, score what is not scored, print the table.

    OUT/train/KEY/             one training, shared by all variants that ask for the same
    OUT/dubs/VARIANT/          ID.wav, ID.json, and dubs.jsonl as `dubctl eval` reads it
    OUT/scores/VARIANT.json    all metrics with intervals, and every line's score
    OUT/table.md, table.csv, results.json
    OUT/plot-METRIC.svg        where the variants are points over x (Figures 4 to 6)

A KEY is a hash of the library's digest and of everything that is configured; what a run was cut off at goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dubctl.errors import DependencyError, DubctlError, UsageError
from dubctl.experiments.config import Experiment, Variant
from dubctl.experiments.dubs import Dubber
from dubctl.experiments.lines import lines_of
from dubctl.experiments.plot import Figure, figures, write_figures
from dubctl.experiments.table import summarise, write_tables
from dubctl.experiments.vocoders import load_speaker
from dubctl.files import content_key, sha256_file, write_json
from dubctl.library.store import Library
from dubctl.metrics.base import EvalItem, parse_metrics
from dubctl.metrics.run import evaluate
from dubctl.progress import Progress
from dubctl.training.config import TrainConfig, tiny_train_config
from dubctl.training.run import train

Progresses = Callable[[str], AbstractContextManager[Progress]]


@dataclass
class Plan:
    """One call of `dubctl experiment`. others: libraries by name; asr: for wer; vocoder: of rows that name none, "" the
    shipped one; metrics, setting: "" = the file's."""

    experiment: Experiment
    library: Path
    out: Path
    variants: Sequence[Variant]
    others: Mapping[str, Path] = field(default_factory=dict)
    metrics: str = ""
    setting: str = ""
    limit: int = 0
    steps: int | None = None
    tiny: bool = False
    project: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    seed: int = 0
    jobs: int = 1
    asr: str | Path | None = None
    vocoder: str = ""
    keep_going: bool = True


@dataclass
class Outcome:
    """What came of it: one row a variant (`table.summarise`), warnings, the variants that failed, with why, the files
    written, and the figures drawn."""

    rows: list[dict[str, Any]]
    warnings: list[str]
    failed: dict[str, str]
    files: list[Path]
    figures: list[Figure]


def run_experiment(plan: Plan, progress: Progresses) -> Outcome:
    """Run the variants of a plan one after another; a variant that fails is reported and the others go on.

    Raises:
        UsageError, InputError: the first failure where `keep_going` is off; a metric or library that is unknown.
    """
    metrics = parse_metrics(plan.metrics or plan.experiment.metrics)
    dubber = Dubber(plan.out, plan.device, plan.seed)
    scored: dict[str, dict[str, Any]] = {}
    warnings, failed = list[str](), dict[str, str]()
    for variant in plan.variants:
        try:
            scored[variant.name] = _variant(plan, variant, dubber, metrics, progress, warnings)
        except DubctlError as err:
            if not plan.keep_going:
                raise
            failed[variant.name] = err.message
            warnings.append(f"{variant.name}: {err.message}" + (f" ({err.hint})" if err.hint else ""))
    rows = summarise(plan.variants, scored, metrics, plan.experiment.compare, failed)
    files = write_tables(plan.out, plan.experiment.title, rows, metrics)
    drawn = figures(rows, metrics, plan.experiment.title)
    files += write_figures(plan.out, drawn)
    write_json(plan.out / "results.json", {
        "title": plan.experiment.title, "setting": plan.setting or plan.experiment.setting, "rows": rows,
        "warnings": list(dict.fromkeys(warnings)), "failed": failed})
    return Outcome(rows, list(dict.fromkeys(warnings)), failed, [*files, plan.out / "results.json"], drawn)


def _variant(plan: Plan, variant: Variant, dubber: Dubber, metrics: list[str], progress: Progresses,
             warnings: list[str]) -> dict[str, Any]:
    library = Library.open(_library(plan, variant))
    setting = plan.setting or plan.experiment.setting
    lines = lines_of(library, setting, plan.out / "recordings", plan.limit)
    spoken = list[str]()  # what the scores depend on besides: scores of another vocoder are other scores
    if variant.kind == "ground-truth":
        items, key = dubber.recordings(library, lines), library.digest
    else:
        speaker = load_speaker(variant.vocoder or plan.vocoder, plan.device)
        spoken += [speaker.digest] if speaker.digest else []
        if variant.kind == "resynthesis":
            with progress(f"copy {variant.name}") as tick:
                items, key = dubber.copies(variant.name, library, lines, speaker, tick), library.digest
        else:
            speaker.for_voices()  # what cannot speak is said before the training
            voice, key = _trained(plan, variant, progress)
            with progress(f"dub {variant.name}") as tick:
                items = dubber.dub(variant.name, library, lines, plan.experiment.policy(variant), (voice, key), speaker,
                                   tick)
    key = content_key([key, [line.id for line in lines], [[str(i.dub), i.failed] for i in items], setting, *spoken])
    return _scores(plan, variant, items, metrics, key, progress, warnings)


def _library(plan: Plan, variant: Variant) -> Path:
    if not variant.library:
        return plan.library
    if variant.library not in plan.others:
        what = plan.experiment.libraries[variant.library]
        raise UsageError(f"it needs the library '{variant.library}': {what}", f"--with {variant.library}=LIB")
    return plan.others[variant.library]


def _trained(plan: Plan, variant: Variant, progress: Progresses) -> tuple[Path, str]:
    """The voice a variant speaks with, trained now if it is not there; and what it depends on."""
    source = plan.experiment.trainer_of(variant)
    library = Library.open(_library(plan, source))
    base = tiny_train_config() if plan.tiny else TrainConfig()
    config = plan.experiment.train_config(variant, base, plan.project)
    policy = plan.experiment.policy(source)
    steps = plan.steps or config.steps
    key = content_key(["train", library.digest, config.as_dict(), asdict(policy), steps, plan.seed])
    folder = plan.out / "train" / key[:16]
    voice = folder / "voice"
    if not (folder / "done.json").is_file():
        with progress(f"train {source.name}") as tick:
            report = train(library.path, folder, config, resume=True, steps=steps, device=plan.device, seed=plan.seed,
                           retrieval=policy, progress=tick)
        write_json(folder / "done.json", {"variant": source.name, "retrieval": asdict(policy), **report})
    return voice, voice_digest(voice)


def voice_digest(folder: Path) -> str:
    """Of a voice's weights and of how they are used: variants that train alike may still speak differently."""
    return content_key([sha256_file(folder / name) for name in ("model.safetensors", "config.json")])


def _scores(plan: Plan, variant: Variant, items: Sequence[EvalItem], metrics: list[str], key: str,
            progress: Progresses, warnings: list[str]) -> dict[str, Any]:
    """Metric by metric, so that one that cannot be had leaves the others; measured ones are kept."""
    file = plan.out / "scores" / f"{variant.name}.json"
    kept: dict[str, Any] = {}
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        kept = before["metrics"] if before.get("key") == key else {}
    for name in metrics:
        if kept.get(name, {}).get("value") is not None:
            continue
        try:
            with progress(f"score {variant.name}") as tick:
                report = evaluate(items, [name], asr=plan.asr, device=plan.device, jobs=plan.jobs, progress=tick)
        except DependencyError as err:
            warnings.append(f"{name}: {err.message} ({err.hint})")
            kept[name] = {"value": None, "reason": err.message}
            continue
        warnings.extend(report.warnings)
        kept[name] = {**report.results[name].as_dict(), "lines": [
            {"id": score.item, "value": score.value, "weight": score.weight, "failed": score.failed}
            for score in report.scores.get(name, ())]}
    found = {"key": key, "variant": variant.name, "speakers": [item.speaker for item in items], "metrics": kept}
    write_json(file, found)
    return found
