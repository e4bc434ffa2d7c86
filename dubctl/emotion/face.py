"""Face Emotion Extractor, lite: landmarks + expression classifier -> a sentence on how the face changes -> RTER.

Paper, "Face Emotion Extractor": a video LLM describes the facial expressions and RTER turns the words into a vector.
Here measured numbers take the place of the video LLM (`dubctl.emotion.face_words`); the rest is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dubctl.emotion import face_measure, face_words
from dubctl.emotion.base import EmotionSpace, FaceEmotion, TextEmotionEncoder
from dubctl.emotion.expression import CLASSES, ExpressionModel
from dubctl.emotion.face_choose import lip_track, median3, speaking_face
from dubctl.emotion.face_track import FacePath, FaceTracker
from dubctl.emotion.onnx import THREADS
from dubctl.emotion.shots import find_cuts

REVISION = "face1"  # of the captions: other words, other vectors
EVERY = 2  # the expression model looks at every second frame


@dataclass(frozen=True)
class FaceSight:
    """What the vision models saw in a clip: the speaking face, the cuts, and for each third of the clip in which the
    face is seen the mean probabilities of expressions; `width` of the picture in pixels."""

    path: FacePath
    cuts: list[int]
    thirds: list[dict[str, float]]
    width: int


class Eyes:
    """The vision models alone; they need no torch. `threads`: of each model."""

    def __init__(self, threads: int = THREADS) -> None:
        self._tracker, self._expression = FaceTracker(threads), ExpressionModel(threads)

    def look(self, frames: np.ndarray) -> FaceSight:
        """Frames (N, H, W, 3) uint8 RGB at 25 fps."""
        cuts = find_cuts(frames)
        path = speaking_face(frames, self._tracker, cuts)
        return FaceSight(path, cuts, self._thirds(frames, path), frames.shape[2])

    def _thirds(self, frames: np.ndarray, path: FacePath) -> list[dict[str, float]]:
        at = np.flatnonzero(path.seen)[::EVERY]
        if not at.size:
            return []
        every = self._expression.probabilities(frames[at], path.landmarks[at])
        third = np.minimum(at * 3 // len(frames), 2)
        return [dict(zip(CLASSES, map(float, every[third == i].mean(0)), strict=True))
                for i in range(3) if (third == i).any()]


class LiteFaceExtractor:
    """Frames at 25 fps -> caption, vector and lip track of the speaking face.

    Args:
        rter: text-emotion encoder of the captions; left out, the shipped one.
        threads: threads of each vision model.
    """

    def __init__(self, rter: TextEmotionEncoder | None = None, threads: int = THREADS) -> None:
        if rter is None:
            from dubctl.emotion.rter import LiteTextEmotionEncoder

            rter = LiteTextEmotionEncoder()
        self._rter, self._eyes = rter, Eyes(threads)
        self.space = EmotionSpace(rter.space.name, f"{rter.space.revision}+{REVISION}", rter.space.dim)

    def extract(self, frames: np.ndarray) -> FaceEmotion:
        """Frames (N, H, W, 3) uint8 RGB at 25 fps. Without a face: vector and profile None, coverage 0."""
        return self.describe(self._eyes.look(frames))

    def describe(self, sight: FaceSight) -> FaceEmotion:
        """What was seen, in words and as a vector."""
        path = sight.path
        lips, coverage = lip_track(path, sight.cuts), float(path.seen.mean())
        if not path.seen.any():
            return FaceEmotion(face_words.NO_FACE, None, None, lips, 0.0, {"coverage": 0.0})
        stats = {"coverage": coverage, **_measure(_main_shot(path, sight.cuts), sight.width), **_means(sight.thirds)}
        caption = face_words.sentence([face_words.feeling(part) for part in sight.thirds], stats, coverage)
        vector = np.asarray(self._rter.encode([caption])[0], np.float32)
        return FaceEmotion(caption, vector, np.asarray(self._rter.classify([caption])[0], np.float32), lips, coverage,
                           stats)


def _means(parts: list[dict[str, float]]) -> dict[str, float]:
    return {f"expression_{name}": float(np.mean([part[name] for part in parts])) for name in CLASSES}


def _main_shot(path: FacePath, cuts: list[int]) -> FacePath:
    """The shot with most mouth motion: two faces on either side of a cut must not be taken for one that changes."""
    edges = [0, *cuts, len(path.seen)]
    parts = [FacePath(path.landmarks[a:b], path.seen[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    return max((part for part in parts if part.seen.any()), key=_motion)


def _motion(path: FacePath) -> tuple[float, int]:
    """Way the mouth goes, over the eye distance; then frames in which the face is seen."""
    opening = median3(face_measure.opening(path.landmarks[path.seen]))
    return float(np.abs(np.diff(opening)).sum()), int(path.seen.sum())


def _measure(path: FacePath, frame_width: int) -> dict[str, float]:
    """Levels (median), changes (last third of the sightings - first), motion, blinks of one shot.

    Lengths are in eye distances.
    """
    points = path.landmarks[path.seen]
    values = {name: measure(points) for name, measure in face_measure.MEASURES.items()}
    third = max(1, len(points) // 3)
    stats = {name: float(np.median(value)) for name, value in values.items()}
    stats |= {f"{name}_change": float(np.median(value[-third:]) - np.median(value[:third]))
              for name, value in values.items()}
    next_to = np.diff(np.flatnonzero(path.seen)) == 1  # motion only between neighbouring frames
    size = face_measure.eye_distance(points)
    nose = points[:, 1, :2] - (points[:, [33, 263], :2].mean(1))
    stats["mouth_motion"] = _mean(np.abs(np.diff(values["opening"]))[next_to])
    stats["opening_peak"] = float(np.percentile(values["opening"], 95))
    stats["head_motion"] = float((nose / size[:, None]).std(0).max())
    stats["blinks_per_second"] = _blinks(values["eyes"]) * 25.0 / len(points)
    stats["face_width"] = float(np.median(size)) / frame_width
    return stats


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else 0.0


def _blinks(eyes: np.ndarray) -> int:
    """Dips of the eye opening below half its median that last 1 to 8 frames."""
    shut = np.concatenate([[False], eyes < 0.5 * np.median(eyes), [False]]).astype(int)
    edges = np.flatnonzero(np.diff(shut))
    return int(sum(1 <= stop - start <= 8 for start, stop in zip(edges[::2], edges[1::2], strict=True)))
