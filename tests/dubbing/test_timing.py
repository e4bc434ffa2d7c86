"""Stages that overlap are counted once."""

import random

import pytest

from dubctl.dubbing.timing import Timing, covered


def test_the_union_of_overlapping_spans():
    assert covered([]) == 0
    assert covered([(0, 1), (2, 3)]) == 2
    assert covered([(2, 3), (0, 1), (0.5, 2.5), (0.6, 0.7)]) == 3


def test_the_union_is_what_counting_moments_gives():
    rng = random.Random(1)
    for _ in range(50):
        spans = [(start, start + rng.randrange(0, 30)) for start in (rng.randrange(0, 100) for _ in range(8))]
        assert covered([(float(a), float(b)) for a, b in spans]) == len({t for a, b in spans for t in range(a, b)})


def test_loading_does_not_count_as_warm_and_overlapping_stages_count_once():
    timing = Timing()
    timing._spans += [("loading", 0.0, 4.0), ("faces", 3.0, 5.0), ("prompt", 4.0, 6.0), ("faces", 7.0, 7.5)]
    timing._cpu |= {"loading": 1.0, "faces": 2.0, "prompt": 1.0}
    report = timing.report(2.0)
    assert report["warm_real_time_factor"] == pytest.approx(3.5 / 2)
    assert report["stages"]["faces"] == {"wall_s": 2.5, "cpu_s": 2.0}
