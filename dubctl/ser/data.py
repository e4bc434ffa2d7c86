"""Acted speech as training material: what is heard in every clip, its class, and folds that share no speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubctl.emotion.labels import emotion_class
from dubctl.errors import DubctlError, InputError
from dubctl.files import atomic_path, content_key, read_jsonl, sha256_file
from dubctl.media.audio import load_audio
from dubctl.media.mel import mel_spectrogram
from dubctl.media.silence import trim_silence
from dubctl.progress import Progress
from dubctl.ser.features import hear


@dataclass(frozen=True)
class Clip:
    """One recording. heard: (T, 130) of the recording itself and, where made, of its vocoded copy."""

    id: str
    corpus: str
    speaker: str
    gender: str
    label: int
    heard: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class _Row:
    id: str
    corpus: str
    speaker: str
    gender: str
    label: int
    path: Path


def load_clips(datasets: Sequence[Path], cache: Path, vocoded: float,
               progress: Progress) -> tuple[list[Clip], list[tuple[str, str]]]:
    """Clips of data set folders with a manifest.jsonl (id, audio, speaker, emotion, perhaps gender).

    Args:
        cache: folder for computed features, so that a second run starts at once.
        vocoded: share of clips that also get a copy through the vocoder (chosen by their id).

    Returns:
        the clips, and (id, reason) of those left out: another emotion, or unreadable.

    Raises:
        InputError: no manifest, or nothing usable in any of them.
    """
    clips: list[Clip] = []
    rows, left_out = _rows(datasets)
    vocoder = _Resynthesis()
    for place, row in enumerate(rows):
        progress(place, len(rows), f"features {row.id}")
        try:
            mels = _features(row, cache, vocoder if share(row.id) < vocoded else None)
        except DubctlError as err:
            left_out.append((row.id, err.message))
            continue
        clips.append(Clip(row.id, row.corpus, row.speaker, row.gender, row.label, mels))
    if not clips:
        why = f" (first: {left_out[0][0]}: {left_out[0][1]})" if left_out else ""
        raise InputError(f"nothing to train on in {', '.join(map(str, datasets))}{why}",
                         "rows need audio, speaker and one of the seven emotions")
    return clips, left_out


def speaker_folds(clips: Sequence[Clip], folds: int) -> list[set[str]]:
    """Speakers dealt to `folds` sets, each corpus and gender in turn, so that every fold has some of each.

    Raises:
        InputError: fewer speakers than folds.
    """
    known = sorted({(clip.corpus, clip.gender, clip.speaker) for clip in clips})
    if len(known) < folds:
        raise InputError(f"{len(known)} speakers cannot make {folds} speaker-disjoint folds", "set train.folds lower")
    dealt: list[set[str]] = [set() for _ in range(folds)]
    for turn, (_, _, speaker) in enumerate(known):
        dealt[turn % folds].add(speaker)
    return dealt


def share(name: str) -> float:
    """A number in 0..1 that depends on the name alone."""
    return int(content_key(name)[:8], 16) / 0xFFFFFFFF


def _rows(datasets: Sequence[Path]) -> tuple[list[_Row], list[tuple[str, str]]]:
    rows, left_out = [], []
    for folder in datasets:
        for number, row in enumerate(read_jsonl(folder / "manifest.jsonl"), 1):
            name = str(row.get("id") or f"row {number}")
            label = emotion_class(str(row.get("emotion", "")))
            if label is None or not row.get("audio") or not row.get("speaker"):
                left_out.append((name, f"emotion '{row.get('emotion', '')}' is none of the seven" if label is None
                                 else "no audio or speaker"))
                continue
            rows.append(_Row(name, folder.name, str(row["speaker"]), str(row.get("gender", "")), label,
                             folder / str(row["audio"])))
    return rows, left_out


class _Resynthesis:
    """Speech through the synthesizer's vocoder: what a perfect mel would sound like. Loaded when first needed."""

    def __init__(self) -> None:
        self.vocoder: object | None = None

    def __call__(self, wav: np.ndarray) -> np.ndarray:
        import torch

        from dubctl.synth.vocoder import ShippedVocoder

        if self.vocoder is None:
            self.vocoder = ShippedVocoder("hifigan", torch.get_num_threads())
        speech = torch.from_numpy(trim_silence(wav))
        return self.vocoder(mel_spectrogram(speech).numpy())  # type: ignore[operator]


def _features(row: _Row, cache: Path, vocoder: _Resynthesis | None) -> tuple[np.ndarray, ...]:
    from safetensors.numpy import load_file, save_file

    key = content_key({"audio": sha256_file(row.path), "vocoded": vocoder is not None, "version": 2})
    path = cache / f"{key[:24]}.safetensors"
    if not path.is_file():
        wav = load_audio(row.path)
        mels = {"0": hear(wav).astype(np.float16)}
        if vocoder is not None:
            mels["1"] = hear(vocoder(wav)).astype(np.float16)
        with atomic_path(path) as part:
            save_file(mels, part)
    found = load_file(path)
    return tuple(found[name].astype(np.float32) for name in sorted(found))
