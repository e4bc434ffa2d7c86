"""`dub_film`: the lines of a film, each spoken at its time in the voice of who says it, under the film's picture.

Every line is a clip of its own: what the camera shows while it is said is studied, its references are searched, it is
spoken to the mouth that is seen. Each lies finished in OUT.lines/ (wav and report), so that a second run speaks only
what has changed.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dubctl import __version__
from dubctl.device import resolve_device
from dubctl.dubbing.ahead import Looking, look
from dubctl.dubbing.lines import Line
from dubctl.dubbing.report import weight_digests
from dubctl.dubbing.section import sections_of
from dubctl.dubbing.session import DubRequest, check_outcome, perform, write_track
from dubctl.dubbing.timing import Timing
from dubctl.errors import DependencyError, DubctlError, InputError
from dubctl.files import content_key, write_json, write_jsonl
from dubctl.library.footage import file_digest
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.clip import ClipInfo
from dubctl.media.clock import samples_at
from dubctl.media.level import CEILING
from dubctl.media.mel import RATE
from dubctl.progress import Progress, silent

METHOD = 1  # raise it when the same line, prompt and weights would be spoken otherwise


@dataclass
class Film:
    """What became of the lines: done now, skipped (as they were), failed (id, why); `report` is OUT.json."""

    report: dict[str, Any] = field(default_factory=dict)
    done: int = 0
    skipped: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


def lines_folder(out: Path) -> Path:
    """Where the lines of the film OUT lie: OUT without its suffix, and .lines."""
    return out.with_suffix(".lines")


def dub_film(base: DubRequest, lines: Sequence[Line], info: ClipInfo, *, force: bool = False, keep_going: bool = True,
             progress: Progress = silent) -> Film:
    """Dub a film; writes OUT, OUT.json, and OUT.lines/ with ID.wav, ID.json and a manifest.jsonl for `eval`.

    Args:
        base: the request of every line but for what the line says: clip is the film, out the film's output.
        lines: in the order of their starts. info: the film.
        force: speak again what is finished.
        keep_going: leave a line that cannot be spoken silent; False stops at the first.

    Raises:
        InputError: no line could be spoken, or the first that could not without `keep_going`.
        UsageError: OUT would overwrite the film.
        DependencyError: something every line needs is missing.
    """
    check_outcome(base)
    timing, film = Timing(), Film()
    folder = lines_folder(base.out)
    work = [_Work(line, request, folder) for line, request in zip(lines, _requests(base, lines, info), strict=True)]
    common = _common(base)
    for item in work:
        item.key = _key(item.request, common)
    todo = [item for item in work if force or not item.finished()]
    film.skipped = len(work) - len(todo)
    _speak(todo, film, keep_going, lambda count, note: progress(film.skipped + count, len(work), note))
    _forget_others(folder, work)
    write_jsonl(folder / "manifest.jsonl", [item.row(film) for item in work])
    spoken = [item for item in work if not item.failed(film)]
    if not spoken:
        raise InputError(f"none of the {len(work)} lines could be spoken; the first, {film.failures[0][0]}: "
                         f"{film.failures[0][1]}", "see each in " + str(folder / "manifest.jsonl"))
    track = _mixed(spoken, info)
    write_track(base, track)
    film.report = _report(base, work, film, info, track, timing)
    write_json(base.out.with_suffix(".json"), film.report)
    return film


@dataclass
class _Work:
    """One line on its way: its request, and where its sound and report lie."""

    line: Line
    request: DubRequest
    folder: Path
    key: str = ""

    @property
    def report_path(self) -> Path:
        return self.request.out.with_suffix(".json")

    def finished(self) -> bool:
        return _read(self.report_path).get("key") == self.key and self.request.out.is_file()

    def failed(self, film: Film) -> str:
        """Why it could not be spoken, or ""."""
        return dict(film.failures).get(self.line.id, "")

    def row(self, film: Film) -> dict[str, Any]:
        """Its row of the manifest; paths are relative to it."""
        line, error = self.line, self.failed(film)
        row = {"id": line.id, "start": line.start, "end": line.end, "text": line.text, "speaker": line.speaker,
               "prompt": os.path.relpath(line.prompt, self.folder),
               "status": "failed" if error else "ok"}
        asked = line.wishes.feeling
        if asked is not None and asked.blend == 1:
            row["emotion"] = asked.name
        return row | ({"error": error} if error else {"dub": self.request.out.name})


def _requests(base: DubRequest, lines: Sequence[Line], info: ClipInfo) -> list[DubRequest]:
    folder, sections = lines_folder(base.out), sections_of([(line.start, line.end) for line in lines], info.duration)
    return [dataclasses.replace(base, script=line.text, prompt=line.prompt, out=folder / f"{line.id}.wav",
                                wishes=line.wishes, section=section)
            for line, section in zip(lines, sections, strict=True)]


def _common(base: DubRequest) -> dict[str, Any]:
    """What the sound of every line depends on beside the line."""
    return {"method": METHOD, "dubctl": __version__, "film": file_digest(base.clip), "k": base.k, "seed": base.seed,
            "takes": base.takes, "profile": base.profile, "parts": repr(base.parts), "vocoder": base.vocoder,
            "references": base.references, "weights": weight_digests(base.voice, base.vocoder),
            "library": None if base.library is None else file_digest(base.library / "library.json")}


def _key(request: DubRequest, common: dict[str, Any]) -> str:
    return content_key({**common, "text": request.script, "prompt": file_digest(request.prompt),
                        "section": repr(request.section), "wishes": repr(request.wishes)})


def _speak(todo: Sequence[_Work], film: Film, keep_going: bool, told: Callable[[int, str], None]) -> None:
    """Speak the lines in turn; while one is spoken the next is looked at."""
    ahead = _look(todo[0]) if todo else None
    for count, item in enumerate(todo):
        told(count, item.line.id)
        looking, ahead = ahead, _look(todo[count + 1]) if count + 1 < len(todo) else None
        try:
            _speak_one(item, looking)
        except DependencyError:
            raise
        except DubctlError as err:
            if not keep_going:
                raise InputError(f"line {item.line.id}: {err.message}", err.hint) from err
            item.report_path.unlink(missing_ok=True)  # an older one would pass for this line's
            film.failures.append((item.line.id, err.message))
        else:
            film.done += 1
    told(len(todo), "")


def _forget_others(folder: Path, work: Sequence[_Work]) -> None:
    """Remove lines that an earlier run made and the film no longer has: `eval` would take them for its own."""
    kept = {item.report_path for item in work}
    for path in folder.glob("*.json"):
        if path not in kept and "key" in _read(path):
            path.unlink()
            path.with_suffix(".wav").unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    """A finished line's report; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _look(item: _Work) -> Looking:
    request = item.request
    return look(request.clip, Timing(), lite=request.profile == "lite",
                section=request.section and request.section.seen)


