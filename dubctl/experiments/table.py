"""The table of an experiment: every mean with n and its 95 % interval, paired with the variant compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dubctl.experiments.config import Variant
from dubctl.files import write_text
from dubctl.metrics.stats import paired_bootstrap

NONE = "-"


def summarise(variants: Sequence[Variant], scored: Mapping[str, Mapping[str, Any]], metrics: Sequence[str],
              compare: str, failed: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row a variant: name, label, series, x, failed, and per metric value, ci95, n, failures, reason, paired."""
    rows = []
    for variant in variants:
        row: dict[str, Any] = {"name": variant.name, "label": variant.label or variant.name, "series": variant.series,
                               "x": variant.x, "failed": failed.get(variant.name, ""), "metrics": {}}
        for metric in metrics:
            found = scored.get(variant.name, {}).get("metrics", {}).get(metric, {})
            cell = {name: found.get(name) for name in ("value", "ci95", "n", "failures", "reason", "detail")}
            if variant.name != compare and compare in scored:
                cell["paired"] = _paired(scored[compare], scored.get(variant.name, {}), metric)
            row["metrics"][metric] = cell
        rows.append(row)
    return rows


def _paired(base: Mapping[str, Any], other: Mapping[str, Any], metric: str) -> dict[str, Any] | None:
    """Difference other - base over the lines that both have, None where nothing can be said."""
    sides = []
    for side in (base, other):
        lines = side.get("metrics", {}).get(metric, {}).get("lines", ())
        speakers = dict(zip((line["id"] for line in lines), side.get("speakers", ()), strict=False))
        sides.append(({line["id"]: line for line in lines if line["value"] is not None}, speakers))
    (a, speakers), (b, _) = sides
    shared = [id for id in a if id in b]
    weights = [a[id]["weight"] for id in shared]
    clusters = [speakers.get(id, "") for id in shared]
    if len(shared) < 2 or not sum(weights):
        return None
    values = [[side[id]["value"] * weight for id, weight in zip(shared, weights, strict=True)] for side in (a, b)]
    return asdict(paired_bootstrap(*values, weights, clusters if all(clusters) else None))


def write_tables(out: Path, title: str, rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> list[Path]:
    """table.md and table.csv; returns their paths."""
    write_text(out / "table.md", f"# {title}\n\n" + "\n".join(markdown(rows, metrics)) + "\n")
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(["name", "label", "series", "x", *(f"{metric}{part}" for metric in metrics
                     for part in ("", " low", " high", " n", " failures", " difference", " p")), "failed"])
    for row in rows:
        cells = [row["metrics"][metric] for metric in metrics]
        writer.writerow([row["name"], row["label"], row["series"], "" if row["x"] is None else row["x"], *(
            value for cell in cells for value in (cell["value"], *(cell["ci95"] or ("", "")), cell["n"],
                                                  cell["failures"], *_difference(cell))), row["failed"]])
    write_text(out / "table.csv", sink.getvalue())
    return [out / "table.md", out / "table.csv"]


def _difference(cell: Mapping[str, Any]) -> tuple[Any, Any]:
    paired = cell.get("paired")
    return (paired["difference"], paired["p"]) if paired else ("", "")


def markdown(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> list[str]:
    """Lines of the table; a cell is `value [low, high]`, then the paired difference and its p where there is one."""
    lines = ["| " + " | ".join(["variant", *metrics, "n"]) + " |", "|" + "---|" * (len(metrics) + 2)]
    for row in rows:
        cells = [_cell(row["metrics"][metric]) for metric in metrics]
        counts = [cell["n"] for cell in row["metrics"].values() if cell["n"]]
        label = row["label"] + (f" (failed: {row['failed']})" if row["failed"] else "")
        lines.append("| " + " | ".join([label, *cells, str(max(counts, default=0) or NONE)]) + " |")
    return lines


def _cell(cell: Mapping[str, Any]) -> str:
    if cell["value"] is None:
        return NONE
    text = f"{cell['value']:.4f}" + (f" [{cell['ci95'][0]:.4f}, {cell['ci95'][1]:.4f}]" if cell["ci95"] else "")
    if cell.get("paired"):
        text += f"; {cell['paired']['difference']:+.4f}, p {cell['paired']['p']:.3f}"
    return text
