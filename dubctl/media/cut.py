"""A stretch of a longer film as a file of its own: decoding a whole film per clip would take hours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dubctl.errors import InputError
from dubctl.media.clip import probe
from dubctl.media.clock import FPS
from dubctl.media.ffmpeg import media_url, reason, run

_LOSSLESS = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast")
_BEFORE = 1.0  # seconds that are decoded before a section, so that the picture on screen at its start is among them


@contextmanager
def cut(path: Path, start: float | None, end: float | None) -> Iterator[Path]:
    """The file itself, or a lossless temporary cut of it, picture and sound; it begins with the first picture that
    starts in it.

    Args:
        start, end: seconds, None for the file's own; both None give the file itself.

    Raises:
        InputError: unreadable, or nothing lies behind `start`.
    """
    if start is None and end is None:
        yield path
        return
    first = start or 0.0
    length = [] if end is None else ["-t", f"{end - first:.6f}"]
    streams = ["-map", "0:V:0?", "-map", "0:a:0?", *_LOSSLESS, "-c:a", "pcm_f32le"]
    with _written(path, first, ["-ss", f"{first:.6f}"], [*length, *streams]) as piece:
        yield piece


@contextmanager
def cut_picture(path: Path, start: float, end: float, fps: float = FPS) -> Iterator[Path]:
    """A lossless temporary cut of the picture on a constant clock: frame i is on screen at start + i / fps.

    Raises:
        InputError: unreadable, or nothing lies behind `start`.
    """
    seek = max(0.0, start - _BEFORE)
    clock = f"fps={fps}:start_time={start - seek:.6f},setpts=PTS-STARTPTS"
    with _written(path, start, ["-ss", f"{seek:.6f}"], ["-map", "0:V:0", "-vf", clock, "-t", f"{end - start:.6f}",
                                                        *_LOSSLESS]) as piece:
        yield piece


@contextmanager
def _written(path: Path, first: float, before: Sequence[str], after: Sequence[str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dubctl-cut-") as folder:
        piece = Path(folder) / "cut.mkv"
        _, err, code = run(["-v", "error", *before, "-i", media_url(path), *after, media_url(piece)])
        if code or not piece.is_file():
            raise InputError(f"cannot read {path} from {first} s: {reason(err)}")
        try:
            probe(piece)
        except InputError as err:
            raise InputError(f"{path} holds nothing from {first} s on", "check start and end") from err
        yield piece