def _speak_one(item: _Work, looking: Looking | None) -> None:
    timing = Timing()
    track, report = perform(item.request, timing=timing, looking=looking)
    save_wav(item.request.out, track, RATE)
    report["timing"] = timing.report(report["clip_seconds"])
    report |= {"id": item.line.id, "speaker": item.line.speaker, "key": item.key}
    write_json(item.report_path, report)  # the last: a line counts as finished once its report is there


def _mixed(spoken: Sequence[_Work], info: ClipInfo) -> np.ndarray:
    """All lines in one track (S,), as long as the film; where voices meet they add. One gain for all, if any."""
    track = np.zeros(samples_at(info.duration), np.float32)
    for item in spoken:
        # subtitles count from the file's start, the finished sound from its first picture
        first = samples_at(max(0.0, item.line.start - info.start))
        speech = load_audio(item.request.out, RATE)[: max(0, len(track) - first)]
        track[first: first + len(speech)] += speech
    peak = float(np.abs(track).max(initial=0.0))
    if peak > CEILING:
        track *= CEILING / peak
    return track


def _report(base: DubRequest, work: Sequence[_Work], film: Film, info: ClipInfo, track: np.ndarray,
            timing: Timing) -> dict[str, Any]:
    return {"schema_version": 1, "dubctl": __version__, "output": str(base.out), "clip": str(base.clip),
            "clip_seconds": info.duration, "samples": len(track), "rate": RATE, "profile": base.profile,
            "device": resolve_device(base.device), "seed": base.seed, "k": base.k, "vocoder": base.vocoder,
            "weights": weight_digests(base.voice, base.vocoder), "lines_folder": str(lines_folder(base.out)),
            "items": {"done": film.done, "skipped": film.skipped, "failed": len(film.failures)},
            "lines": [_told(item, film) for item in work], "timing": timing.report(info.duration)["total"]}


def _told(item: _Work, film: Film) -> dict[str, Any]:
    """A line in the film's report, its speech in the film's seconds."""
    row = item.row(film)
    if row["status"] != "ok":
        return row
    done, start = _read(item.report_path), item.line.start
    acted = done["found"]["acted"]
    return row | {"speech": {edge: round(start + done["speech"][edge], 4) for edge in ("start", "end")},
                  "stretch": done["speech"]["stretch"], "from_mouth": done["window"]["from_mouth"],
                  "acted": acted and {"name": acted["name"], "strength": acted["strength"]}, "notes": done["notes"]}
