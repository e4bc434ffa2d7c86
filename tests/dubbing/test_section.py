"""Where a line lies in its film."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.dubbing.section import AROUND, Section, Span, sections_of, span_of


def test_a_line_may_reach_to_the_next_start_or_the_films_end_and_looks_at_no_others_time() -> None:
    found = sections_of([(1, 2), (2.25, 4), (3, 3.5), (9, 9.75)], 10.0)
    assert [s.spill for s in found] == [0.25, 0.0, 5.5, 0.25]
    assert [(s.before, s.after) for s in found] == [(AROUND, 0.25), (0.25, 0.0), (0.0, AROUND), (AROUND, 0.25)]


def test_a_clip_is_all_span() -> None:
    assert span_of(None, 3.0) == Span(0.0, 3.0, 3.0)
    assert span_of(Section(10.0, 12.0, 0.5, 0.25, 4.0), 2.75) == Span(0.5, 2.5, 6.5)


@given(st.lists(st.tuples(st.floats(0, 90), st.floats(0.1, 9)), min_size=1, max_size=8))
def test_what_is_looked_at_lies_in_the_film_and_holds_the_line(drawn: list[tuple[float, float]]) -> None:
    times = sorted((start, start + length) for start, length in drawn)
    for section in sections_of(times, 100.0):
        first, last = section.seen
        assert -1e-9 <= first <= section.start < section.end <= last <= 100.0 + 1e-9
        span = span_of(section, last - first)
        assert span.first <= span.last <= span.farthest
        assert section.start + span.farthest - span.first <= 100.0 + 1e-6
        assert span.last - span.first == pytest.approx(section.end - section.start)
