"""Group acted clips of like delivery (k-means), so that what is typical can be told without telling what anyone did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

GROUPS = 3
FEWEST_CLIPS, FEWEST_SPEAKERS = 8, 5  # a smaller group would say too much of its few speakers, and is left out
# what makes deliveries alike, and how much: one semitone of contour at one point weighs 1
WEIGHTS = {"contour_st": 1.0, "pitch_st": 1.5, "level_contour_db": 0.3, "ltas_db": 0.15, "voiced_share": 10.0,
           "weak_share": 10.0, "rate_ratio": 5.0}


def typical(clips: Sequence[dict[str, Any]], seed: int = 0) -> list[list[dict[str, Any]]]:
    """The groups, largest first. Measures that a clip lacks count as the mean of the others."""
    points = np.stack([np.concatenate([weight * np.atleast_1d(clip[name]) for name, weight in WEIGHTS.items()])
                       for clip in clips]).astype(float)
    points = np.where(np.isfinite(points), points, np.nanmean(points, 0))
    labels = k_means(points, GROUPS, np.random.default_rng(seed))
    groups = [[clip for clip, mine in zip(clips, labels, strict=True) if mine == k] for k in range(GROUPS)]
    return sorted((group for group in groups if len(group) >= FEWEST_CLIPS
                   and len({clip["speaker"] for clip in group}) >= FEWEST_SPEAKERS), key=len, reverse=True)


def k_means(points: np.ndarray, count: int, rng: np.random.Generator, starts: int = 12, turns: int = 60) -> np.ndarray:
    """Labels (N,) of points (N, D): Lloyd's algorithm, the best of several random starts."""
    best, least = np.zeros(len(points), int), np.inf
    for _ in range(starts):
        centres = points[rng.choice(len(points), count, replace=False)]
        for _ in range(turns):
            far = ((points[:, None] - centres[None]) ** 2).sum(2)
            labels = far.argmin(1)
            centres = np.stack([points[labels == k].mean(0) if (labels == k).any() else points[far.min(1).argmax()]
                                for k in range(count)])
        cost = float(((points - centres[labels]) ** 2).sum())
        if cost < least:
            best, least = labels, cost
    return best
