"""The director's say in one dub: flags and feeling together, what the graphs are told, and what the report keeps."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from dubctl.dubbing.acted import SCENE, Feeling, direction_of
from dubctl.dubbing.scene_reading import Reading
from dubctl.emotion.base import Profile
from dubctl.media.mel import HOP
from dubctl.media.silence import trim_silence
from dubctl.synth.direction import PLAIN, Direction
from dubctl.synth.pitch import f0_track


@dataclass(frozen=True)
class Wishes:
    """`own`: the handles; `feeling`: the emotion asked for, None where the scene decides; `scene`: how strongly a
    finding of the graphs that they are sure of is acted; `found`: what of it is."""

    own: Direction = PLAIN
    feeling: Feeling | None = None
    scene: float = 1.0
    found: Feeling | None = None

    @classmethod
    def of(cls, own: Direction, asked: Feeling | None) -> Wishes:
        """From the flags: `scene` is no feeling of its own."""
        if asked is not None and asked.name == SCENE:
            return cls(own, scene=asked.strength)
        return cls(own, asked)

    @property
    def left(self) -> float:
        """Share of the graphs' finding that the asked feeling leaves."""
        return 1.0 if self.feeling is None else 1.0 - self.feeling.blend

    def whole(self) -> Direction:
        """Handles, asked and found feeling together."""
        asked = self.own if self.feeling is None else direction_of(self.feeling).joined(self.own)
        if self.found is None or not self.left:
            return asked
        return direction_of(Feeling(self.found.name, self.found.strength * self.left)).joined(asked)

    def report(self, track: np.ndarray) -> dict[str, Any]:
        """What was asked, what it came to, and what the finished track (S,) measures; empty where nothing was asked
        and nothing found."""
        if self == Wishes():
            return {}
        felt = self.feeling and {"name": self.feeling.name, "strength": self.feeling.strength,
                                 "blend": self.feeling.blend, **direction_of(self.feeling).as_dict()}
        return {"asked": self.own.as_dict(), "emotion": felt, "applied": self.whole().as_dict(),
                "measured": _measured(track)}


def told(reading: Reading, feeling: Feeling | None, profile: Profile) -> Reading:
    """The reading as the graphs and the search get it: each vector moved towards the feeling by its blend.

    What was seen stays in captions and profiles; vectors of another size than the text encoder's stay as they are.
    """
    if feeling is None or feeling.blend == 0:
        return reading
    aim = profile.text.extract(feeling.phrase)
    def moved(vector: np.ndarray, towards: np.ndarray) -> np.ndarray:
        if vector.shape != towards.shape:
            return vector
        mixed = (1 - feeling.blend) * vector + feeling.blend * towards
        return (mixed / max(float(np.linalg.norm(mixed)), 1e-9) * np.linalg.norm(vector)).astype(np.float32)
    scene, face, text = reading.scene, reading.face, reading.text
    return dataclasses.replace(
        reading, scene=dataclasses.replace(scene, vector=moved(scene.vector, aim.self_vector)),
        face=face if face.vector is None else dataclasses.replace(face, vector=moved(face.vector, aim.self_vector)),
        text=dataclasses.replace(text, self_vector=moved(text.self_vector, aim.self_vector),
                                 react_vector=moved(text.react_vector, aim.react_vector)))


def _measured(track: np.ndarray) -> dict[str, float | None]:
    """Median pitch in Hz, its 20-80 % range in semitones, level in dBFS of the speech in a track (S,)."""
    speech = trim_silence(track)
    if not len(speech):
        return {"pitch_hz": None, "pitch_range_st": None, "level_dbfs": None}
    f0 = f0_track(speech, max(1, len(speech) // HOP))
    heard = f0[f0 > 0]
    low, middle, high = np.percentile(heard, (20, 50, 80)) if len(heard) else (0.0, 0.0, 0.0)
    return {"pitch_hz": round(float(middle), 1) or None,
            "pitch_range_st": round(float(12 * np.log2(high / low)), 2) if low else None,
            "level_dbfs": round(float(10 * np.log10(np.square(speech, dtype=np.float64).mean() + 1e-12)), 2)}


def room_seconds(window: tuple[float, float], rate: float, clip_seconds: float) -> float:
    """Seconds that a window gives at the director's `rate`: slower speech may run past it, up to the clip's end."""
    start, end = window
    return end - start if rate == 1.0 else min((end - start) / rate, clip_seconds - start)
