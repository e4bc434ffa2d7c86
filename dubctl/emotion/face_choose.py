"""From many faces in many shots to the one that speaks: a row of landmarks for the whole clip."""

from __future__ import annotations

import numpy as np

from dubctl.emotion import face_measure
from dubctl.emotion.base import LipTrack
from dubctl.emotion.face_track import FacePath, FaceTracker
from dubctl.emotion.shots import shots

MIN_FILL = 10
STILL = 0.004  # added to the motion, so that among faces that do not speak the largest is taken


def speaking_face(frames: np.ndarray, tracker: FaceTracker, cuts: list[int] | None = None) -> FacePath:
    """The speaking face of a clip (N, H, W, 3): in every shot the path with most mouth motion x size x presence.

    Where that face is out of the picture for `MIN_FILL` frames or more, the next best one of the shot stands in.
    """
    whole = FacePath.empty(len(frames))
    for start, stop in shots(frames, cuts):
        landmarks, seen = whole.landmarks[start:stop], whole.seen[start:stop]
        for path in sorted(tracker.follow(frames[start:stop]), key=_speaks, reverse=True):
            fresh = path.seen & ~seen
            if not seen.any() or fresh.sum() >= MIN_FILL:
                landmarks[fresh] = path.landmarks[fresh]
                seen |= fresh
    return whole


def _speaks(path: FacePath) -> float:
    """Mouth motion x face size x share of the shot."""
    points = path.landmarks[path.seen]
    level = median3(face_measure.opening(points))
    motion = float(np.abs(np.diff(level)).mean()) if len(level) > 1 else 0.0
    return (motion + STILL) * float(face_measure.eye_distance(points).mean()) * float(path.seen.mean())


def lip_track(path: FacePath, breaks: list[int] | None = None) -> LipTrack:
    """Opening and width per frame (N,): median of 3 against one-frame spikes (not across `breaks`), gaps bridged.

    A wrong crop can pass the face flag and shut an open mouth for one frame; gaps take the line between their ends.
    """
    count = len(path.seen)
    if not path.seen.any():
        zero = np.zeros(count, np.float32)
        return LipTrack(zero, zero.copy(), path.seen.copy())
    at = np.flatnonzero(path.seen)
    values = {name: getattr(face_measure, name)(path.landmarks[at]) for name in ("opening", "width")}
    cuts = np.searchsorted(at, [b for b in breaks or [] if 0 < b < count])
    jumps = np.flatnonzero(np.diff(at) > 1) + 1
    parts = [part for part in np.split(np.arange(len(at)), np.unique(np.concatenate([cuts, jumps]).astype(int)))
             if part.size]
    every = np.arange(count)
    smooth = {name: np.interp(every, at, np.concatenate([median3(v[part]) for part in parts])).astype(np.float32)
              for name, v in values.items()}
    return LipTrack(smooth["opening"], smooth["width"], path.seen.copy())


def median3(values: np.ndarray) -> np.ndarray:
    """Median of every value and its two neighbours (N,); the ends stay as they are."""
    if len(values) < 3:
        return values
    inner = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], inner, values[-1:]])
