"""The media of one clip of footage: what identifies it, and its frames and sound (a cut of a longer film included)."""

from __future__ import annotations

import functools
import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubctl.errors import InputError
from dubctl.files import sha256_file
from dubctl.library.schema import FPS, RATE
from dubctl.media.audio import load_audio
from dubctl.media.clip import probe
from dubctl.media.cut import cut
from dubctl.media.ffmpeg import media_url, run
from dubctl.media.frames import read_frames

MAX_SIDE = 640  # pixels of the longer side that the extractors see


@dataclass(frozen=True)
class Footage:
    """Decoded media of one clip: frames (N, H, W, 3) uint8 at 25 fps or None; wav (S,) float32 at 22.05 kHz or None."""

    frames: np.ndarray | None
    wav: np.ndarray | None
    seconds: float


def footage_digests(video: Path | None, audio: Path | None = None, start: float | None = None,
                    end: float | None = None) -> dict[str, str]:
    """What a clip is known by under any name.

    "source": SHA-256 of the file its sound comes from (of `audio`, else of `video`). "picture": SHA-256 of the coded
    picture alone, the same for a copy whose sound was removed. Cuts of one file differ by their times.

    Raises:
        InputError: a file is missing or unreadable.
    """
    times = "" if start is None and end is None else f"@{start or 0.0}-{'' if end is None else end}"
    source = audio or video
    digests = {} if source is None else {"source": file_digest(source) + times}
    if video is not None and (picture := _cached(_picture_digest, video)):
        digests["picture"] = picture + times
    return digests


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hashed once per process while the file stays the same: a film serves many clips."""
    return _cached(sha256_file, path)


def load_footage(video: Path | None, audio: Path | None, start: float | None = None,
                 end: float | None = None) -> Footage:
    """Decode a clip. Its sound is `audio`, else the video's own; a cut is taken at the exact times.

    Raises:
        InputError: unreadable media, or `start` behind the end of them.
    """
    with _cut(video, start, end) as film, _cut(audio, start, end) as track:
        info = probe(film) if film else None
        if info and not info.has_video and track is None:
            film, track, info = None, film, None  # a video container that holds sound only
        frames = read_frames(film, FPS, MAX_SIDE, info=info) if film and info and info.has_video else None
        source = track or (film if info and info.has_audio else None)
        wav = load_audio(source, RATE) if source else None
    seconds = info.duration if info and info.has_video else len(wav) / RATE if wav is not None else 0.0
    return Footage(frames, wav, seconds)


def _cut(path: Path | None, start: float | None, end: float | None) -> AbstractContextManager[Path | None]:
    return nullcontext() if path is None else cut(path, start, end)


def _cached(function: object, path: Path) -> str:
    try:
        state = os.stat(path)
    except OSError as err:
        raise InputError(f"no such file: {path}" if isinstance(err, FileNotFoundError) else
                         f"cannot read {path}: {err.strerror}", "check the path") from err
    return _digest(function, path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=1 << 16)
def _digest(function, path: Path, size: int, changed: int) -> str:  # size and changed are part of the cache's key
    return function(path)


def _picture_digest(path: Path) -> str:
    """SHA-256 over the packets of the picture, "" where there is none; nothing is decoded."""
    out, _, code = run(["-v", "error", "-i", media_url(path), "-map", "0:V:0", "-c", "copy", "-f", "hash", "-hash",
                        "sha256", "-"])
    return "" if code else out.decode().strip().partition("=")[2].lower()
