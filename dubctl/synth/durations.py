"""Durations that fit a speech window: scaled within a natural range, the rest of the window left as silence.

All lengths are mel frames (86.13 per second). Ground-truth length is never used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FASTEST, SLOWEST = 0.72, 1.3  # of the natural length; outside it speech is hurried or drawled
LONGEST_PAUSE = 60  # frames (0.7 s) that a sentence's end may grow by


@dataclass(frozen=True)
class Fit:
    """durations (L,) int64 >= 1 that sum to `frames`; stretch = spoken length over natural length; `hurried` when
    the room forced it below the natural range."""

    durations: np.ndarray
    stretch: float
    hurried: bool

    @property
    def frames(self) -> int:
        return int(self.durations.sum())


def fit(natural: np.ndarray, pauses: np.ndarray, room: int, held: np.ndarray | None = None) -> Fit:
    """Fit natural durations (L,) float into `room` frames.

    Args:
        natural: predicted frames per token.
        pauses: (L,) bool, tokens that end a sentence inside the line and may hold extra silence.
        room: frames of the window; at least L.
        held: (L,) bool, tokens that keep their natural length, as far as the others then fit when spoken fast.

    Raises:
        ValueError: fewer frames than tokens (cannot be spoken at all).
    """
    if room < len(natural):
        raise ValueError(f"{len(natural)} sounds do not fit in {room} frames")
    natural = np.maximum(natural.astype(np.float64), 1.0)
    if held is not None and held.any() and not held.all():
        return _around(natural, pauses, room, held)
    ratio = room / natural.sum()
    scale = min(ratio, SLOWEST)
    wanted = natural * scale
    spare = room - wanted.sum()
    if spare > 0 and pauses.any():
        wanted[pauses] += min(LONGEST_PAUSE, spare / pauses.sum())
    total = min(room, max(len(natural), round(wanted.sum())))
    return Fit(whole_frames(wanted, total), float(total / natural.sum()), bool(ratio < FASTEST))


def _around(natural: np.ndarray, pauses: np.ndarray, room: int, held: np.ndarray) -> Fit:
    """Fit the tokens that are not held into what the held ones leave."""
    free = ~held
    least = max(int(free.sum()), round(natural[free].sum() * FASTEST))
    total = max(int(held.sum()), min(round(natural[held].sum()), room - least))
    kept = whole_frames(natural[held], min(total, room - int(free.sum())))
    rest = fit(natural[free], pauses[free], room - int(kept.sum()))
    durations = np.empty(len(natural), np.int64)
    durations[free], durations[held] = rest.durations, kept
    return Fit(durations, rest.stretch, rest.hurried)


def whole_frames(lengths: np.ndarray, total: int) -> np.ndarray:
    """Whole frames (L,), each at least one, that sum to `total` and keep every boundary nearest its true place."""
    n = len(lengths)
    spare = total - n
    if spare < 0:
        raise ValueError(f"{n} tokens need at least {n} frames, got {total}")
    extra = np.maximum(lengths - 1.0, 0.0)
    share = extra / extra.sum() * spare if extra.sum() > 0 else np.full(n, spare / n)
    bounds = np.rint(np.cumsum(share)).astype(np.int64)
    bounds[-1] = spare
    return np.diff(bounds, prepend=0) + 1
