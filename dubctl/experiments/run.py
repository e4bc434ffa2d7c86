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

import torch

from dubctl.errors import DependencyError, DubctlError, InputError, UsageError
from dubctl.experiments.config import Experiment, Variant
from dubctl.experiments.lines import Line, lines_of
from dubctl.experiments.perform import perform_row
from dubctl.experiments.plot import Figure, figures, write_figures
from dubctl.experiments.table import summarise, write_tables
from dubctl.experiments.vocoders import Speaker, load_speaker
from dubctl.files import content_key, sha256_file, write_json, write_jsonl
from dubctl.library.policy import Retrieval, references
from dubctl.library.store import Library
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.mel import RATE
from dubctl.metrics.base import EvalItem, parse_metrics
from dubctl.metrics.run import evaluate
from dubctl.progress import Progress
from dubctl.synth.voice import Voice
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
    scored: dict[str, dict[str, Any]] = {}
    warnings, failed = list[str](), dict[str, str]()
    for variant in plan.variants:
        try:
            scored[variant.name] = _variant(plan, variant, metrics, progress, warnings)
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


def _variant(plan: Plan, variant: Variant, metrics: list[str], progress: Progresses,
             warnings: list[str]) -> dict[str, Any]:
    library = Library.open(_library(plan, variant))
    setting = plan.setting or plan.experiment.setting
    lines = lines_of(library, setting, plan.out / "recordings", plan.limit)
    spoken = list[str]()  # what the scores depend on besides: scores of another vocoder are other scores
    if variant.kind == "ground-truth":
        items, key = [_truth(library, line, plan.out) for line in lines], library.digest
    else:
        speaker = load_speaker(variant.vocoder or plan.vocoder, plan.device)
        spoken += [speaker.digest] if speaker.digest else []
        if variant.kind == "resynthesis":
            items, key = _copies(plan, variant, library, lines, speaker, progress), library.digest
        else:
            speaker.for_voices()  # what cannot speak is said before the training
            voice, key = _trained(plan, variant, progress)
            items = _dub(plan, variant, library, lines, voice, key, speaker, progress)
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
    return voice, sha256_file(voice / "model.safetensors")


def _dub(plan: Plan, variant: Variant, library: Library, lines: Sequence[Line], voice_path: Path, weights: str,
         speaker: Speaker, progress: Progresses) -> list[EvalItem]:
    """Dub what is not dubbed yet; lines that cannot be dubbed are kept as failures, to be scored as such."""
    folder, policy = plan.out / "dubs" / variant.name, plan.experiment.policy(variant)
    voice: Voice | None = None
    items = []
    with progress(f"dub {variant.name}") as tick:
        for number, line in enumerate(lines):
            tick(number, len(lines), line.id)
            wav = folder / f"{line.id.replace('/', '_')}.wav"
            key = content_key([weights, library.digest, line.id, str(line.prompt), asdict(policy), plan.seed,
                               *([speaker.digest] if speaker.digest else [])])
            why = ""
            if not _there(wav, key):
                voice = voice or _speaking(voice_path, plan.device, speaker)
                why = _dub_line(voice, library, line, policy, wav, key, plan.seed)
            items.append(_item(library, line, wav, why))
    write_jsonl(folder / "dubs.jsonl", (_row(item) for item in items))
    return items


def _speaking(path: Path, device: str, speaker: Speaker) -> Voice:
    voice = Voice.load(path, device)
    voice.vocoder = speaker.for_voices()
    return voice


def _copies(plan: Plan, variant: Variant, library: Library, lines: Sequence[Line], speaker: Speaker,
            progress: Progresses) -> list[EvalItem]:
    """The recordings through mel and vocoder, at the vocoder's own rate."""
    items = []
    with progress(f"copy {variant.name}") as tick:
        for number, line in enumerate(lines):
            tick(number, len(lines), line.id)
            wav = plan.out / "dubs" / variant.name / f"{line.id.replace('/', '_')}.wav"
            key = content_key(["copy", speaker.digest, library.digest, line.id])
            if not _there(wav, key):
                save_wav(wav, speaker.copy(line.source), speaker.rate)
                write_json(wav.with_suffix(".json"), {"key": key, "id": line.id, "rate": speaker.rate})
            items.append(_item(library, line, wav, ""))
    write_jsonl(plan.out / "dubs" / variant.name / "dubs.jsonl", (_row(item) for item in items))
    return items


def _there(wav: Path, key: str) -> bool:
    try:
        return wav.is_file() and json.loads(wav.with_suffix(".json").read_text(encoding="utf-8"))["key"] == key
    except (OSError, ValueError, KeyError):
        return False


def _dub_line(voice: Voice, library: Library, line: Line, policy: Retrieval, wav: Path, key: str, seed: int) -> str:
    torch.manual_seed(seed)
    try:
        hits = references(library, line.place, policy) if voice.emotional and policy.k else []
        sound, facts = perform_row(voice, library, line.place, line.prompt, hits)
    except InputError as err:
        wav.unlink(missing_ok=True)
        return err.message
    save_wav(wav, sound, RATE)
    row = library.rows[line.place]
    write_json(wav.with_suffix(".json"), {"key": key, "id": line.id, "target": row.id, "text": row.text,
                                          "prompt": str(line.prompt), **facts})
    return ""


def _item(library: Library, line: Line, wav: Path, why: str) -> EvalItem:
    row = library.rows[line.place]
    return EvalItem(line.id, dub=wav, text=row.text, prompt=line.prompt, reference=line.source, speaker=row.speaker,
                    emotion=row.emotion, failed=why)


def _truth(library: Library, line: Line, out: Path) -> EvalItem:
    """The recording itself, at the rate of the dubs: what they are measured against goes through the same door."""
    wav = out / "dubs" / "ground-truth" / f"{line.id.replace('/', '_')}.wav"
    if not wav.is_file():
        save_wav(wav, load_audio(line.source, RATE), RATE)
    return _item(library, line, wav, "")


def _row(item: EvalItem) -> dict[str, Any]:
    paths = {name: str(Path(value).resolve()) for name in ("dub", "prompt", "reference")
             if (value := getattr(item, name)) is not None}
    return {"id": item.id, **paths, "text": item.text, "speaker": item.speaker, "emotion": item.emotion,
            **({"failed": item.failed} if item.failed else {})}


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
