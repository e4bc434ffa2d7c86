"""A stretch of a longer film as a file of its own: decoding a whole film per clip would take hours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dubctl.errors import InputError
from dubctl.media.clip import probe
from dubctl.media.clock import FPS
from dubctl.media.ffmpeg import media_url, reason, run

_BEFORE = 1.0  # seconds that are decoded before a cut, so that the picture on screen at its start is among them


@contextmanager
def cut(path: Path, start: float | None, end: float | None) -> Iterator[Path]:
    """The file itself, or a lossless temporary cut of it whose picture and sound both begin at `start` exactly: frame i
    of its 25 a second is what is on screen at start + i / 25. (ffmpeg's own cut begins with the first picture that
    starts in it, up to a frame late, while its sound does not.)

    Args:
        start, end: seconds, None for the file's own; both None give the file itself.

    Raises:
        InputError: unreadable, or nothing lies behind `start`.
    """
    if start is None and end is None:
        yield path
        return
    first = start or 0.0
    seek = max(0.0, first - _BEFORE)
    skip = f"{first - seek:.6f}"
    length = [] if end is None else ["-t", f"{end - first:.6f}"]
    with tempfile.TemporaryDirectory(prefix="dubctl-cut-") as folder:
        piece = Path(folder) / "cut.mkv"
        _, err, code = run([
            "-v", "error", "-ss", f"{seek:.6f}", "-i", media_url(path), *length, "-map", "0:V:0?", "-map", "0:a:0?",
            "-vf", f"fps={FPS}:start_time={skip},setpts=PTS-STARTPTS", "-c:v", "libx264", "-qp", "0", "-preset",
            "ultrafast", "-af", f"atrim=start={skip},asetpts=PTS-{skip}/TB", "-c:a", "pcm_f32le", media_url(piece)])
        if code or not piece.is_file():
            raise InputError(f"cannot read {path} from {first} s: {reason(err)}")
        try:
            probe(piece)
        except InputError as err:
            raise InputError(f"{path} holds nothing from {first} s on", "check start and end") from err
        yield piece
