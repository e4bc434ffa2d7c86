"""`train`: a library in, a run folder with checkpoint, curves and an exported voice out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from dubctl.errors import InputError, UsageError
from dubctl.files import atomic_path, write_json
from dubctl.library.policy import Retrieval
from dubctl.library.store import Library
from dubctl.progress import Progress, silent
from dubctl.synth.refiner import FILE as REFINER
from dubctl.synth.voice_files import RUN_VOICE, load_folder, voice_folder
from dubctl.training import checkpoint
from dubctl.training.config import TrainConfig, tiny_train_config
from dubctl.training.corpus import build_corpus, emotion_source
from dubctl.training.trainer import Trainer

SHIPPED = "shipped"


def train(library: Path, out: Path, config: TrainConfig | None = None, *, resume: bool = False, force: bool = False,
          tiny: bool = False, steps: int | None = None, device: str = "cpu", seed: int | None = None,
          retrieval: Retrieval | None = None, progress: Progress = silent) -> dict[str, Any]:
    """Train the synthesizer on a library.

    A killed run goes on with `resume` from its last checkpoint, bit for bit as if it had not stopped (on a CPU with
    the same number of threads).

    Returns:
        step, clips trained on, clips held out, those left out with the reason, paths of checkpoint and voice.

    Raises:
        UsageError: the run exists already and neither resume nor force is given; nothing to resume.
        InputError: the library cannot be opened or has nothing to train on.
    """
    opened = Library.open(library)
    found = (out / "checkpoint.safetensors").exists()
    if found and not resume and not force:
        raise UsageError(f"{out} holds a run already",
                         "add --resume to go on, --force to start over, or choose another -o")
    if config is None:
        config = tiny_train_config() if tiny else TrainConfig()
    config = _settled(config, opened, steps, seed)
    corpus = build_corpus(opened, config.longest, progress, config.model.lip_features, config.model.timbre)
    source = emotion_source(opened, retrieval) if config.emotion else None
    trainer = Trainer(config, corpus.train, corpus.held, out, device, source)
    if resume and found:
        trainer.resume()
    else:
        (out / "losses.jsonl").unlink(missing_ok=True)
        if config.init:
            start_from(trainer, Path(config.init))
        carry_refiner(config.init, out / RUN_VOICE)
    write_json(out / "config.json", config.as_dict())
    trainer.run(progress)
    export_voice(trainer.checkpoint_path, out / RUN_VOICE)
    return {"step": trainer.step, "clips": len(corpus.train), "held_out": len(corpus.held),
            "left_out": [{"id": i, "why": why} for i, why in corpus.left_out], "seconds": round(trainer.spent, 1),
            "checkpoint": str(trainer.checkpoint_path), "voice": str(out / RUN_VOICE)}


def start_from(trainer: Trainer, place: Path) -> None:
    """Weights of another run's checkpoint or of a voice folder; `shipped` is the voice that comes with dubctl.

    Raises:
        InputError: no voice or checkpoint there, or one of another network configuration.
    """
    voice = _named(place)
    if voice is None or voice.is_dir():
        weights = load_folder(voice)[0].state_dict()
        groups = {"model": weights, "ema": weights}
    else:
        groups = checkpoint.load(place)[0]
    try:
        trainer.load_weights(groups)
    except (RuntimeError, KeyError) as err:
        raise InputError(f"{place}: made with another network configuration",
                         "train with the configuration it was made with") from err


def _named(init: Path) -> Path | None:
    """The voice folder or checkpoint that `init` names; None is the shipped voice."""
    return None if str(init) == SHIPPED and not init.is_dir() else init


def carry_refiner(origin: str, folder: Path) -> None:
    """Give a voice the refiner of the one it is trained from ("": of none), where that has one: a run has it in its
    `voice`. One of an earlier run in the folder goes."""
    source, made = voice_folder(_named(Path(origin))) / REFINER, folder / REFINER
    if origin and source.is_file():
        if source.resolve() != made.resolve():
            with atomic_path(made) as part:
                shutil.copyfile(source, part)
    else:
        made.unlink(missing_ok=True)


def _settled(config: TrainConfig, library: Library, steps: int | None, seed: int | None) -> TrainConfig:
    """The configuration with the library's dimensions and the caller's steps and seed."""
    spaces = library.spaces
    model = replace(config.model, scene_dim=spaces["scene"].dim, face_dim=spaces["face"].dim,
                    text_dim=2 * spaces["text"].dim, audio_dim=spaces["audio"].dim)
    changes: dict[str, Any] = {"model": model}
    if steps is not None:
        changes["steps"] = steps
    if seed is not None:
        changes["seed"] = seed
    return replace(config, **changes)


def export_voice(path: Path, folder: Path, card: dict[str, Any] | None = None) -> None:
    """Write a checkpoint's EMA weights as a voice: config.json and float16 model.safetensors, the alignment too,
    so that training can start from a voice.

    Raises:
        InputError: not a checkpoint.
    """
    from safetensors.torch import save_file

    groups, meta = checkpoint.load(path)
    if "ema" not in groups:
        raise InputError(f"{path}: no averaged weights in it", "point at a run's checkpoint.safetensors")
    tensors = {n: t.to(torch.float16).contiguous() for n, t in groups["ema"].items()}
    with atomic_path(folder / "model.safetensors") as part:
        save_file(tensors, part)
    model = meta["config"]["model"]
    write_json(folder / "config.json", {"model": model, "step": meta["step"],
                                       "emotional": bool(meta.get("emotional", True)),
                                       "feelings": list(meta.get("feelings", [])), **(card or {})})
