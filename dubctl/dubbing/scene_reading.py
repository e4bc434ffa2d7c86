"""What the actor sees before speaking: the clip's scene, face, lips and script emotion, and the speech window."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dubctl.dubbing.ahead import Looking, look
from dubctl.dubbing.section import SHORTEST_WINDOW, Span, inside
from dubctl.dubbing.timing import Timing
from dubctl.emotion.base import EMOTIONS, FaceEmotion, LipTrack, Profile, SceneEmotion, TextEmotion
from dubctl.emotion.face import LiteFaceExtractor
from dubctl.emotion.lips import frame_offset, lip_features, speech_window
from dubctl.emotion.scene import LiteSceneExtractor
from dubctl.errors import InputError
from dubctl.synth.inputs import Lips


@dataclass
class Reading:
    """Extracted emotion of the target; `window` (start, end) seconds where the mouth speaks, `from_mouth` if seen."""

    scene: SceneEmotion
    face: FaceEmotion
    text: TextEmotion
    window: tuple[float, float]
    from_mouth: bool
    lips: Lips | None


def read_scene(clip: Path, script: str, profile: Profile, timing: Timing | None = None,
               looking: Looking | None = None) -> Reading:
    """Run the three extractors on a clip and its script.

    Args:
        timing: learns what reading and faces took.
        looking: the clip, where somebody began to look at it before.

    Raises:
        InputError: there is no picture, or it cannot be decoded.
    """
    timing = timing or Timing()
    looking = looking or look(clip, timing, lite=_speaks_of_sights(profile))
    with timing.part("reading", alone=False):
        text = profile.text.extract(script)
    scene, face = _seen(profile, looking, timing)
    info, found = looking.info.result(), speech_window(face.lips)
    window = found if found is not None else (0.0, info.duration)
    window = (max(0.0, window[0]), min(info.duration, window[1]))
    lips = lips_in(face.lips, window) if found is not None else None
    return Reading(scene, face, text, window, found is not None, lips)


def _speaks_of_sights(profile: Profile) -> bool:
    return isinstance(profile.face, LiteFaceExtractor) and isinstance(profile.scene, LiteSceneExtractor)


def _seen(profile: Profile, looking: Looking, timing: Timing) -> tuple[SceneEmotion, FaceEmotion]:
    """The sight in words, where there is one and the profile is made for it; else the profile's own look."""
    if looking.sight is not None and _speaks_of_sights(profile):
        measures = looking.sight.scene.result()
        with timing.part("reading", alone=False):
            scene = profile.scene.felt(measures)
        sight = looking.sight.face.result()
        with timing.part("reading", alone=False):
            return scene, profile.face.describe(sight)
    frames = looking.frames.result()
    with timing.part("reading", alone=False):
        scene = profile.scene.extract(frames)
    with timing.part("faces", alone=False):
        return scene, profile.face.extract(frames)


def lips_in(track: LipTrack, window: tuple[float, float]) -> Lips | None:
    """Lip features of a window, None where no mouth is visible in it."""
    features, visible = lip_features(track, *window)
    seen = len(features) > 1 and visible.any()
    return Lips(features, visible, frame_offset(window[0], track.fps)) if seen else None


def within(reading: Reading, asked: tuple[float, float | None], clip_seconds: float) -> Reading:
    """The reading with the speech where it was asked for; the lips count if they speak in most of that.

    Raises:
        InputError: there is no such time in the clip.
    """
    start, end = asked[0], clip_seconds if asked[1] is None else min(asked[1], clip_seconds)
    if end - start < SHORTEST_WINDOW:
        told = f"{start:g}:" + ("" if asked[1] is None else f"{asked[1]:g}")
        raise InputError(f"the speech window {told} is too short or outside the clip, which has {clip_seconds:.2f} s",
                         "give --window START:END in seconds")
    shared = min(end, reading.window[1]) - max(start, reading.window[0])
    seen = reading.from_mouth and shared > (end - start) / 2
    return dataclasses.replace(reading, window=(start, end), from_mouth=seen,
                               lips=lips_in(reading.face.lips, (start, end)) if seen else None)


def confined(reading: Reading, span: Span) -> Reading:
    """The reading with its speech inside the time of its line; the mouth counts if it speaks mostly there, else the
    line has all its time."""
    seen = inside(reading.window, span.first, span.last) if reading.from_mouth else None
    return dataclasses.replace(reading, window=seen or (span.first, span.last), from_mouth=seen is not None,
                               lips=None if seen is None else lips_in(reading.face.lips, seen))


def summary(reading: Reading) -> dict[str, Any]:
    """What was seen, for the report."""
    def feelings(values: np.ndarray | None) -> dict[str, float] | None:
        return None if values is None else {e: round(float(p), 4) for e, p in zip(EMOTIONS, values, strict=True)}
    return {
        "scene": {"caption": reading.scene.caption, "profile": feelings(reading.scene.profile),
                  "stats": rounded(reading.scene.stats)},
        "face": {"caption": reading.face.caption, "profile": feelings(reading.face.profile),
                 "coverage": round(reading.face.coverage, 4), "found": reading.face.vector is not None,
                 "stats": rounded(reading.face.stats)},
        "text": {"reaction": reading.text.reaction, "profile": feelings(reading.text.profile)},
    }


def rounded(stats: dict[str, float]) -> dict[str, float]:
    """Numbers with four decimals: reports are for reading and comparing."""
    return {k: round(float(v), 4) for k, v in stats.items()}
