"""Does retrieval help, over several imagined films? What `benchmarks/emotion.py` heard in each, taken together.

    python benchmarks/emotion_films.py runs/film5/ser.json runs/film6/ser.json

Each file is the report of one run with another `--seed` and the systems `retrieval` and `none`, heard by the same
recogniser. Prints the accuracy of both and their difference with 95 % intervals, drawn over whole speakers, and its p
(sign flips of speakers); and McNemar's p over all lines, which takes the same line in two films for two.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from voice import exit_code_of

from dubctl.errors import InputError
from dubctl.metrics.stats import mcnemar, paired_bootstrap

Rights = dict[tuple[str, str], tuple[str, bool]]  # (report, line) -> speaker, heard right


def rights(report: Path, system: str) -> Rights:
    """Of one film."""
    heard = json.loads(report.read_text(encoding="utf-8"))["lines"][system]
    return {(str(report), line): (speaker, bool(right)) for line, speaker, right in heard}


def together(reports: list[Path]) -> dict[str, Any]:
    """Both accuracies and what is between them.

    Raises:
        KeyError: a report without one of the systems. ValueError: systems that spoke different lines.
    """
    with_, without = ({k: v for report in reports for k, v in rights(report, system).items()}
                      for system in ("retrieval", "none"))
    if with_.keys() != without.keys():
        raise ValueError("the systems spoke different lines")
    a, b = ([float(found[key][1]) for key in with_] for found in (without, with_))
    return {"lines": len(a), "without": float(np.mean(a)), "with": float(np.mean(b)),
            **paired(b, a, [speaker for speaker, _ in with_.values()])}


def paired(mine: list[float], other: list[float], speakers: list[str]) -> dict[str, Any]:
    """`mine` less `other` of the same lines, right (1) or wrong (0): over speakers, over lines, and McNemar's p."""
    pairs = list(zip(mine, other, strict=True))
    return {"gain": float(np.mean(mine) - np.mean(other)),
            "over_speakers": vars(paired_bootstrap(other, mine, clusters=speakers)),
            "over_clips": vars(paired_bootstrap(other, mine)),
            "mcnemar_p": mcnemar(sum(x > y for x, y in pairs), sum(x < y for x, y in pairs))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+")
    reports = parser.parse_args().reports

    def work() -> None:
        try:
            found = together(reports)
        except (OSError, KeyError, ValueError) as err:
            raise InputError(f"not reports of benchmarks/emotion.py with retrieval and none: {err}") from err
        print(json.dumps(found, indent=1, default=float))
    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
