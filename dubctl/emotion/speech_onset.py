"""Where in a lip track the speech starts: people open their mouth and wait, so that movement alone starts too early.

Each frame gets the log-odds that there is speech in it (a logistic model of the frames around it); the start is where
the sum of what follows is largest. With the script known, what the lips should do from there on (`ScriptLips`) is
compared with what they do, and a first sound made with closed lips (p, b, m) is told from others.

Fitted by `benchmarks/speech_window.py --fit` on its 22 clips of one GRID speaker. N frames at 25 fps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dubctl.emotion.base import LipTrack

WEIGHTS = np.array([1.027, 3.116, 3.485, 2.659, 7.341, 14.213, 7.995, 1.574, 2.278, -0.294, 9.658, 0.188, 5.243, 2.935,
                    0.859, -0.065, 0.882, -0.973])
BIAS = -7.148
REACH = 12  # frames that a start may lie before or after the first movement found
CLOSED = 0.12  # of the clip's range of opening
AGREEMENT = 1.0  # log-odds a frame that a perfect correlation with the script's lips is worth
LATE = {"unknown": 0.005, "closed": 0.0, "open": 0.09}  # seconds taken off a start found, by the first sound


@dataclass(frozen=True)
class ScriptLips:
    """What a script asks of the lips: opening (N,) 0..1 at the pace it would be spoken, and whether its first sound is
    made with closed lips."""

    opening: np.ndarray
    closed_first: bool


def speech_odds(track: LipTrack) -> np.ndarray:
    """Log-odds of speech in every frame (N,), on the clip's own scale."""
    return features(track) @ WEIGHTS + BIAS


def features(track: LipTrack) -> np.ndarray:
    """(N, 18): opening, width, their speed, and both averaged over the frames before and after."""
    opening, width = normalised(track)
    speed, widening = (np.abs(np.gradient(smooth(v))) if len(v) > 1 else np.zeros(1) for v in (opening, width))
    shut = (opening < CLOSED).astype(np.float64)
    columns = [smooth(opening), smooth(speed), smooth(widening), _mean(speed, -6, -1), _mean(speed, 1, 6),
               _mean(widening, -6, -1), _mean(widening, 1, 6), _mean(opening, 1, 6), _mean(opening, -6, -1),
               smooth(width), _mean(speed, -14, -7), _mean(speed, 7, 14), _mean(widening, -14, -7),
               _mean(widening, 7, 14), np.minimum(1.0, 4 * smooth(speed)), shut, _mean(shut, -5, -1),
               _mean(shut, 1, 5)]
    return np.stack(columns, 1)


def onset(track: LipTrack, first: int, end: int, script: ScriptLips | None = None) -> float:
    """Second at which speech starts, near frame `first` where the mouth begins to move, before frame `end`."""
    odds = speech_odds(track)
    end = min(max(end, first + 2), len(odds))
    starts = np.arange(max(0, first - REACH), max(first + 1, min(first + REACH, end - 8) + 1))
    total = np.concatenate([[0.0], np.cumsum(odds)])
    score = -total[starts]  # the end is the same for all
    if script is not None:
        score = score + AGREEMENT * np.array([(end - a) * agreement(track, a, end, script) for a in starts])
    kind = "unknown" if script is None else "closed" if script.closed_first else "open"
    return max(0.0, float(starts[int(np.argmax(score))]) / track.fps - LATE[kind])


def agreement(track: LipTrack, start: int, end: int, script: ScriptLips) -> float:
    """Correlation, -1..1, of the opening in frames start..end with the script's, stretched to that length."""
    if end - start < 4:
        return 0.0
    seen = smooth(np.clip(normalised(track)[0], 0, 1.3))[start:end]
    wanted = np.interp(np.linspace(0, len(script.opening) - 1, end - start), np.arange(len(script.opening)),
                       script.opening)
    if seen.std() < 1e-6 or wanted.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(seen, wanted)[0, 1])


def normalised(track: LipTrack) -> tuple[np.ndarray, np.ndarray]:
    """Opening over its 10th percentile and width about its median, in the clip's own range (N,), (N,)."""
    def scaled(values: np.ndarray, origin: float, floor: float) -> np.ndarray:
        low, zero, high = np.percentile(values, (10, origin, 95))
        return (values - zero) / max(high - low, floor)
    return (scaled(track.opening.astype(np.float64), 10, 0.04), scaled(track.width.astype(np.float64), 50, 0.03))


def smooth(values: np.ndarray) -> np.ndarray:
    """[1 2 1] / 4 with the ends repeated (N,)."""
    padded = np.pad(values.astype(np.float64), 1, mode="edge")
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


def _mean(values: np.ndarray, first: int, last: int) -> np.ndarray:
    """Mean of values[t + first .. t + last] for every t (N,); beyond the ends counts as 0."""
    n, total = len(values), np.concatenate([[0.0], np.cumsum(values)])
    t = np.arange(n)
    return (total[np.clip(t + last + 1, 0, n)] - total[np.clip(t + first, 0, n)]) / (last - first + 1)
