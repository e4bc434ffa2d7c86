"""Which clips the shipped voice is trained on, and the copies that are made of them (see train_voice.py): shifted in
pitch and formants, hurried, as a poor microphone has them, without their noise."""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import soundfile as sf
import soxr
import torch
from poor_recordings import poor

from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.media.silence import speech_span
from dubctl.speaker import SpeakerEncoder
from dubctl.training.features import cached

LONGEST = 18.0  # half of the LibriSpeech clips have over 14 s, and each is a voice that no other clip has


def acted(args: argparse.Namespace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Acted clips; those with feeling count `--acted-weight` times."""
    if args.acted:
        for row in read_jsonl(args.acted / "manifest.jsonl"):
            for _ in range(args.acted_weight if row["emotion"] != "neutral" else 1):
                yield args.acted, row


POOR_SHARE = 0.3


def poor_recording(args: argparse.Namespace, row: dict[str, Any], media: Path,
          encoder: SpeakerEncoder) -> tuple[np.ndarray, np.ndarray] | None:
    """Mel and d-vector of a poor recording of some plain clips."""
    draw = random.Random("poor" + row["id"])
    if not args.poor or draw.random() > POOR_SHARE or "strength" in row or "audio" not in row:
        return None
    path = args.poor / f"{row['id']}.flac"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, poor(load_audio(media, RATE), draw.randrange(2**31)), RATE)
    found = cached(args.cache, path, encoder)
    return found.mel, found.dvector


def rows(args: argparse.Namespace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(folder, manifest row) of everything that may train or be held out."""
    plain = re.compile(r"[^a-z ]")
    mix = read_jsonl(args.data / "kokoro_mix" / "manifest.jsonl")
    reserved = {plain.sub("", r["text"].lower()) for r in mix if r["split"] != "train"}
    yield from ((args.data / "kokoro_mix", r) for r in mix if r["split"] != "test")
    for name in ("kathleen", "cmu_arctic", "grid_s1"):
        for row in read_jsonl(args.data / name / "manifest.jsonl")[:: args.thin if name != "grid_s1" else 1]:
            if plain.sub("", row["text"].lower()) not in reserved:
                yield args.data / name, row
    spoken = json.loads(args.transcripts.read_text()) if args.transcripts else {}
    for row in read_jsonl(args.data / "librispeech" / "manifest.jsonl"):
        if not row["text"] and spoken.get(row["id"]):  # clips that come with text are test-other: kept for testing
            yield args.data / "librispeech", {**row, "text": spoken[row["id"]]} | _quiet(args, row)
    for folder in args.more:
        for manifest in sorted(folder.glob("manifest*.jsonl")):
            yield from ((folder, r) for r in read_jsonl(manifest))


def _quiet(args: argparse.Namespace, row: dict[str, Any]) -> dict[str, Path]:
    """The quiet copy of a LibriSpeech clip that is short enough to train on."""
    if not args.quiet or row["seconds"] > LONGEST + 1:
        return {}
    path = args.quiet / f"{row['id']}.flac"
    if not path.exists():
        from quiet_recordings import quiet  # needs pyrnnoise, which nothing else does

        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, quiet(load_audio(args.data / "librispeech" / row["audio"], RATE), RATE), RATE)
    return {"quiet": path}


def levelled(media: Path, path: Path) -> np.ndarray:
    """The speech (S,) of a quiet copy, or of the recording itself, cut and levelled as the recording is."""
    wav = load_audio(media, RATE)
    first, last = speech_span(wav)
    level = 0.9 / float(np.abs(wav[first:last]).max())
    return (wav if path == media else load_audio(path, RATE))[first:last] * level


def mel_of(wav: np.ndarray) -> np.ndarray:
    """Mel (T, 80), float16."""
    return mel_spectrogram(torch.from_numpy(wav)).numpy().astype(np.float16)


def some(args: argparse.Namespace, copies: Iterable[tuple[Path, dict[str, Any]]],
         ) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The share `--copies` of the copies."""
    yield from ((folder, row) for folder, row in copies if random.Random("kept" + row["id"]).random() < args.copies)


def _copies(args: argparse.Namespace, folder: Path, row: dict[str, Any], path: Path,
            copy: Callable[[Path, Path], None]) -> dict[str, Path]:
    """Make a copy of a clip where it is missing, and of its quiet copy where it has one."""
    pairs = [(folder / row["audio"], path)] + ([(row["quiet"], args.quiet / path.name)] if "quiet" in row else [])
    for source, made in pairs:
        made.parent.mkdir(parents=True, exist_ok=True)
        if not made.exists():
            copy(source, made)
    return {"quiet": args.quiet / path.name} if "quiet" in row else {}


WARPS = (0.84, 0.9, 1.1, 1.18)
WARP_SHARE = {"librispeech": 1.0, "kokoro_mix": 0.35, "cmu_arctic": 0.15, "kathleen": 0.15}  # others: 0.35


def warped(args: argparse.Namespace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Copies of some training clips played faster or slower: pitch and formants move together, as in a smaller or
    larger person, so that one speaker gives voices which no recording at hand has: real ones four, one a factor; of the
    others a speaker of few clips keeps one factor, so that his copies are one new speaker."""
    if not args.warped:
        return
    for folder, row in rows(args):
        draw = random.Random(row["id"])
        if row.get("split") == "dev" or draw.random() > WARP_SHARE.get(folder.name, 0.35) or "audio" not in row:
            continue
        many = folder.name in ("cmu_arctic", "kathleen")
        one = (draw if many else random.Random(row["speaker"])).choice(WARPS)
        for factor in WARPS if folder.name == "librispeech" else (one,):
            path = args.warped / f"{row['id']}_{factor}.flac"
            yield args.warped, {**row, "id": path.stem, "audio": path.name, "speaker": f"{row['speaker']}x{factor}",
                                **_copies(args, folder, row, path, partial(_warp, factor=factor))}


def _warp(source: Path, made: Path, factor: float) -> None:
    sf.write(made, soxr.resample(load_audio(source, RATE), RATE * factor, RATE), RATE)


HURRY = (1.2, 1.7)
HURRY_SHARE = {"librispeech": 0.4, "kokoro_mix": 0.3, "cmu_arctic": 0.15, "kathleen": 0.15}  # others: 0.35


def hurried(args: argparse.Namespace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Copies of some training clips at a quicker tempo, pitch and formants as they were (Rubber Band): speech at the
    pace that a short shot asks for, which nobody at hand but GRID's talker keeps."""
    for folder, row in rows(args) if args.hurried else ():
        draw = random.Random("hurried" + row["id"])
        if row.get("split") == "dev" or draw.random() > HURRY_SHARE.get(folder.name, 0.35) or "audio" not in row:
            continue
        path = args.hurried / f"{row['id']}_hurried.flac"
        yield args.hurried, {**row, "id": path.stem, "audio": path.name,
                             **_copies(args, folder, row, path, partial(_hurry, tempo=draw.uniform(*HURRY)))}


def _hurry(source: Path, made: Path, tempo: float) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(source), "-af",
                    f"rubberband=tempo={tempo:.3f}", "-ac", "1", "-ar", str(RATE), str(made)], check=True)
