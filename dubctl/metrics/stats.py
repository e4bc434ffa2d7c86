"""Intervals and paired tests over clips, by resampling; seeded, so the same rows give the same figures.

A measured value here is always a ratio of sums (corpus WER: errors over words; a mean: values over ones), so one
bootstrap serves every metric. Clips of one speaker are not independent: pass `clusters` and whole speakers are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

RESAMPLES = 2000
FEW_UNITS = 6  # the fewest pairs of which a sign-flip test can say p < 0.05: 2 / 2^6 = 0.03
FEW_SPEAKERS = 3  # intervals that draw so few whole speakers are far too narrow
_EXACT = 12  # up to so many units all 2^n sign flips are counted
_BLOCK = 200  # resamples drawn at once: bounds memory at 200 x clips


def ratio(values: Sequence[float], weights: Sequence[float] | None = None) -> float | None:
    """sum(values) / sum(weights); the mean without weights; None where the weights sum to 0."""
    total = float(len(values)) if weights is None else float(np.sum(weights))
    return float(np.sum(values)) / total if total else None


def bootstrap_ci(values: Sequence[float], weights: Sequence[float] | None = None,
                 clusters: Sequence[Hashable] | None = None, *, level: float = 0.95,
                 resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float] | None:
    """Percentile bootstrap interval of `ratio(values, weights)`, (low, high).

    Args:
        values: numerators, one per clip (N,).
        weights: denominators (N,); ones if None.
        clusters: group of each clip (N,), e.g. its speaker; with two groups or more, whole groups are drawn.

    Returns:
        None where there are fewer than two units to draw from, or the weights sum to 0.
    """
    pairs = _units(np.column_stack([values, _ones(values, weights)]), clusters)
    if len(pairs) < 2 or not pairs[:, 1].sum():
        return None
    sums = _resampled_sums(pairs, resamples, seed)
    sums = sums[sums[:, 1] > 0]
    draws = sums[:, 0] / sums[:, 1]
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def bootstrap_tables(tables: np.ndarray, statistic: Callable[[np.ndarray], float | None],
                     clusters: Sequence[Hashable] | None = None, *, resamples: int = RESAMPLES,
                     seed: int = 0) -> tuple[float, float] | None:
    """95 % percentile interval of a statistic of summed tables, e.g. the unweighted recall of a confusion matrix.

    Args:
        tables: one count table per clip (N, rows, columns).
        statistic: of one summed table; None where it has no value (such draws are left out).
        clusters: as in `bootstrap_ci`.

    Returns:
        None where there are fewer than two units to draw from.
    """
    if clusters is not None and len(set(clusters)) > 1:
        order = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
        grouped = np.zeros((len(order), *tables.shape[1:]), tables.dtype)
        np.add.at(grouped, [order[c] for c in clusters], tables)
        tables = grouped
    count = len(tables)
    if count < 2:
        return None
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    sums = (drawn @ tables.reshape(count, -1)).reshape(resamples, *tables.shape[1:])
    values = [value for table in sums if (value := statistic(table)) is not None]
    if not values:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def too_few(clips: int, clusters: Sequence[Hashable] | None) -> str:
    """A warning where intervals and tests rest on too few clips or speakers, else ""."""
    groups = len(set(clusters)) if clusters else 0
    if 2 <= groups <= FEW_SPEAKERS:
        return (f"intervals and p-values draw whole speakers, and there are only {groups}: they say little about other "
                "voices, and the intervals are too narrow")
    if clips < FEW_UNITS:
        return f"only {clips} clip{'s' * (clips != 1)}: intervals are too narrow, and no difference can be shown"
    return ""


@dataclass(frozen=True)
class Paired:
    """Difference b - a of two systems on the same clips, its 95 % interval, two-sided p-value, and how many units
    (clips, or speakers where they are clustered) they rest on."""

    difference: float
    ci95: tuple[float, float]
    p: float
    units: int


def paired_bootstrap(a: Sequence[float], b: Sequence[float], weights: Sequence[float] | None = None,
                     clusters: Sequence[Hashable] | None = None, *, resamples: int = RESAMPLES,
                     seed: int = 0) -> Paired:
    """Compare two systems clip by clip: the same clips are drawn for both.

    The interval is a percentile bootstrap's (Koehn 2004); p is that of a sign-flip test (Fisher 1935), which is exact
    for few units, where a bootstrap's would be far too sure: of n units it is never below 2 / 2^n.

    Args:
        a, b: numerators of each system (N,), in the same order of clips.
        weights: shared denominators (N,), e.g. reference words; ones if None.
        clusters: as in `bootstrap_ci`.

    Raises:
        ValueError: the lengths differ, or fewer than two units.
    """
    if len(a) != len(b):
        raise ValueError(f"paired test needs the same clips on both sides, got {len(a)} and {len(b)}")
    gain = np.asarray(b, dtype=float) - np.asarray(a, dtype=float)
    pairs = _units(np.column_stack([gain, _ones(a, weights)]), clusters)
    if len(pairs) < 2:
        raise ValueError("paired test needs at least two clips (or speakers)")
    sums = _resampled_sums(pairs, resamples, seed)
    sums = sums[sums[:, 1] > 0]
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    observed = float(pairs[:, 0].sum() / pairs[:, 1].sum())
    return Paired(observed, (float(low), float(high)), sign_flip_p(pairs[:, 0], seed=seed), len(pairs))


def sign_flip_p(gains: Sequence[float] | np.ndarray, *, flips: int = 9999, seed: int = 0) -> float:
    """Two-sided p-value of sum(gains) = 0 if each unit's gain had either sign alike (Fisher's randomisation test).

    Args:
        gains: one per unit (N,). Up to 12 units all 2^N flips are counted, else `flips` are drawn.
    """
    gains = np.asarray(gains, dtype=float)
    count = len(gains)
    if count <= _EXACT:
        signs = 1 - 2 * ((np.arange(2 ** count)[:, None] >> np.arange(count)) & 1)
        return float(np.mean(_as_far(signs @ gains, gains)))
    rng, hits = np.random.default_rng(seed), 0
    for start in range(0, flips, _BLOCK):
        signs = rng.integers(0, 2, (min(_BLOCK, flips - start), count)) * 2 - 1
        hits += int(_as_far(signs @ gains, gains).sum())
    return (hits + 1) / (flips + 1)  # +1: the observed signs are one of the draws, so p is never 0


def _as_far(sums: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Which sums (F,) lie as far from 0 as that of `gains`, rounding aside."""
    return np.abs(sums) >= abs(gains.sum()) - 1e-9 * np.abs(gains).sum()


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided McNemar p-value: clips only system a, and only system b, got right (McNemar 1947)."""
    if only_a < 0 or only_b < 0:
        raise ValueError("counts cannot be negative")
    n = only_a + only_b
    tail = sum(comb(n, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / 2 ** n)


def _ones(values: Sequence[float], weights: Sequence[float] | None) -> np.ndarray:
    return np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)


def _units(pairs: np.ndarray, clusters: Sequence[Hashable] | None) -> np.ndarray:
    """What is drawn: clips (N, 2), or, with two groups or more, the sums of each group (G, 2)."""
    if clusters is None or len(set(clusters)) < 2:
        return pairs
    order = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    grouped = np.zeros((len(order), 2))
    np.add.at(grouped, [order[c] for c in clusters], pairs)
    return grouped


def _resampled_sums(pairs: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Column sums of `resamples` draws with replacement, (resamples, 2)."""
    rng = np.random.default_rng(seed)
    blocks = []
    for start in range(0, resamples, _BLOCK):
        drawn = rng.integers(0, len(pairs), (min(_BLOCK, resamples - start), len(pairs)))
        blocks.append(pairs[drawn].sum(1))
    return np.concatenate(blocks)
