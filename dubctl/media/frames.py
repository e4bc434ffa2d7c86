"""Pictures of a clip on a constant clock: any frame rate in, exactly round(duration * fps) RGB frames out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dubctl.errors import InputError
from dubctl.media.clip import ClipInfo, probe
from dubctl.media.clock import FPS, frames_at
from dubctl.media.ffmpeg import media_url, reading


def read_frames(path: Path | str, fps: float = FPS, max_side: int = 640, *, info: ClipInfo | None = None) -> np.ndarray:
    """All frames of a clip, (N, H, W, 3) uint8 RGB, N = round(duration * fps), at least 1.

    Frame i shows what is on screen nearest to i / fps (23.976, 60 fps and variable rates alike), upright as a player
    shows it, in square pixels, the longer side at most `max_side`. `info` saves a second `probe`.

    Raises:
        InputError: unreadable, or there is no picture.
    """
    info = info or probe(path)
    count, (width, height) = _plan(info, fps, max_side)
    frames = np.empty((count, height, width, 3), np.uint8)
    for index, frame in enumerate(iter_frames(path, fps, max_side, info=info)):
        frames[index] = frame
    return frames


def iter_frames(path: Path | str, fps: float = FPS, max_side: int = 640, *,
                info: ClipInfo | None = None) -> Iterator[np.ndarray]:
    """As `read_frames`, one (H, W, 3) frame at a time, for clips too long to hold in memory."""
    info = info or probe(path)
    count, (width, height) = _plan(info, fps, max_side)
    # STARTPTS: a picture that starts later than its file still gives frame 0; fps pads and drops to the clock
    chain = f"setpts=PTS-STARTPTS,fps={fps},scale={width}:{height}:flags=area,setsar=1"
    args = ["-v", "error", "-i", media_url(path), "-map", "0:V:0", "-vf", chain, "-pix_fmt", "rgb24", "-f", "rawvideo",
            "-"]
    size, last, done = width * height * 3, None, 0
    with reading(args, path) as stream:
        while done < count and len(raw := stream.read(size)) == size:
            last = np.frombuffer(raw, np.uint8).reshape(height, width, 3)
            done += 1
            yield last
    if last is None:
        raise InputError(f"cannot read {path}: no picture could be decoded")
    for _ in range(count - done):  # the filter may stop a frame early: the last picture stays on screen
        yield last


def _plan(info: ClipInfo, fps: float, max_side: int) -> tuple[int, tuple[int, int]]:
    if not info.has_video:
        raise InputError(f"{info.path} has no picture", "give a video clip")
    shrink = min(1.0, max_side / max(info.width, info.height))
    return frames_at(info.duration, fps), (max(1, round(info.width * shrink)), max(1, round(info.height * shrink)))
