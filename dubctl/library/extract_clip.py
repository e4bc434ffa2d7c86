"""One clip through the four extractors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dubctl.emotion.base import Profile
from dubctl.errors import DependencyError, DubctlError, InputError
from dubctl.library.datasets import DatasetItem
from dubctl.library.footage import load_footage
from dubctl.library.schema import RATE


@dataclass(frozen=True)
class Extracted:
    """One clip's result: facts for its row, arrays for its vectors; `error` instead where it failed."""

    facts: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    error: str = ""


def extract_clip(item: DatasetItem, profile: Profile) -> Extracted:
    """Run the four extractors over one clip. What is wrong with the clip becomes `error`.

    Raises:
        DependencyError: something every clip needs is missing.
    """
    try:
        return _extract(item, profile)
    except DependencyError:
        raise
    except DubctlError as err:
        return Extracted(error=err.message)
    except Exception as err:  # a decoder's own failure on one file must not end the work on thousands
        return Extracted(error=f"{type(err).__name__}: {err}")


def _extract(item: DatasetItem, profile: Profile) -> Extracted:
    footage = load_footage(item.video, item.audio, item.start, item.end)
    facts: dict[str, Any] = {"captions": {}, "profiles": {}, "stats": {}, "warnings": [],
                             "seconds": round(footage.seconds, 6), "samples": 0, "frames": 0}
    arrays: dict[str, np.ndarray] = {}
    if footage.frames is not None:
        _see(footage.frames, profile, facts, arrays)
    if item.text:
        words = profile.text.extract(item.text)
        arrays |= {"text_self": _row(words.self_vector), "text_react": _row(words.react_vector)}
        facts["captions"]["reaction"] = words.reaction
        facts["profiles"]["text"] = _numbers(words.profile)
    else:
        facts["warnings"].append("no text")
    if footage.wav is not None:
        facts["samples"] = len(footage.wav)
        try:
            arrays["audio_raw"] = _row(profile.audio.measure(footage.wav, RATE))
        except InputError as err:
            facts["warnings"].append(err.message)
    if footage.frames is None and "audio_raw" not in arrays:
        raise InputError("; ".join(facts["warnings"][-1:]) or "it holds neither picture nor sound")
    return Extracted(facts, arrays)


def _see(frames: np.ndarray, profile: Profile, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    facts["frames"] = len(frames)
    scene, face = profile.scene.extract(frames), profile.face.extract(frames)
    arrays["scene"] = _row(scene.vector)
    facts["captions"] |= {"scene": scene.caption, "face": face.caption}
    facts["profiles"]["scene"] = _numbers(scene.profile)
    facts["stats"] = {name: round(float(value), 6) for name, value in
                      {**scene.stats, **{f"face_{name}": value for name, value in face.stats.items()},
                       "face_coverage": face.coverage}.items()}
    if face.vector is not None:
        arrays["face"] = _row(face.vector)
    if face.profile is not None:
        facts["profiles"]["face"] = _numbers(face.profile)
    arrays |= {"opening": _row(face.lips.opening), "width": _row(face.lips.width),
               "visible": np.asarray(face.lips.visible, bool)}


def _row(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32).reshape(-1)


def _numbers(values: Iterable[float]) -> list[float]:
    return [round(float(value), 6) for value in values]
