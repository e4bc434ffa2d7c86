"""What the clip's picture shows of the speaker, read once a clip for all metrics of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from dubctl.dubbing.section import AROUND, inside
from dubctl.emotion.base import LipTrack
from dubctl.emotion.lips import speech_window
from dubctl.media.clip import probe
from dubctl.media.clock import frames_at
from dubctl.media.cut import cut
from dubctl.metrics.base import EvalItem

_LOCK = Lock()


@dataclass(frozen=True)
class Mouth:
    """lips: track on the 25-fps clock; window: (start, end) seconds of visible speech, None if no mouth is seen to."""

    lips: LipTrack
    window: tuple[float, float] | None


def seconds_of(item: EvalItem) -> Fraction | float:
    """How long the clip, or the cue of a film's line, lasts.

    Raises:
        InputError: unreadable.
    """
    assert item.clip is not None
    return probe(item.clip).duration if item.section is None else item.section[1] - item.section[0]


@lru_cache(maxsize=256)
def mouth_of(clip: Path, section: tuple[float, float] | None = None) -> Mouth:
    """Lips of the speaking face of a clip, or of a section (start, end) of it, which is looked at with half a second
    around it, as `dub --lines` does.

    Raises:
        InputError: unreadable, or no picture.
    """
    if section is None:
        return _look(clip)
    start, end = section
    before = min(AROUND, start)
    with cut(clip, start - before, end + AROUND) as path:
        return _part(_look(path), before, end - start)


def _part(mouth: Mouth, start: float, seconds: float) -> Mouth:
    """Of what was looked at, so many seconds from `start` on, as if that were a clip of its own."""
    lips = mouth.lips
    frames = slice(round(start * lips.fps), round(start * lips.fps) + frames_at(seconds, lips.fps))
    found = inside(mouth.window, start, start + seconds) if mouth.window is not None else None
    return Mouth(replace(lips, opening=lips.opening[frames], width=lips.width[frames], visible=lips.visible[frames]),
                 None if found is None else (found[0] - start, found[1] - start))


def _look(clip: Path) -> Mouth:
    from dubctl.emotion.face_choose import lip_track, speaking_face
    from dubctl.emotion.shots import find_cuts
    from dubctl.media.frames import read_frames

    frames = read_frames(clip)
    cuts = find_cuts(frames)
    with _LOCK:  # one tracker: its sessions use all threads anyhow
        lips = lip_track(speaking_face(frames, _tracker(), cuts), cuts)
    return Mouth(lips, speech_window(lips))


def face_crops(clip: Path, section: tuple[float, float] | None = None, size: int = 224,
               margin: float = 0.4) -> np.ndarray | None:
    """The speaking face (N, size, size, 3) uint8 BGR at 25 fps, as SyncNet's pipeline cuts it; None without a face.
    Of a section (start, end) of the clip, or of all of it.

    The box's longer side is the face's, smoothed by a median over 13 frames; the cut reaches `margin` of it to both
    sides and twice that below. Frames in which the face is not seen take the line between their neighbours.
    """
    import cv2

    from dubctl.emotion.face_choose import speaking_face
    from dubctl.emotion.face_mesh import box_of
    from dubctl.media.frames import read_frames

    with cut(clip, *(section or (None, None))) as piece:
        frames = read_frames(piece)
    with _LOCK:
        path = speaking_face(frames, _tracker())
    at = np.flatnonzero(path.seen)
    if not len(at):
        return None
    boxes = np.stack([np.asarray(box_of(path.landmarks[t]), float) for t in at])
    half = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) / 2
    rows = np.stack([half, (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2])
    tracks = [_median13(np.interp(np.arange(len(frames)), at, row)) for row in rows]
    out = np.empty((len(frames), size, size, 3), np.uint8)
    for t, (frame, half_side, x, y) in enumerate(zip(frames, *tracks, strict=True)):
        pad = int(half_side * (1 + 2 * margin)) + 1
        wide = np.pad(frame, ((pad, pad), (pad, pad), (0, 0)), constant_values=110)
        x0, x1 = x + pad - half_side * (1 + margin), x + pad + half_side * (1 + margin)
        y0, y1 = y + pad - half_side, y + pad + half_side * (1 + 2 * margin)
        shown = wide[max(0, int(y0)):int(y1), max(0, int(x0)):int(x1)]
        out[t] = cv2.resize(shown, (size, size))[:, :, ::-1]
    return out


@lru_cache(maxsize=1)
def _tracker():
    from dubctl.emotion.face_track import FaceTracker

    return FaceTracker()


def _median13(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, 6, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 13), axis=1)
