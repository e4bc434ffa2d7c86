"""Figures of an experiment, as SVG and in characters."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dubctl.experiments.plot import MARKS, figures, svg, text, ticks, write_figures

SVG = "{http://www.w3.org/2000/svg}"


def row(label: str, value: float | None, x: float | None = None, series: str = "") -> dict[str, Any]:
    interval = None if value is None else [value - 0.05, value + 0.05]
    return {"label": label, "series": series, "x": x, "metrics": {"secs": {"value": value, "ci95": interval}}}


ROWS = [row("all <of> it", 0.5), row("", 0.7, 5, "dot"), row("", 0.6, 1, "dot"), row("", 0.4, 1, "cosine"),
        row("", None, 5, "cosine")]


@pytest.fixture
def figure() -> Any:
    (found,) = figures(ROWS, ["secs"], "A & B")
    return found


def test_points_come_in_order_and_what_was_not_measured_is_left_out(figure: Any) -> None:
    assert [(p.x, p.value) for p in figure.series["dot"]] == [(1, 0.6), (5, 0.7)]
    assert len(figure.series["cosine"]) == 1 and figure.levels == {"all <of> it": 0.5}
    assert figures(ROWS[:1], ["secs"], "a table has no figure") == []


def test_svg_is_xml_with_a_circle_a_point_where_its_value_lies(figure: Any, tmp_path: Path) -> None:
    (path,) = write_figures(tmp_path, [figure])
    assert path.name == "plot-secs.svg" and path.read_text() == svg(figure)
    root = ElementTree.parse(path).getroot()
    heights = {c[0].text: float(c.attrib["cy"]) for c in root.iter(f"{SVG}circle")}  # type: ignore[misc]
    values = {float(str(name).split(": ")[1]): y for name, y in heights.items()}
    assert sorted(values) == [0.4, 0.6, 0.7]
    assert (values[0.4] - values[0.6]) == pytest.approx(2 * (values[0.6] - values[0.7]), abs=0.3)
    words = "".join(root.itertext())
    assert "A & B" in words and "all <of> it" in words and "secs" in words


def test_text_has_every_mark_and_a_legend(figure: Any) -> None:
    lines = text(figure)
    drawing = "\n".join(lines[1:-3])
    assert drawing.count(MARKS[0]) == 2 and drawing.count(MARKS[1]) == 1 and "╌╌╌" in drawing
    high, low = (next(i for i, line in enumerate(lines) if mark in line) for mark in MARKS[:2])
    assert high < low, "dot lies above cosine"
    assert lines[-1].strip().split("   ")[-3:] == [f"{MARKS[0]} dot", f"{MARKS[1]} cosine", "╌ all <of> it 0.5"]


@pytest.mark.parametrize("low, high, want", [(0.0, 1.0, 0.2), (12, 19, 2), (-0.003, 0.002, 0.001)])
def test_ticks_are_round_and_inside(low: float, high: float, want: float) -> None:
    found = ticks(low, high)
    assert found[1] - found[0] == pytest.approx(want) and low <= found[0] and found[-1] <= high


def test_one_point_is_a_figure_too() -> None:
    (one,) = figures([row("", 0.0, 3, "a") | {"metrics": {"secs": {"value": 0.0, "ci95": None}}}], ["secs"], "t")
    assert ElementTree.fromstring(svg(one)).findall(f"{SVG}circle") and MARKS[0] in "\n".join(text(one))
