"""Where in a film a line lies, and what of the film is looked at for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

AROUND = 0.5  # seconds before and behind a line: how its mouth rests tells when it speaks
SHORTEST_WINDOW = 0.1  # seconds in which something can be said


@dataclass(frozen=True)
class Section:
    """A line of a film, seconds: spoken from `start` to `end`, looked at from `before` that to `after` it. `spill`: how
    far behind the end speech may reach where it does not fit."""

    start: float
    end: float
    before: float = 0.0
    after: float = 0.0
    spill: float = 0.0

    @property
    def times(self) -> tuple[float, float]:
        return self.start, self.end

    @property
    def seen(self) -> tuple[float, float]:
        """What is looked at, seconds of the film."""
        return self.start - self.before, self.end + self.after


@dataclass(frozen=True)
class Span:
    """Where speech may lie, in seconds of what is looked at: from `first` to `last`, where it must to `farthest`."""

    first: float
    last: float
    farthest: float


def span_of(section: Section | None, seconds: float) -> Span:
    """The span of a section, or of a clip of so many seconds, which is all span."""
    if section is None:
        return Span(0.0, seconds, seconds)
    last = section.before + section.end - section.start
    return Span(section.before, last, last + section.spill)


def inside(window: tuple[float, float], first: float, last: float) -> tuple[float, float] | None:
    """Of a mouth's speech (start, end), what lies between `first` and `last`; None if it speaks mostly elsewhere."""
    start, end = max(first, window[0]), min(last, window[1])
    return (start, end) if end - start > max(SHORTEST_WINDOW, (window[1] - window[0]) / 2) else None


def sections_of(times: Sequence[tuple[float, float]], seconds: float) -> list[Section]:
    """Sections of lines (start, end) in the order of their starts, in a film of so many seconds: no line looks at
    another's time, and each may reach to the next start or the film's end."""
    found = []
    for i, (start, end) in enumerate(times):
        room = max(0.0, min([seconds, *(other for other, _ in times[i + 1:] if other > start)]) - end)
        free = max(0.0, start - max([0.0, *(other for _, other in times[:i])]))
        found.append(Section(start, end, min(AROUND, free), min(AROUND, room), room))
    return found
