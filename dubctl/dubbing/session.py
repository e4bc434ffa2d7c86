"""`dub_clip`: read the scene, study the references, speak in the window, and write picture, sound and report."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dubctl import __version__
from dubctl.assets import model_file
from dubctl.device import resolve_device
from dubctl.dubbing import placement
from dubctl.dubbing.ahead import Looking, in_background, look
from dubctl.dubbing.direction import Wishes, room_seconds, told
from dubctl.dubbing.found import Finding, find_feeling, labels_of
from dubctl.dubbing.parts import fit_voice
from dubctl.dubbing.references import emotion_batch, find
from dubctl.dubbing.scene_reading import Reading, lips_in, read_scene, summary, within
from dubctl.dubbing.script_lips import matched
from dubctl.dubbing.timing import Timing
from dubctl.emotion.base import Profile
from dubctl.emotion.paper.parts import PaperParts
from dubctl.emotion.profiles import load_profile
from dubctl.files import sha256_file, write_json
from dubctl.graph.build import EmotionBatch
from dubctl.library.builtin import open_library
from dubctl.library.hits import Hit
from dubctl.library.store import Library
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.clip import ClipInfo
from dubctl.media.clock import samples_at
from dubctl.media.mel import FRAMES_PER_SECOND, RATE
from dubctl.media.mux import check_out, mux
from dubctl.progress import Progress, silent
from dubctl.synth.dialogue import unspoken
from dubctl.synth.prompt import Prompt, read_prompt
from dubctl.synth.takes import TAKES, Heard, Take
from dubctl.synth.vocoder import DEFAULT, SHIPPED
from dubctl.synth.voice import Performance, Voice

STAGES = 5


@dataclass
class DubRequest:
    """What to dub. `references`: rows of `dubctl retrieve` instead of a search; `library`: None = the built-in one;
    `voice`: a voice folder or a run's checkpoint, None = the shipped voice; `wishes`: what the director asks for;
    `parts`: what the paper profile is made of, None under another; `vocoder`: a shipped one; `takes`: the line is
    spoken so often, the first time as a rehearsal (`dubctl.synth.takes`); `window`: where speech is to lie, seconds
    (no end: the clip's), instead of where the mouth is seen to speak."""

    clip: Path
    script: str
    prompt: Path
    out: Path
    library: Path | None = None
    k: int = 3
    references: Sequence[dict[str, Any]] | None = None
    device: str = "auto"
    seed: int = 0
    profile: str = "lite"
    voice: Path | None = None
    wishes: Wishes = Wishes()
    parts: PaperParts | None = None
    vocoder: str = DEFAULT
    takes: int = TAKES
    window: tuple[float, float | None] | None = None


def dub_clip(request: DubRequest, progress: Progress = silent, timing: Timing | None = None,
             looking: Looking | None = None) -> dict[str, Any]:
    """Dub one clip; returns the report that is also written beside OUT as OUT.json.

    The clip is looked at in threads of its own while the prompt is read and the voice loads. The shipped voice and the
    lite profile stay loaded for the next clip.

    Args:
        timing: may have counted what came before (the imports); a new one is begun where none is given.
        looking: the clip, where somebody began to look at it before.

    Raises:
        InputError: unreadable clip or prompt, nothing to speak, a script too long for its clip, a window outside it, a
            foreign library.
        UsageError: OUT would overwrite the clip.
        DependencyError: weights, ffmpeg or the device are missing.
    """
    timing = timing or Timing()
    torch.set_num_threads(1)  # the networks are small: a second thread costs more than it gives, threefold when busy
    check_out(request.clip, request.out)
    device = resolve_device(request.device)
    torch.manual_seed(request.seed)
    looking = looking or look(request.clip, timing, lite=request.profile == "lite")
    info = looking.info.result()
    scene = in_background(lambda: _look(request, looking, timing))
    digests = in_background(lambda: weight_digests(request.voice, request.vocoder))
    with timing.part("prompt", alone=False):
        prompt = read_prompt(load_audio(request.prompt, RATE), RATE)
    with timing.part("loading", alone=False):
        voice = _voice(request.voice, device, request.vocoder)
    progress(1, STAGES, "voice")
    profile, reading = scene.result()
    voice, other_vocoder = fit_voice(voice, profile, request.parts, device)
    progress(2, STAGES, "scene")
    with timing.part("retrieval"):
        library = open_library(request.library or _named_by(request.references), profile.spaces())
        felt = told(reading, request.wishes.feeling, profile)
        hits = find(library, felt, request.k, request.references, request.clip, request.script,
                    request.wishes.feeling)
        emotion = emotion_batch(library, felt, hits, request.wishes.feeling)
        finding = _finding(voice, request, library, reading, hits, emotion)
        request = dataclasses.replace(request, wishes=dataclasses.replace(request.wishes, found=finding.acted))
    progress(3, STAGES, "references")
    with timing.part("synthesis"):
        phones, frames = voice.natural(request.script, prompt, emotion, request.wishes.whole())
        reading = (matched(reading, phones, info.duration) if request.window is None
                   else within(reading, request.window, info.duration))
    take, window, heard = _perform(voice, request, prompt, reading, emotion, info, frames, timing)
    track = placement.place(take.wav, window[0], samples_at(info.duration))
    progress(4, STAGES, "speech")
    with timing.part("mux"):
        _write(request, track)
    report = _report(request, info, prompt, reading, hits, library, take.performance, window, track, device)
    report["takes"] = heard
    report["weights"] = digests.result()
    if other_vocoder:
        report["vocoder"] = next(iter(other_vocoder)).removeprefix("vocoder ")
        report["weights"] = {k: v for k, v in report["weights"].items() if k != "vocoder"} | other_vocoder
    report["found"] = finding.report()
    report["timing"] = timing.report(info.duration)
    progress(5, STAGES, "write")
    write_json(request.out.with_suffix(".json"), report)
    return report


def _look(request: DubRequest, looking: Looking, timing: Timing) -> tuple[Profile, Reading]:
    with timing.part("loading", alone=False):
        profile = _lite() if request.profile == "lite" else load_profile(request.profile, request.parts)
    return profile, read_scene(request.clip, request.script, profile, timing, looking)


@functools.lru_cache(maxsize=1)
def _lite() -> Profile:
    return load_profile("lite")


def _voice(path: Path | None, device: str, vocoder: str) -> Voice:
    """A caller's own voice is loaded anew every time: its file may have changed."""
    return _shipped(device, vocoder) if path is None else Voice.load(path, device, vocoder)


@functools.lru_cache(maxsize=2)
def _shipped(device: str, vocoder: str) -> Voice:
    return Voice.load(None, device, vocoder)


def _finding(voice: Voice, request: DubRequest, library: Library, reading: Reading, hits: Sequence[Hit],
             emotion: EmotionBatch) -> Finding:
    """What is found in the scene itself, whatever the director asks for."""
    if request.wishes.feeling is not None and request.wishes.left:
        hits = find(library, reading, request.k, request.references, request.clip, request.script)
        emotion = emotion_batch(library, reading, hits)
    if not request.wishes.left:
        return Finding()
    return find_feeling(voice, emotion, request.wishes.scene, labels_of(hits))


def _named_by(rows: Sequence[dict[str, Any]] | None) -> str | None:
    """The library that reference rows come from."""
    return str(rows[0].get("library") or "") or None if rows else None


def _perform(voice: Voice, request: DubRequest, prompt: Prompt, reading: Reading, emotion: Any, info: ClipInfo,
             natural: np.ndarray, timing: Timing) -> tuple[Take, tuple[float, float], Heard]:
    """The best take, the speech window, and what the report says of each take."""
    direction, script = request.wishes.whole(), request.script
    with timing.part("synthesis"):
        window = placement.widened(reading.window, float(natural.sum() / FRAMES_PER_SECOND), info.duration)
        lips = (reading.lips if window == reading.window
                else lips_in(reading.face.lips, window) if reading.from_mouth else None)
        room = room_seconds(window, request.wishes.own.rate, info.duration)
    take, heard = voice.best_take(script, prompt, placement.room_frames((0.0, room)), request.takes, lips=lips,
                                  emotion=emotion, direction=direction, part=timing.part)
    return take, window, heard


def _write(request: DubRequest, track: np.ndarray) -> None:
    if request.out.suffix.lower() == ".wav":
        save_wav(request.out, track, RATE)
    else:
        mux(request.clip, track, RATE, request.out)


def _report(request: DubRequest, info: ClipInfo, prompt: Prompt, reading: Reading, hits: Sequence[Hit],
            library: Library, done: Performance, window: tuple[float, float], track: np.ndarray,
            device: str) -> dict[str, Any]:
    notes = list(done.notes)
    if not reading.from_mouth and request.window is None:
        seen = "no face was found" if reading.face.vector is None else "no mouth was seen to speak"
        notes.insert(0, f"{seen}: the whole clip is used")
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
    return {
        "schema_version": 1, "dubctl": __version__, "output": str(request.out), "clip": str(request.clip),
        "script": request.script, "prompt": str(request.prompt), "profile": request.profile, "device": device,
        "seed": request.seed, "k": request.k, "phones": done.phones,
        "clip_seconds": info.duration, "samples": len(track), "rate": RATE,
        "window": {"start": round(window[0], 4), "end": round(window[1], 4), "from_mouth": reading.from_mouth,
                   "asked": request.window is not None, "seen": [round(w, 4) for w in reading.window]},
        "speech": {"start": round(window[0], 4),
                   "end": round(window[0] + done.seconds, 4), "natural_seconds": round(done.natural_seconds, 4),
                   "seconds": round(done.seconds, 4), "stretch": round(done.stretch, 4), "hurried": done.hurried,
                   "pitch_hz": round(done.pitch_hz, 1), "durations_frames": done.durations},
        "direction": request.wishes.report(track), "seen": summary(reading),
        "references": [h.as_row() for h in hits], "library": str(library.path),
        "prompt_quality": prompt.quality.as_dict() if prompt.quality else None,
        "prompt_seconds": round(prompt.seconds, 3), "notes": notes,
        "vocoder": request.vocoder,
    }


def weight_digests(voice: Path | None, vocoder: str) -> dict[str, str]:
    """SHA-256 of the weights that made the sound."""
    own = voice if voice is None or voice.is_file() else voice / "model.safetensors"
    return {"voice": _digest(own or model_file("voice", "model.safetensors")),
            "vocoder": _digest(model_file(SHIPPED[vocoder], "model.safetensors")),
            "speaker-encoder": _digest(model_file("speaker-encoder", "model.safetensors"))}


def _digest(path: Path) -> str:
    facts = path.stat()
    return _digest_of(path, facts.st_mtime_ns, facts.st_size)


@functools.lru_cache(maxsize=8)
def _digest_of(path: Path, changed: int, size: int) -> str:
    """The digest of a file as it was then: read again once its time or size differs."""
    return sha256_file(path)
