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

from dubctl.device import resolve_device
from dubctl.dubbing import placement
from dubctl.dubbing.ahead import Looking, in_background, look
from dubctl.dubbing.direction import Wishes, room_seconds, told
from dubctl.dubbing.found import Finding, find_feeling, labels_of
from dubctl.dubbing.parts import fit_voice
from dubctl.dubbing.references import emotion_batch, find
from dubctl.dubbing.report import report_of, weight_digests
from dubctl.dubbing.scene_reading import Reading, confined, lips_in, read_scene, within
from dubctl.dubbing.script_lips import matched
from dubctl.dubbing.section import Section, Span, span_of
from dubctl.dubbing.timing import Timing
from dubctl.emotion.base import Profile
from dubctl.emotion.paper.parts import PaperParts
from dubctl.emotion.profiles import load_profile
from dubctl.files import write_json
from dubctl.graph.build import EmotionBatch
from dubctl.library.builtin import open_library
from dubctl.library.hits import Hit
from dubctl.library.store import Library
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.clock import samples_at
from dubctl.media.mel import FRAMES_PER_SECOND, RATE
from dubctl.media.mux import check_background, check_out, mux
from dubctl.progress import Progress, silent
from dubctl.synth.prompt import Prompt, read_prompt
from dubctl.synth.takes import TAKES, Heard, Take
from dubctl.synth.vocoder import DEFAULT
from dubctl.synth.voice import Voice

STAGES = 5


@dataclass
class DubRequest:
    """What to dub. `references`: rows of `dubctl retrieve` instead of a search; `library`: None = the built-in one;
    `voice`: a voice folder or a run's checkpoint, None = the shipped voice; `wishes`: what the director asks for;
    `section`: the line of a longer film that is dubbed; `background`: music and effects that stay under the speech;
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
    section: Section | None = None
    background: Path | None = None


def dub_clip(request: DubRequest, progress: Progress = silent, timing: Timing | None = None,
             looking: Looking | None = None) -> dict[str, Any]:
    """Dub one clip; returns the report that is also written beside OUT as OUT.json.

    Args: as `perform`.

    Raises:
        InputError, DependencyError: as `perform`.
        UsageError: OUT would overwrite the clip.
    """
    timing = timing or Timing()
    check_outcome(request)
    track, report = perform(request, progress, timing, looking)
    with timing.part("mux"):
        write_track(request, track)
    report["timing"] = timing.report(report["clip_seconds"])
    progress(STAGES, STAGES, "write")
    write_json(request.out.with_suffix(".json"), report)
    return report


def perform(request: DubRequest, progress: Progress = silent, timing: Timing | None = None,
            looking: Looking | None = None) -> tuple[np.ndarray, dict[str, Any]]:
    """Speak a script to a clip: the track (S,) at 22,050 Hz, as long as the clip (or its section, and what the speech
    needs behind that), and its report. Nothing is written.

    The clip is looked at in threads of its own while the prompt is read and the voice loads. The shipped voice and the
    lite profile stay loaded for the next clip.

    Args:
        timing: may have counted what came before (the imports); a new one is begun where none is given.
        looking: the clip, where somebody began to look at it before.

    Raises:
        InputError: unreadable clip or prompt, nothing to speak, a script too long for its clip, a window outside it, a
            foreign library.
        DependencyError: weights, ffmpeg or the device are missing.
    """
    timing = timing or Timing()
    torch.set_num_threads(1)  # the networks are small: a second thread costs more than it gives, threefold when busy
    device = resolve_device(request.device)
    torch.manual_seed(request.seed)
    looking = looking or look_for(request, timing)
    info = looking.info.result()
    span = span_of(request.section, info.duration)
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
                    request.wishes.feeling, request.section and request.section.times)
        emotion = emotion_batch(library, felt, hits, request.wishes.feeling)
        finding = _finding(voice, request, library, reading, hits, emotion)
        request = dataclasses.replace(request, wishes=dataclasses.replace(request.wishes, found=finding.acted))
    progress(3, STAGES, "references")
    with timing.part("synthesis"):
        phones, frames = voice.natural(request.script, prompt, emotion, request.wishes.whole(), reading.from_mouth)
        reading = (matched(reading, phones, info.duration) if request.window is None
                   else within(reading, request.window, info.duration))
        reading = reading if request.section is None else confined(reading, span)
    take, window, heard = _perform(voice, request, prompt, reading, emotion, span, frames, timing)
    last = max(span.last, min(window[0] + take.performance.seconds, span.farthest))
    track = placement.place(take.wav, window[0], samples_at(last))[samples_at(span.first):]
    progress(4, STAGES, "speech")
    report = report_of(request, span, prompt, reading, hits, library, take.performance, window, track, device)
    report["takes"] = heard
    report["weights"] = digests.result()
    if other_vocoder:
        report["vocoder"] = next(iter(other_vocoder)).removeprefix("vocoder ")
        report["weights"] = {k: v for k, v in report["weights"].items() if k != "vocoder"} | other_vocoder
    report["found"] = finding.report()
    return track, report


def look_for(request: DubRequest, timing: Timing) -> Looking:
    """Begin to look at what is dubbed; see `look`."""
    return look(request.clip, timing, lite=request.profile == "lite", section=request.section and request.section.seen)


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
        hits = find(library, reading, request.k, request.references, request.clip, request.script,
                    section=request.section and request.section.times)
        emotion = emotion_batch(library, reading, hits)
    if not request.wishes.left:
        return Finding()
    return find_feeling(voice, emotion, request.wishes.scene, labels_of(hits))


def _named_by(rows: Sequence[dict[str, Any]] | None) -> str | None:
    """The library that reference rows come from."""
    return str(rows[0].get("library") or "") or None if rows else None


def _perform(voice: Voice, request: DubRequest, prompt: Prompt, reading: Reading, emotion: Any, span: Span,
             natural: np.ndarray, timing: Timing) -> tuple[Take, tuple[float, float], Heard]:
    """The best take, the speech window, and what the report says of each take."""
    direction, script = request.wishes.whole(), request.script
    with timing.part("synthesis"):
        seconds, window = float(natural.sum() / FRAMES_PER_SECOND), reading.window
        unseen = not reading.from_mouth or not placement.holds(window, seconds)
        if request.section is not None and unseen:  # no mouth said all of it here, but its cue says how long it takes
            window = placement.widened(window, seconds, span.last if reading.from_mouth else span.farthest,
                                       span.first, placement.EASY)
        window = placement.widened(window, seconds, span.farthest, span.first)
        lips = (reading.lips if window == reading.window
                else lips_in(reading.face.lips, window) if reading.from_mouth else None)
        room = room_seconds(window, request.wishes.own.rate, span.farthest)
    take, heard = voice.best_take(script, prompt, placement.room_frames((0.0, room)), request.takes, lips=lips,
                                  emotion=emotion, direction=direction, part=timing.part)
    return take, window, heard


def check_outcome(request: DubRequest) -> None:
    """Refuse what could not be written in the end, before anything is spoken.

    Raises:
        UsageError: OUT would overwrite the clip, or is of no known kind.
        InputError: the background has no sound.
    """
    check_out(request.clip, request.out)
    if request.background is not None:
        check_background(request.background)


def write_track(request: DubRequest, track: np.ndarray) -> None:
    """Speech (S,) as OUT.wav, or under the clip's picture."""
    if request.out.suffix.lower() == ".wav":
        save_wav(request.out, track, RATE)
    else:
        mux(request.clip, track, RATE, request.out, request.background)
