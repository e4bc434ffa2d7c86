"""Two systems on the same clips: paired tests, since clips differ far more than systems do.

Paired bootstrap (Koehn 2004) of the difference of means, whole speakers drawn where all are named, with the p-value of
a sign-flip test; for answers that are right or wrong also McNemar's exact test (1947). Clips are paired by id. One side
is called better where the interval excludes 0 and p < 0.05, which fewer than six clips (or speakers) cannot show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from dubctl.emotion.base import EMOTIONS
from dubctl.errors import InputError
from dubctl.metrics.base import EvalItem, Score, speakers
from dubctl.metrics.classification import confusion_matrix, unweighted_recall
from dubctl.metrics.run import EvalReport
from dubctl.metrics.stats import FEW_UNITS, bootstrap_tables, mcnemar, paired_bootstrap, ratio

Pair = tuple[EvalItem, Score, Score]


def compare(ours: EvalReport, theirs: EvalReport) -> dict[str, Any]:
    """Paired tests of `ours` against `theirs`.

    Returns:
        pairs, only_ours, only_theirs (clips), and metrics: name -> ours, theirs (means over the pairs), difference
        (ours - theirs) with ci95 and p, n, units, better; for right-or-wrong metrics mcnemar {only_ours,
        only_theirs, p}; for emo-acc the same of the unweighted recall under `uar`.

    Raises:
        InputError: no clip is in both.
    """
    place = {item.id: i for i, item in enumerate(theirs.items)}
    both = [(i, place[item.id]) for i, item in enumerate(ours.items) if item.id in place]
    if not both:
        raise InputError(f"the two systems share no clip (first ids: '{ours.items[0].id}' and '{theirs.items[0].id}')",
                         "clips are paired by id: the same names in both folders, or 'id' in the manifests")
    names = [name for name in ours.scores if name in theirs.scores]
    metrics = {}
    for name in names:
        pairs = [(ours.items[i], ours.scores[name][i], theirs.scores[name][j]) for i, j in both]
        metrics[name] = _tested(pairs, ours.results[name].higher_is_better)
    return {"pairs": len(both), "only_ours": len(ours.items) - len(both), "only_theirs": len(theirs.items) - len(both),
            "metrics": metrics}


def _tested(all_pairs: Sequence[Pair], higher: bool) -> dict[str, Any]:
    """The tests of one metric over the pairs that have a value on both sides."""
    pairs = [pair for pair in all_pairs if pair[1].value is not None and pair[2].value is not None]
    found: dict[str, Any] = {"n": len(pairs), "unpaired": len(all_pairs) - len(pairs)}
    if len(pairs) < 2:
        return found
    # one weight a clip, so that the difference is that of the two means: the words of a script are the same for both
    same = all(a.weight == b.weight for _, a, b in pairs)
    weights = np.array([a.weight for _, a, _ in pairs]) if same else np.ones(len(pairs))
    ours = np.array([a.value for _, a, _ in pairs], float)
    theirs = np.array([b.value for _, _, b in pairs], float)
    groups = speakers([item for item, _, _ in pairs])
    test = paired_bootstrap(theirs * weights, ours * weights, weights, groups)
    found |= {"ours": ratio(ours * weights, weights), "theirs": ratio(theirs * weights, weights), **asdict(test),
              "better": _better(test.ci95, higher) if test.p < 0.05 else "undecided"}
    if set(np.unique([ours, theirs])) <= {0.0, 1.0}:
        only_ours, only_theirs = int(((ours == 1) & (theirs == 0)).sum()), int(((ours == 0) & (theirs == 1)).sum())
        found["mcnemar"] = {"only_ours": only_ours, "only_theirs": only_theirs, "p": mcnemar(only_ours, only_theirs)}
    if all("answer" in a.detail and "answer" in b.detail for _, a, b in pairs):
        found["uar"] = _recall_test(pairs, groups, test.units)
    return found


def _recall_test(pairs: Sequence[Pair], groups: Sequence[str] | None, units: int) -> dict[str, Any]:
    """Difference of the unweighted recalls with its paired interval."""
    tables = np.stack([np.stack([_table(a), _table(b)]) for _, a, b in pairs])

    def difference(table: np.ndarray) -> float | None:
        ours, theirs = unweighted_recall(table[0]), unweighted_recall(table[1])
        return None if ours is None or theirs is None else ours - theirs

    whole = tables.sum(0)
    interval = bootstrap_tables(tables, difference, groups)
    return {"ours": unweighted_recall(whole[0]), "theirs": unweighted_recall(whole[1]),
            "difference": difference(whole), "ci95": interval,
            "better": _better(interval, True) if units >= FEW_UNITS else "undecided"}


def _table(score: Score) -> np.ndarray:
    answer = score.detail["answer"]
    return confusion_matrix([EMOTIONS.index(score.detail["label"])],
                            [EMOTIONS.index(answer) if answer else None], len(EMOTIONS))


def _better(interval: tuple[float, float] | None, higher: bool) -> str:
    """Which side is better by an interval that excludes 0, else "undecided"."""
    if interval is None or interval[0] <= 0 <= interval[1]:
        return "undecided"
    return "ours" if (interval[0] > 0) == higher else "theirs"


def with_comparison(ours: EvalReport, theirs: EvalReport) -> EvalReport:
    """`ours` with the paired tests against `theirs`, whose own figures and warnings come along under `other`."""
    other = {name: result.as_dict() for name, result in theirs.results.items()}
    warnings = ours.warnings + [f"against: {line}" for line in theirs.warnings]
    return replace(ours, comparison={**compare(ours, theirs), "other": other}, warnings=warnings)
