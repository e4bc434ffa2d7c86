"""Figures of a classifier from a confusion matrix: accuracy, unweighted recall, macro-F1, and the two null answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dubctl.emotion.base import EMOTIONS
from dubctl.metrics.stats import bootstrap_tables


def confusion_matrix(truth: Sequence[int], answers: Sequence[int | None], classes: int) -> np.ndarray:
    """Counts (classes, classes + 1): rows the true class, columns the answer, the last column "no answer" (None)."""
    table = np.zeros((classes, classes + 1), dtype=int)
    for true, answer in zip(truth, answers, strict=True):
        table[true, classes if answer is None else answer] += 1
    return table


def accuracy(table: np.ndarray) -> float | None:
    """Right answers over all items; None for no items."""
    return float(np.trace(table) / table.sum()) if table.sum() else None


def recalls(table: np.ndarray) -> list[float | None]:
    """Recall of each class; None where the class does not occur."""
    rows = table.sum(1)
    return [float(table[i, i] / rows[i]) if rows[i] else None for i in range(len(table))]


def unweighted_recall(table: np.ndarray) -> float | None:
    """Mean recall of the classes that occur (UAR, balanced accuracy)."""
    known = [recall for recall in recalls(table) if recall is not None]
    return float(np.mean(known)) if known else None


def macro_f1(table: np.ndarray) -> float | None:
    """Mean F1 = 2 TP / (2 TP + FP + FN) of the classes that occur."""
    scores = []
    for i in np.flatnonzero(table.sum(1)):
        wrong = table[i].sum() - table[i, i] + table[:, i].sum() - table[i, i]
        scores.append(2 * table[i, i] / (2 * table[i, i] + wrong))
    return float(np.mean(scores)) if scores else None


def null_answers(table: np.ndarray) -> dict[str, Any]:
    """What needs no hearing: always the commonest class, and one of the classes that occur drawn at random.

    majority: {class, accuracy, uar}; chance: {accuracy, uar}, both 1 / number of classes that occur.
    """
    rows = table.sum(1)
    if not rows.sum():
        return {}
    known = int((rows > 0).sum())
    return {"majority": {"class": int(rows.argmax()), "accuracy": float(rows.max() / rows.sum()), "uar": 1 / known},
            "chance": {"accuracy": 1 / known, "uar": 1 / known}}


def summary(table: np.ndarray) -> dict[str, Any]:
    """n, accuracy, uar, macro_f1, recalls, confusion and the null answers of a confusion matrix."""
    return {"n": int(table.sum()), "accuracy": accuracy(table), "uar": unweighted_recall(table),
            "macro_f1": macro_f1(table), "recalls": recalls(table), "confusion": table.tolist(), **null_answers(table)}


def named_figures(pairs: Sequence[tuple[str, str | None]], groups: Sequence[str] | None) -> dict[str, Any]:
    """`summary` of (true, answered) names of the seven feelings, UAR and accuracy with their 95 % intervals over
    `groups` (speakers)."""
    truth = [EMOTIONS.index(true) for true, _ in pairs]
    answers = [EMOTIONS.index(answer) if answer in EMOTIONS else None for _, answer in pairs]
    found = summary(confusion_matrix(truth, answers, len(EMOTIONS)))
    tables = np.stack([confusion_matrix([t], [a], len(EMOTIONS)) for t, a in zip(truth, answers, strict=True)]) \
        if pairs else np.zeros((0, len(EMOTIONS), len(EMOTIONS) + 1), int)
    found["uar_ci95"] = bootstrap_tables(tables, unweighted_recall, groups)
    found["accuracy_ci95"] = bootstrap_tables(tables, lambda t: float(np.trace(t) / t.sum()), groups)
    if "majority" in found:
        found["majority"]["class"] = EMOTIONS[found["majority"]["class"]]
    return found
