"""Films taken together: the same lines of both systems are paired, film by film."""

import json
import sys

import pytest

from tests.metrics.test_voice_benchmark import BENCHMARKS, load

sys.path.insert(0, str(BENCHMARKS))

bench = load("emotion_films")


def film(report, retrieval, none):
    lines = {name: [[f"line{i}", f"speaker{i // 2}", right] for i, right in enumerate(rights)]
             for name, rights in (("retrieval", retrieval), ("none", none))}
    report.write_text(json.dumps({"lines": lines}))
    return report


def test_films_are_paired_line_by_line(tmp_path):
    films = [film(tmp_path / "a.json", [1, 1, 0, 1], [0, 1, 0, 0]),
             film(tmp_path / "b.json", [1, 0, 0, 0], [0, 0, 0, 1])]
    found = bench.together(films)
    assert (found["lines"], found["with"], found["without"]) == (8, 4 / 8, 2 / 8)
    assert found["over_speakers"]["difference"] == pytest.approx(0.25) and found["over_speakers"]["units"] == 2
    assert found["mcnemar_p"] == pytest.approx(0.625)  # three lines gained, one lost


def test_films_of_different_lines_are_refused(tmp_path):
    with pytest.raises(ValueError, match="different lines"):
        bench.together([film(tmp_path / "a.json", [1, 1], [1])])
