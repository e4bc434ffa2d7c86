"""What the clip's picture shows of the speaker, read once a clip for all metrics of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from dubctl.emotion.base import LipTrack
from dubctl.emotion.lips import speech_window

_LOCK = Lock()


@dataclass(frozen=True)
class Mouth:
    """lips: track on the 25-fps clock; window: (start, end) seconds of visible speech, None if no mouth is seen to."""

    lips: LipTrack
    window: tuple[float, float] | None


@lru_cache(maxsize=256)
def mouth_of(clip: Path) -> Mouth:
    """Lips of the speaking face of a clip.

    Raises:
        InputError: unreadable, or no picture.
    """
    from dubctl.emotion.face_choose import lip_track, speaking_face
    from dubctl.emotion.shots import find_cuts
    from dubctl.media.frames import read_frames

    frames = read_frames(clip)
    cuts = find_cuts(frames)
    with _LOCK:  # one tracker: its sessions use all threads anyhow
        lips = lip_track(speaking_face(frames, _tracker(), cuts), cuts)
    return Mouth(lips, speech_window(lips))


def face_crops(clip: Path, size: int = 224, margin: float = 0.4) -> np.ndarray | None:
    """The speaking face (N, size, size, 3) uint8 BGR at 25 fps, as SyncNet's pipeline cuts it; None without a face.

    The box's longer side is the face's, smoothed by a median over 13 frames; the cut reaches `margin` of it to both
    sides and twice that below. Frames in which the face is not seen take the line between their neighbours.
    """
    import cv2

    from dubctl.emotion.face_choose import speaking_face
    from dubctl.emotion.face_mesh import box_of
    from dubctl.media.frames import read_frames

    frames = read_frames(clip)
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
        cut = wide[max(0, int(y0)):int(y1), max(0, int(x0)):int(x1)]
        out[t] = cv2.resize(cut, (size, size))[:, :, ::-1]
    return out


@lru_cache(maxsize=1)
def _tracker():
    from dubctl.emotion.face_track import FaceTracker

    return FaceTracker()


def _median13(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, 6, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 13), axis=1)
