"""The figures of an experiment: a metric over `x`, one line a series, as SVG and as text for a terminal.

Rows without `x` (the variant compared with, the recordings) are dashed levels. Bars are 95 % intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from dubctl.files import write_text

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 70, 210, 50, 50  # pixels: picture, and margins of the axes
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")  # Okabe and Ito (2008)
MARKS = "●○▲△■□◆◇"


@dataclass(frozen=True)
class Point:
    """One measured point: a metric's value at `x` with its interval."""

    x: float
    value: float
    ci95: tuple[float, float] | None = None


@dataclass(frozen=True)
class Figure:
    """One metric. series: name -> points in the order of x; levels: label -> value, for rows without x."""

    metric: str
    title: str
    series: dict[str, list[Point]]
    levels: dict[str, float]

    def span(self) -> tuple[float, float]:
        """Lowest and highest value to show, intervals included, with a little air."""
        shown = [value for point in self.points() for value in (point.value, *(point.ci95 or ()))]
        shown += self.levels.values()
        low, high = min(shown), max(shown)
        air = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
        return low - air, high + air

    def points(self) -> list[Point]:
        return [point for line in self.series.values() for point in line]

    def places(self) -> list[float]:
        """The values of x that were measured, in order."""
        return sorted({point.x for point in self.points()})


def figures(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str], title: str) -> list[Figure]:
    """One figure a metric from the rows of `table.summarise`; none for a metric (or table) without points over x."""
    found = []
    for metric in metrics:
        series: dict[str, list[Point]] = {}
        levels: dict[str, float] = {}
        for row in rows:
            cell = row["metrics"][metric]
            if cell["value"] is None:
                continue
            if row["x"] is None:
                levels[row["label"]] = cell["value"]
            else:
                point = Point(row["x"], cell["value"], tuple(cell["ci95"]) if cell["ci95"] else None)
                series.setdefault(row["series"] or metric, []).append(point)
        if series:
            ordered = {name: sorted(points, key=lambda point: point.x) for name, points in series.items()}
            found.append(Figure(metric, title, ordered, levels))
    return found


def write_figures(out: Path, found: Sequence[Figure]) -> list[Path]:
    """plot-METRIC.svg beside the table; returns the paths."""
    paths = []
    for figure in found:
        paths.append(out / f"plot-{figure.metric.replace(':', '-')}.svg")
        write_text(paths[-1], svg(figure))
    return paths


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from low to high, at most `most`."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    return [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def svg(figure: Figure) -> str:
    """The figure as an SVG picture that needs nothing else."""
    return "\n".join(_svg(figure)) + "\n"


def _svg(figure: Figure) -> Iterator[str]:
    low, high = figure.span()
    places = figure.places()
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def across(x: float) -> float:
        share = (x - places[0]) / (places[-1] - places[0]) if len(places) > 1 else 0.5
        return LEFT + 20 + share * (right - LEFT - 40)

    def up(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - TOP)

    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="13">')
    yield '<rect width="100%" height="100%" fill="#fff"/>'
    yield f'<text x="{LEFT}" y="26" font-size="15">{escape(figure.title)}</text>'
    for value in ticks(low, high):
        yield f'<path d="M{LEFT} {up(value):.1f}H{right}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{up(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>'
    for x in places:
        yield f'<text x="{across(x):.1f}" y="{bottom + 20}" text-anchor="middle">{x:g}</text>'
    yield f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#333"/>'
    middle = (TOP + bottom) / 2
    yield (f'<text x="18" y="{middle:.0f}" text-anchor="middle" '
           f'transform="rotate(-90 18 {middle:.0f})">{escape(figure.metric)}</text>')
    entry = TOP + 8
    for number, (name, points) in enumerate(figure.series.items()):
        colour = COLOURS[number % len(COLOURS)]
        aside = 3.0 * (number - (len(figure.series) - 1) / 2)  # bars of several series side by side
        yield from _line([(across(p.x) + aside, p) for p in points], up, colour)
        yield _entry(right + 14, entry, name, colour, "")
        entry += 20
    for label, value in figure.levels.items():
        yield f'<path d="M{LEFT} {up(value):.1f}H{right}" stroke="#777" stroke-dasharray="6 4"/>'
        yield _entry(right + 14, entry, label, "#777", ' stroke-dasharray="6 4"')
        entry += 20
    yield "</svg>"


def _line(points: Sequence[tuple[float, Point]], up: Any, colour: str) -> Iterator[str]:
    way = "L".join(f"{x:.1f} {up(point.value):.1f}" for x, point in points)
    yield f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, point in points:
        if point.ci95:
            bottom, top = up(point.ci95[0]), up(point.ci95[1])
            yield (f'<path d="M{x:.1f} {bottom:.1f}V{top:.1f}M{x - 4:.1f} {top:.1f}h8M{x - 4:.1f} {bottom:.1f}h8" '
                   f'stroke="{colour}"/>')
        yield (f'<circle cx="{x:.1f}" cy="{up(point.value):.1f}" r="4" fill="{colour}">'
               f"<title>x = {point.x:g}: {point.value:.4f}</title></circle>")


def _entry(x: int, y: int, name: str, colour: str, dashes: str) -> str:
    short = name if len(name) <= 26 else name[:25] + "…"
    return (f'<path d="M{x} {y}h22" stroke="{colour}" stroke-width="2"{dashes}/>'
            f'<text x="{x + 28}" y="{y + 4}">{escape(short)}<title>{escape(name)}</title></text>')


def text(figure: Figure, width: int = 60, height: int = 12) -> list[str]:
    """The figure in characters, one string a line: a mark where a point lies, dashes at the levels."""
    low, high = figure.span()
    places = figure.places()
    grid = [[" "] * width for _ in range(height)]

    def row(value: float) -> int:
        return round((high - value) / (high - low) * (height - 1))

    def column(x: float) -> int:
        share = (x - places[0]) / (places[-1] - places[0]) if len(places) > 1 else 0.5
        return round(2 + share * (width - 5))

    for value in figure.levels.values():
        grid[row(value)] = ["╌"] * width
    for number, points in enumerate(figure.series.values()):
        for point in points:
            grid[row(point.value)][column(point.x)] = MARKS[number % len(MARKS)]
    marked = {row(value): f"{value:.4g}" for value in ticks(low, high)}
    below = [" "] * (width + 6)
    for x in places:
        label = f"{x:g}"
        below[column(x): column(x) + len(label)] = label
    legend = [f"{MARKS[i % len(MARKS)]} {name}" for i, name in enumerate(figure.series)]
    legend += [f"╌ {label} {value:.4g}" for label, value in figure.levels.items()]
    return [f"{figure.metric} — {figure.title}",
            *(f"{marked.get(i, ''):>9} │{''.join(line).rstrip()}" for i, line in enumerate(grid)),
            f"{'':>9} └{'─' * width}", f"{'':>11}{''.join(below).rstrip()}", f"{'':>11}{'   '.join(legend)}"]
