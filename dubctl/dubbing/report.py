"""What a dub says of itself: OUT.json."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dubctl import __version__
from dubctl.assets import model_file
from dubctl.dubbing.scene_reading import Reading, summary
from dubctl.dubbing.section import Span
from dubctl.files import sha256_file
from dubctl.library.hits import Hit
from dubctl.library.store import Library
from dubctl.media.mel import RATE
from dubctl.synth.dialogue import unspoken
from dubctl.synth.prompt import Prompt
from dubctl.synth.refiner import FILE as REFINER
from dubctl.synth.vocoder import SHIPPED
from dubctl.synth.voice import Performance
from dubctl.synth.voice_files import voice_folder

if TYPE_CHECKING:
    from dubctl.dubbing.session import DubRequest


def report_of(request: DubRequest, span: Span, prompt: Prompt, reading: Reading, hits: Sequence[Hit],
              library: Library, done: Performance, window: tuple[float, float], track: np.ndarray,
              device: str) -> dict[str, Any]:
    """The report of one finished track (S,), in its seconds; takes, timing and digests are added by the caller.

    Args:
        span: where the track lies in what was looked at; `window` and the reading's are in seconds of that.
    """
    def at(seconds: float) -> float:
        return round(seconds - span.first, 4)

    return {
        "schema_version": 1, "dubctl": __version__, "output": str(request.out), **_place(request),
        "script": request.script, "prompt": str(request.prompt), "profile": request.profile, "device": device,
        "seed": request.seed, "k": request.k, "phones": done.phones,
        "clip_seconds": span.last - span.first, "samples": len(track), "rate": RATE,
        "window": {"start": at(window[0]), "end": at(window[1]), "from_mouth": reading.from_mouth,
                   "asked": request.window is not None, "seen": [at(edge) for edge in reading.window]},
        "speech": {"start": at(window[0]), "end": at(window[0] + done.seconds),
                   "natural_seconds": round(done.natural_seconds, 4), "seconds": round(done.seconds, 4),
                   "stretch": round(done.stretch, 4), "hurried": done.hurried,
                   "pitch_hz": round(done.pitch_hz, 1), "durations_frames": done.durations},
        "direction": request.wishes.report(track), "seen": summary(reading),
        "references": [h.as_row() for h in hits], "library": str(library.path),
        "prompt_quality": prompt.quality.as_dict() if prompt.quality else None,
        "prompt_seconds": round(prompt.seconds, 3), "notes": _notes(request, prompt, reading, done, window),
        "vocoder": request.vocoder, "background": request.background and str(request.background),
    }


def _place(request: DubRequest) -> dict[str, Any]:
    """Where the speech belongs. A line of a film is no dub of the whole film, so that does not stand under `clip`."""
    if request.section is None:
        return {"clip": str(request.clip)}
    return {"film": str(request.clip), "section": list(request.section.times)}


def _notes(request: DubRequest, prompt: Prompt, reading: Reading, done: Performance,
           window: tuple[float, float]) -> list[str]:
    notes = list(done.notes)
    if not reading.from_mouth and request.window is None:
        seen = "no face was found" if reading.face.vector is None else "no mouth was seen to speak"
        notes.insert(0, f"{seen}: the whole {'clip' if request.section is None else 'cue'} is used")
    if window != reading.window:
        notes.append("the speech window was widened: the script does not fit "
                     + ("the visible speech" if request.window is None else "into it"))
    if request.wishes.own.rate != 1.0 and reading.from_mouth:
        notes.append("the rate was asked for: the speech no longer ends with the lips")
    silent = unspoken(request.script)
    if silent:
        notes.append(f"in brackets, so not spoken: {' '.join(silent)}")
    notes += prompt.quality.warnings() if prompt.quality else []
    if not prompt.voiced:
        notes.append("the prompt has hardly any voiced sound: its pitch is a guess")
    return notes


ENCODERS = ("speaker-encoder", "speaker-campplus")  # that say what is asked for


def weight_digests(voice: Path | None, vocoder: str) -> dict[str, str]:
    """SHA-256 of the weights that made the sound."""
    folder = voice_folder(voice)
    own = voice if voice is not None and voice.is_file() else folder / "model.safetensors"  # a run's checkpoint
    refiner = folder / REFINER
    return {"voice": _digest(own), **({"refiner": _digest(refiner)} if refiner.is_file() else {}),
            "vocoder": _digest(model_file(SHIPPED[vocoder], "model.safetensors")),
            **{name: _digest(model_file(name, "model.safetensors")) for name in ENCODERS}}


def _digest(path: Path) -> str:
    facts = path.stat()
    return _digest_of(path, facts.st_mtime_ns, facts.st_size)


@functools.lru_cache(maxsize=8)
def _digest_of(path: Path, changed: int, size: int) -> str:
    """The digest of a file as it was then: read again once its time or size differs."""
    return sha256_file(path)
