"""Acoustic features of one training clip, computed once and kept beside the run under a content key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from dubctl.campplus import FOLDER
from dubctl.errors import InputError
from dubctl.files import atomic_path, content_key
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.media.silence import speech_span

VERSION = 1


@dataclass
class Features:
    """mel (T, 80) float16 natural log; f0 (T,) float16 Hz, 0 = unvoiced; dvector (256,) float32 unit; start: seconds
    into the clip where its speech begins (leading silence is cut), a 0-d array; campplus (192,) float32 unit, or (0,)
    where CAM++ has not heard it."""

    mel: np.ndarray
    f0: np.ndarray
    dvector: np.ndarray
    start: np.ndarray = field(default_factory=lambda: np.zeros((), np.float32))
    campplus: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))


def feature_key(audio: Path, start: float | None, end: float | None, second: bool = False) -> str:
    """Content key of a clip's features: the file's identity (size and mtime are not enough: bytes), cut, version, and
    whether CAM++ hears it."""
    from dubctl.files import sha256_file

    return content_key({"audio": sha256_file(audio), "start": start, "end": end, "version": VERSION}
                       | ({"second": FOLDER} if second else {}))


def compute(audio: Path, encoder: Any, start: float | None = None, end: float | None = None,
            second: Any = None) -> Features:
    """Features of a clip; leading and trailing silence is cut, the peak set to 0.9.

    Args:
        encoder: GE2E.  second: CAM++, None for none.

    Raises:
        InputError: unreadable, silent or too short.
    """
    from dubctl.synth.pitch import f0_track

    wav = load_audio(audio, RATE)
    if start is not None or end is not None:
        wav = wav[int((start or 0) * RATE): int(end * RATE) if end is not None else None]
    first, last = speech_span(wav)
    wav = wav[first:last]
    if len(wav) < RATE // 4:
        raise InputError(f"{audio}: under a quarter of a second of speech")
    wav = wav * (0.9 / float(np.abs(wav).max()))
    mel = mel_spectrogram(torch.from_numpy(wav)).numpy()
    return Features(mel.astype(np.float16), f0_track(wav, len(mel)).astype(np.float16), encoder.embed(wav, RATE),
                    np.float32(first / RATE), *([second.embed(wav, RATE)] if second is not None else []))


def cached(cache: Path, audio: Path, encoder: Any, start: float | None = None, end: float | None = None,
           second: Any = None) -> Features:
    """`compute`, kept in `cache/<key>.safetensors`."""
    path = cache / f"{feature_key(audio, start, end, second is not None)}.safetensors"
    if path.exists():
        return Features(**load_file(path))
    made = compute(audio, encoder, start, end, second)
    with atomic_path(path) as part:
        save_file({name: np.asarray(value) for name, value in vars(made).items()}, part)
    return made
