"""What a director may ask of a performance, beyond what the script, the lips and the scene's emotion already say.

No numpy or torch here: the command line checks a direction before anything heavy is loaded.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from dubctl.errors import UsageError

LIMITS = {"rate": (0.5, 2.0), "pitch": (-12.0, 12.0), "energy": (-20.0, 12.0)}
_PAUSE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|x)?")
LONGEST_PAUSE_SECONDS, LARGEST_PAUSE_FACTOR = 5.0, 10.0


@dataclass(frozen=True)
class Pause:
    """Pauses at punctuation inside the line: `seconds` each, or `factor` times the predicted ones; one is None."""

    seconds: float | None = None
    factor: float | None = None

    def __str__(self) -> str:
        return f"{self.factor:g}x" if self.seconds is None else f"{self.seconds:g}s"


@dataclass(frozen=True)
class Direction:
    """Departures from the predicted prosody; the defaults change nothing.

    rate: speed of speech, times.  register_st: semitones by which the voice itself is heard higher.  pitch_st:
    semitones added to the line's melody, as a feeling does (the voice follows two thirds of it).  range_ratio: movement
    of the melody, times.  energy_db: level and vocal effort.  tilt_db_per_octave: slope added to the spectrum, positive
    is brighter.  contour_st: semitones added along the line, at equal steps from its first to its last sound.
    colour_db: gains of the spectrum beside the tilt, in third octaves from 126 Hz (`shaping.COLOUR_HZ`).  acted: how
    strong a feeling all this is, 0 for none: the stronger, the less is refined.
    """

    rate: float = 1.0
    register_st: float = 0.0
    pitch_st: float = 0.0
    range_ratio: float = 1.0
    energy_db: float = 0.0
    tilt_db_per_octave: float = 0.0
    contour_st: tuple[float, ...] = ()
    colour_db: tuple[float, ...] = ()
    pause: Pause | None = None
    acted: float = 0.0

    @property
    def refined(self) -> float:
        """What part of the refiner's share a line gets, which tames a feeling: the more is acted, the less, a quarter
        at half of an actor's normal strength, nothing from that strength on."""
        return max(0.0, 1 - self.acted) ** 2

    def joined(self, other: Direction) -> Direction:
        """Both departures together; a pause of `other` goes before this one's."""
        return Direction(self.rate * other.rate, self.register_st + other.register_st,
                         self.pitch_st + other.pitch_st, self.range_ratio * other.range_ratio,
                         self.energy_db + other.energy_db, self.tilt_db_per_octave + other.tilt_db_per_octave,
                         _both(self.contour_st, other.contour_st), _both(self.colour_db, other.colour_db),
                         other.pause or self.pause, self.acted + other.acted)

    def as_dict(self) -> dict[str, Any]:
        """For the report, rounded."""
        return {name: _rounded(value) for name, value in asdict(self).items()
                if name != "pause"} | {"pause": str(self.pause) if self.pause else None}


def _both(mine: tuple[float, ...], other: tuple[float, ...]) -> tuple[float, ...]:
    """The sum of two curves of one length; an empty one changes nothing."""
    return tuple(a + b for a, b in zip(mine, other, strict=True)) if mine and other else mine or other


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [round(part, 3) for part in value]
    return round(value, 4) if isinstance(value, float) else value


PLAIN = Direction()


def directed(rate: float | None = None, pitch: float | None = None, energy: float | None = None,
             pause: str | None = None) -> Direction:
    """The direction of the flags `--rate`, `--pitch`, `--energy` and `--pause`; None was not given.

    Raises:
        UsageError: a value out of range, or a pause that is neither seconds nor a factor.
    """
    for name, value in (("rate", rate), ("pitch", pitch), ("energy", energy)):
        low, high = LIMITS[name]
        if value is not None and not low <= value <= high:
            raise UsageError(f"--{name} {value:g} is out of range", f"give a number from {low:g} to {high:g}")
    return Direction(rate=1.0 if rate is None else float(rate), register_st=float(pitch or 0.0),
                     energy_db=float(energy or 0.0), pause=None if pause is None else parse_pause(pause))


def parse_pause(text: str) -> Pause:
    """`0.4` or `0.4s`: seconds; `1.5x`: factor.

    Raises:
        UsageError: neither, or too long.
    """
    found = _PAUSE.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"--pause {text}: how long?", "give seconds (0.4) or a factor (1.5x)")
    value, factor = float(found[1]), found[2] == "x"
    most = LARGEST_PAUSE_FACTOR if factor else LONGEST_PAUSE_SECONDS
    if value > most:
        raise UsageError(f"--pause {text} is too long", f"give at most {most:g}{'x' if factor else ' s'}")
    return Pause(factor=value) if factor else Pause(seconds=value)
