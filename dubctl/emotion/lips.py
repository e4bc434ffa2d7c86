"""What the mouth says about speech: when it starts and ends, and the features the synthesizer reads.

Times are seconds on the 25-fps clock of a `LipTrack`; frame i is on screen from i / fps to (i + 1) / fps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dubctl.emotion.base import LipTrack
from dubctl.emotion.speech_onset import OnsetModel, ScriptEnds, edges, smooth

MIN_VISIBLE = 8  # frames with a face, below which nothing can be said


@dataclass(frozen=True)
class WindowRule:
    """Constants of `speech_window`; units are eye distances (opening, width) and seconds.

    Levels are shares of the clip's own activity, so that a mumbler and a shouter are treated alike; the floors keep
    the tracker's noise (about 0.004 a frame) from being taken for speech. Chosen on 22 clips of one GRID speaker.
    Movement is not yet speech: a mouth opens and waits for up to half a second before there is a sound. So this only
    says whether and about where a mouth speaks; `dubctl.emotion.speech_onset` then finds the edges near that.
    """

    enter: float = 0.60  # of the clip's strong activity: a segment needs this much somewhere ...
    stay: float = 0.50  # ... and reaches as far as this much
    level: float = 0.10  # weight of how open the mouth is against how fast it moves
    floor: float = 0.008  # least activity that can start a segment
    least_motion: float = 0.018  # least range of opening (95th - 10th percentile) of a mouth that speaks
    blip: float = 0.16  # shorter segments are a twitch, if they also stand apart
    apart: float = 0.40  # farther than this from the rest


RULE = WindowRule()


def speech_window(track: LipTrack, rule: WindowRule = RULE,
                  script: ScriptEnds | None = None, model: OnsetModel | None = None) -> tuple[float, float] | None:
    """(start, end) in seconds between which the mouth moves for speech; None where no mouth is seen to speak.

    Activity = speed of opening and width + how far the mouth is open over its resting level; hysteresis joins it to
    segments; lone twitches are dropped; the rest spans the window. Its edges are then moved to where sound is likely
    to start and end, by the `model` (the shipped one) and with the help of the `script` where that is known.
    """
    if int(track.visible.sum()) < MIN_VISIBLE:
        return None
    opening = track.opening[track.visible]
    if np.percentile(opening, 95) - np.percentile(opening, 10) < rule.least_motion:
        return None
    active = activity(track, rule.level)
    strong = float(np.percentile(active[track.visible], 90))
    enter = max(rule.enter * strong, rule.floor)
    segments = _segments(active, enter, max(rule.stay * strong, rule.floor / 2))
    segments = _without_blips(segments, active, round(rule.blip * track.fps), round(rule.apart * track.fps))
    if not segments:
        return None
    length = len(track.opening) / track.fps
    start, end = (min(edge, length) for edge in edges(track, segments[0][0], segments[-1][1], script, model))
    return (start, end) if end - start >= 2 / track.fps else None


def activity(track: LipTrack, level: float = RULE.level) -> np.ndarray:
    """How much the mouth does per frame (N,), in eye distances a frame; 0 where no face is seen."""
    opening, width = smooth(track.opening), smooth(track.width)
    speed = np.abs(np.gradient(opening)) + 0.5 * np.abs(np.gradient(width)) if len(opening) > 1 else np.zeros(1)
    rest = float(np.percentile(opening[track.visible], 20)) if track.visible.any() else 0.0
    return np.where(track.visible, smooth(speed) + level * np.maximum(opening - rest, 0), 0.0)


def lip_features(track: LipTrack, start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Features of the frames on screen between `start` and `end` (seconds), for the synthesizer.

    Returns:
        (V, 4) float32: opening, width, and their change per frame; (V,) bool: a face was seen in the frame.
        Opening is measured from the clip's 10th percentile, width from its median, both over their 10th-95th
        percentile range (at least 0.04 and 0.06 eye distances), so that faces of all builds look alike.
    """
    columns = [_normalised(track.opening, track.visible, 10, 0.04), _normalised(track.width, track.visible, 50, 0.06)]
    columns += [np.diff(column, prepend=column[:1]) for column in columns]
    first = min(max(int(np.floor(start * track.fps + 1e-6)), 0), len(track.opening) - 1)
    last = min(max(int(np.ceil(end * track.fps - 1e-6)), first + 1), len(track.opening))
    return np.stack(columns, 1)[first:last].astype(np.float32), track.visible[first:last].astype(bool)


def frame_offset(seconds: float, fps: float) -> float:
    """Seconds from the start of the frame that is on screen at a time >= 0 to that time; the frame as in
    `lip_features`."""
    return max(0.0, seconds - np.floor(seconds * fps + 1e-6) / fps)


def _normalised(values: np.ndarray, visible: np.ndarray, zero: float, floor: float) -> np.ndarray:
    if not visible.any():
        return np.zeros(len(values))
    low, high, origin = np.percentile(values[visible].astype(np.float64), [10, 95, zero])
    return (values - origin) / max(high - low, floor)


def _segments(active: np.ndarray, enter: float, stay: float) -> list[tuple[int, int]]:
    """Runs [first, stop) above `stay` that somewhere pass `enter`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active > stay, [0]]).astype(int)))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(a, b) for a, b in runs if active[a:b].max() >= enter]


def _without_blips(segments: list[tuple[int, int]], active: np.ndarray, blip: int,
                   apart: int) -> list[tuple[int, int]]:
    """Drop weak or short segments at either end that stand apart from the rest."""
    kept = list(segments)
    total = sum(active[a:b].sum() for a, b in kept)
    for side in (0, -1):
        while len(kept) > 1:
            (a, b), gap = kept[side], (kept[1][0] - kept[0][1] if side == 0 else kept[-1][0] - kept[-2][1])
            if gap <= apart or (b - a >= blip and active[a:b].sum() > 0.1 * total):
                break
            total -= active[a:b].sum()
            kept.pop(side)
    return kept
