"""Following faces through a shot: detect once, then track by landmarks; detect again only when a face is lost.

Tracking gives far fewer false spikes of the mouth than detecting in every frame, but has no notion of a cut: a tracker
must never see more than one shot (`dubctl.emotion.shots`).
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from dubctl.emotion.face_detect import FaceDetector, overlap
from dubctl.emotion.face_mesh import POINTS, FaceMesh, Roi, box_of
from dubctl.emotion.onnx import THREADS

FLAG = 0.5  # the mesh's own doubt: below, there is no face in the crop
MAX_FACES, MAX_PATHS = 3, 8  # followed at once; in one shot
LOOK_AGAIN, LOOK_WHEN_LOST = 12, 2  # frames between detections while a face is followed / while there is none
HALVED = 50  # frames: a shot this long is followed from its middle to both ends at once
MIN_SIDE = 24.0  # pixels of the face's longer side: smaller meshes are guesses


@dataclass
class FacePath:
    """One face through one shot: landmarks (N, 478, 3) in pixels, valid where seen (N,) is True."""

    landmarks: np.ndarray
    seen: np.ndarray

    @classmethod
    def empty(cls, frames: int) -> FacePath:
        return cls(np.zeros((frames, POINTS, 3), np.float32), np.zeros(frames, bool))

    def put(self, t: int, points: np.ndarray) -> None:
        self.landmarks[t], self.seen[t] = points, True

    def last_box(self, t: int) -> np.ndarray | None:
        """Box of the latest sighting up to frame t, or None."""
        before = np.flatnonzero(self.seen[:t + 1])
        return box_of(self.landmarks[before[-1]]) if before.size else None


class FaceTracker:
    """Detector and mesh as one: shots in, face paths out."""

    def __init__(self, threads: int = THREADS, detector: FaceDetector | None = None,
                 mesh: FaceMesh | None = None) -> None:
        self.detector, self.mesh = detector or FaceDetector(threads), mesh or FaceMesh(threads)

    def follow(self, frames: np.ndarray) -> list[FacePath]:
        """Faces of one shot (N, H, W, 3) uint8 RGB, at most `MAX_FACES` at once, in the order they were found.

        Both halves of a long shot begin with the same look at its middle frame, so that they meet without a seam.
        """
        if len(frames) < HALVED:
            return self._onwards(frames)
        middle = len(frames) // 2
        with ThreadPoolExecutor(1) as other:
            backwards = other.submit(self._onwards, frames[middle::-1])
            after = self._onwards(frames[middle:])
        return self._joined(backwards.result(), after, frames, middle)

    def _onwards(self, frames: np.ndarray) -> list[FacePath]:
        paths: list[FacePath] = []
        for t, frame in enumerate(frames):
            active = [path for path in paths if t and path.seen[t - 1]]
            for path in active:
                self._step(path, frame, t, Roi.of_landmarks(path.landmarks[t - 1]))
            _drop_doubles(active, t)
            seen = sum(path.seen[t] for path in paths)
            lost = len(active) > seen
            if t == 0 or lost or t % (LOOK_AGAIN if seen else LOOK_WHEN_LOST) == 0:
                self._look(paths, frame, t, len(frames), tiles=not seen)
        for path in paths:
            self._along(path, frames, range(int(np.argmax(path.seen)) - 1, -1, -1), 1)
        return [path for path in paths if path.seen.any()]

    def _joined(self, before: list[FacePath], after: list[FacePath], frames: np.ndarray,
                middle: int) -> list[FacePath]:
        """Paths from the middle to the start, and from there to the end, as paths of the whole shot; one that reaches
        the middle from its side alone is followed on to the other."""
        whole, total = [], len(frames)
        left = [_placed(path, slice(middle, None, -1), total) for path in before]
        for path in after:
            right = _placed(path, slice(middle, None), total)
            twin = next((i for i, other in enumerate(left) if _meet(other, right, middle)), None)
            if twin is None:
                self._along(right, frames, range(middle - 1, -1, -1), 1)
            else:
                met = left.pop(twin)
                right.landmarks[:middle], right.seen[:middle] = met.landmarks[:middle], met.seen[:middle]
            whole.append(right)
        for path in left:
            self._along(path, frames, range(middle + 1, total), -1)
        return whole + left

    def _step(self, path: FacePath, frame: np.ndarray, t: int, roi: Roi) -> None:
        points, flag = self.mesh.run(frame, roi)
        if flag >= FLAG and _plausible(points, roi, frame):
            path.put(t, points)

    def _look(self, paths: list[FacePath], frame: np.ndarray, t: int, total: int, *, tiles: bool) -> None:
        """Detect, confirm by the mesh (twice: the second crop is its own), join a lost path or open a new one."""
        met = self._confirm(paths, frame, t, total, tiles=False)
        if tiles and not met:
            self._confirm(paths, frame, t, total, tiles=True)

    def _confirm(self, paths: list[FacePath], frame: np.ndarray, t: int, total: int, *, tiles: bool) -> bool:
        met = False
        for found in self.detector.detect(frame, tiles=tiles)[:MAX_FACES]:
            here = [path.last_box(t) for path in paths if path.seen[t]]
            if any(overlap(box, found.box) > 0.2 for box in here if box is not None):
                continue
            roi = Roi.of_detection(found)
            points, flag = self.mesh.run(frame, roi)
            if flag < FLAG or not _plausible(points, roi, frame):
                continue
            second, flag = self.mesh.run(frame, Roi.of_landmarks(points))
            if flag >= FLAG:
                path = _lost_path(paths, box_of(second), t)
                if path is None and len(paths) < MAX_PATHS and len(here) < MAX_FACES:
                    path = FacePath.empty(total)
                    paths.append(path)
                if path is not None:
                    path.put(t, second)
                    met = True
        return met

    def _along(self, path: FacePath, frames: np.ndarray, way: Iterable[int], behind: int) -> None:
        """Track along frames until the face is lost; the frame before t on the way is t + behind."""
        for t in way:
            if path.seen[t + behind]:
                self._step(path, frames[t], t, Roi.of_landmarks(path.landmarks[t + behind]))
            if not path.seen[t]:
                return


def _placed(path: FacePath, place: slice, total: int) -> FacePath:
    """A path of some frames of a shot as one of the whole shot."""
    whole = FacePath.empty(total)
    whole.landmarks[place], whole.seen[place] = path.landmarks, path.seen
    return whole


def _meet(one: FacePath, other: FacePath, t: int) -> bool:
    """Whether two paths are of one face at frame t."""
    return bool(one.seen[t] and other.seen[t]) and overlap(box_of(one.landmarks[t]), box_of(other.landmarks[t])) > 0.5


def _plausible(points: np.ndarray, roi: Roi, frame: np.ndarray) -> bool:
    """A real face neither jumps in size nor leaves the picture between two frames."""
    low, high = points[:468, :2].min(0), points[:468, :2].max(0)
    side, (height, width) = float((high - low).max()), frame.shape[:2]
    x, y = (low + high) / 2
    return MIN_SIDE <= side and 0.4 <= side * 1.5 / roi.side <= 1.8 and 0 <= x < width and 0 <= y < height


def _drop_doubles(active: list[FacePath], t: int) -> None:
    """Two paths that have slid onto one face: the later one lets go."""
    for i, path in enumerate(active):
        if any(_meet(other, path, t) for other in active[:i]):
            path.seen[t] = False


def _lost_path(paths: list[FacePath], box: np.ndarray, t: int) -> FacePath | None:
    """The path not seen now whose last sighting lies where this face is."""
    for path in paths:
        last = path.last_box(t)
        if not path.seen[t] and last is not None and overlap(last, box) > 0.2:
            return path
    return None
