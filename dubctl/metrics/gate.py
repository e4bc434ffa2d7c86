"""Quality gates: `--fail-if 'wer>0.15'` turns a bad figure into exit code 6."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dubctl.config import nearest
from dubctl.errors import QualityGateError, UsageError
from dubctl.metrics.base import Result

_COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_FORM = re.compile(r"\s*([a-z0-9:-]+)\s*(>=|<=|>|<)\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(%?)\s*")


@dataclass(frozen=True)
class Gate:
    """One condition that must not hold."""

    metric: str
    compare: str
    bound: float

    def __str__(self) -> str:
        return f"{self.metric}{self.compare}{self.bound:g}"


def parse_gate(text: str, metrics: Iterable[str]) -> Gate:
    """Read 'wer>0.15' or 'wer>15%'.

    Raises:
        UsageError: not such a condition, or a metric that is not among `metrics` (those evaluated).
    """
    found = _FORM.fullmatch(text)
    try:
        bound = float(found[3]) / (100 if found[4] else 1) if found else None
    except ValueError:
        bound = None
    if found is None or bound is None:
        raise UsageError(f"cannot read the condition '{text}'", "write it like --fail-if 'wer>0.15'")
    known = list(metrics)
    if found[1] not in known:
        raise UsageError(f"--fail-if names '{found[1]}', which is not evaluated", nearest(found[1], known))
    return Gate(found[1], found[2], bound)


def check_gates(gates: Iterable[Gate], results: Mapping[str, Result]) -> None:
    """Do nothing if all is well.

    Raises:
        QualityGateError: a condition holds, or its metric has no value (what was not measured has not passed).
    """
    broken = []
    for gate in gates:
        value = results[gate.metric].value
        if value is None:
            broken.append(f"{gate.metric} has no value")
        elif _COMPARE[gate.compare](value, gate.bound):
            broken.append(f"{gate.metric} is {value:.4g} ({gate})")
    if broken:
        raise QualityGateError("quality gate failed: " + "; ".join(broken), "the report says which lines did worst")
