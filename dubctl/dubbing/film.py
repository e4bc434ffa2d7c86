"""`dub_film`: the lines of a film, each spoken at its time in the voice of who says it, under the film's picture.

Every line is a clip of its own: what the camera shows while it is said is studied, its references are searched, it is
spoken to the mouth that is seen. Each lies finished in OUT.lines/ (wav and report), so that a second run speaks only
what has changed.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from dubctl import __version__
from dubctl.cores import free_memory
from dubctl.device import resolve_device
from dubctl.dubbing.ahead import Looking
from dubctl.dubbing.line_store import LineStore
from dubctl.dubbing.lines import Line
from dubctl.dubbing.report import weight_digests
from dubctl.dubbing.section import sections_of
from dubctl.dubbing.session import DubRequest, check_outcome, look_for, perform, write_track
from dubctl.dubbing.timing import Timing
from dubctl.errors import DependencyError, DubctlError, InputError
from dubctl.files import content_key, write_json, write_jsonl
from dubctl.library.footage import file_digest
from dubctl.media.clip import ClipInfo
from dubctl.media.clock import samples_at
from dubctl.media.level import CEILING
from dubctl.media.mel import RATE
from dubctl.progress import Progress, silent
from dubctl.workers import spread

METHOD = 4  # raise it when the same line, prompt and weights would be spoken otherwise
LINES_EACH = 4  # what a process must have to speak: it loads the voice anew
ALONE = 2  # cores that one process keeps busy: it looks at the next line meanwhile, and its vocoder has threads
BYTES_EACH = 1.5e9  # that a process takes (1.3 GB measured)
Spoken: TypeAlias = "tuple[np.ndarray, dict[str, Any]]"  # a line's track (S,) at 22,050 Hz and its report


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
             jobs: int = 1, progress: Progress = silent) -> Film:
    """Dub a film; writes OUT, OUT.json, and OUT.lines/ with ID.wav, ID.json and a manifest.jsonl for `eval`.

    Args:
        base: the request of every line but for what the line says: clip is the film, out the film's output.
        lines: in the order of their starts. info: the film.
        force: speak again what is finished.
        keep_going: leave a line that cannot be spoken silent; False stops at the first.
        jobs: processes at most; few lines, a GPU and the paper profile's models have one. The sound is the same.

    Raises:
        InputError: no line could be spoken, or the first that could not without `keep_going`.
        UsageError: OUT would overwrite the film.
        DependencyError: something every line needs is missing.
    """
    check_outcome(base)
    timing, film, store = Timing(), Film(), LineStore(lines_folder(base.out))
    work = [_Work(line, request) for line, request in zip(lines, _requests(base, lines, info, store), strict=True)]
    common = _common(base)
    for item in work:
        item.key = _key(item.request, common)
    store.renumber({item.line.id: item.key for item in work})
    todo = [item for item in work if force or not store.has(item.line.id, item.key)]
    film.skipped = len(work) - len(todo)
    _speak(todo, film, store, jobs, keep_going, lambda count, note: progress(film.skipped + count, len(work), note))
    store.keep_only(item.line.id for item in work)
    rows = [_row(item.line, base.clip, store, dict(film.failures).get(item.line.id, "")) for item in work]
    write_jsonl(store.folder / "manifest.jsonl", rows)
    spoken = [item.line for item, row in zip(work, rows, strict=True) if row["status"] == "ok"]
    if not spoken:
        raise InputError(f"none of the {len(work)} lines could be spoken; the first, {film.failures[0][0]}: "
                         f"{film.failures[0][1]}", f"see each in {store.folder / 'manifest.jsonl'}")
    track = _mixed(spoken, store, info)
    write_track(base, track)
    film.report = _report(base, [_told(row, store) for row in rows], film, info, track, timing)
    write_json(base.out.with_suffix(".json"), film.report)
    return film


@dataclass
class _Work:
    """One line on its way: its request, and the key of all that it depends on."""

    line: Line
    request: DubRequest
    key: str = ""


def _requests(base: DubRequest, lines: Sequence[Line], info: ClipInfo, store: LineStore) -> list[DubRequest]:
    sections = sections_of([(line.start, line.end) for line in lines], info.duration)
    return [dataclasses.replace(base, script=line.text, prompt=line.prompt, out=store.wav(line.id), wishes=line.wishes,
                                section=section)
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


def _speak(todo: Sequence[_Work], film: Film, store: LineStore, jobs: int, keep_going: bool,
           told: Callable[[int, str], None]) -> None:
    """Speak the lines; each is kept as soon as it is finished."""
    told(0, "")
    failed: dict[str, str] = {}
    for count, (item, spoken) in enumerate(_spoken(todo, _processes(todo, jobs)), 1):
        if not isinstance(spoken, DubctlError):
            track, report = spoken
            store.add(item.line.id, item.key, track, {**report, "speaker": item.line.speaker})
        elif keep_going:
            store.forget(item.line.id)
            failed[item.line.id] = spoken.message
        else:
            raise InputError(f"line {item.line.id}: {spoken.message}", spoken.hint) from spoken
        told(count, item.line.id)
    film.done = len(todo) - len(failed)
    film.failures = [(item.line.id, failed[item.line.id]) for item in todo if item.line.id in failed]


def _processes(todo: Sequence[_Work], jobs: int) -> int:
    """How many are worth their start and have room: on a GPU, or of a large model, there is one."""
    if jobs <= ALONE or not todo or todo[0].request.profile != "lite":
        return 1
    if resolve_device(todo[0].request.device) != "cpu":
        return 1
    return max(1, min(jobs, len(todo) // LINES_EACH, int(free_memory() / BYTES_EACH)))


def _spoken(todo: Sequence[_Work], processes: int) -> Iterator[tuple[_Work, Spoken | DubctlError]]:
    """Each line as it is finished; with one process in turn, and while one is spoken the next is looked at."""
    if processes > 1:
        items = {item.line.id: item for item in todo}
        done = spread({id: item.request for id, item in items.items()}, _attempt, processes)
        yield from ((items[id], spoken) for id, spoken in done)
        return
    ahead = look_for(todo[0].request, Timing()) if todo else None
    for count, item in enumerate(todo):
        looking, ahead = ahead, look_for(todo[count + 1].request, Timing()) if count + 1 < len(todo) else None
        yield item, _attempt(item.request, looking)


def _attempt(request: DubRequest, looking: Looking | None = None) -> Spoken | DubctlError:
    """A line, or why it cannot be spoken; what every line needs and is missing is raised."""
    timing = Timing()
    try:
        track, report = perform(request, timing=timing, looking=looking)
    except DependencyError:
        raise
    except DubctlError as err:
        return err
    report["timing"] = timing.report(report["clip_seconds"])
    return track, report


def _row(line: Line, clip: Path, store: LineStore, error: str) -> dict[str, Any]:
    """A line's row of the manifest; paths are relative to it."""
    row = {"id": line.id, "clip": os.path.relpath(clip, store.folder), "start": line.start, "end": line.end,
           "text": line.text, "speaker": line.speaker, "prompt": os.path.relpath(line.prompt, store.folder),
           "status": "failed" if error else "ok"}
    asked = line.wishes.feeling
    if asked is not None and asked.blend == 1:
        row["emotion"] = asked.name
    return row | ({"error": error} if error else {"dub": store.wav(line.id).name})


def _mixed(spoken: Sequence[Line], store: LineStore, info: ClipInfo) -> np.ndarray:
    """All lines in one track (S,), as long as the film; where voices meet they add. One gain for all, if any."""
    track = np.zeros(samples_at(info.duration), np.float32)
    for line in spoken:
        # subtitles count from the file's start, the finished sound from its first picture
        first = samples_at(max(0.0, line.start - info.start))
        speech = store.sound(line.id)[: max(0, len(track) - first)]
        track[first: first + len(speech)] += speech
    peak = float(np.abs(track).max(initial=0.0))
    if peak > CEILING:
        track *= CEILING / peak
    return track


def _report(base: DubRequest, lines: list[dict[str, Any]], film: Film, info: ClipInfo, track: np.ndarray,
            timing: Timing) -> dict[str, Any]:
    return {"schema_version": 1, "dubctl": __version__, "output": str(base.out), "clip": str(base.clip),
            "clip_seconds": info.duration, "samples": len(track), "rate": RATE, "profile": base.profile,
            "device": resolve_device(base.device), "seed": base.seed, "k": base.k, "vocoder": base.vocoder,
            "background": base.background and str(base.background),
            "weights": weight_digests(base.voice, base.vocoder), "lines_folder": str(lines_folder(base.out)),
            "items": {"done": film.done, "skipped": film.skipped, "failed": len(film.failures)},
            "lines": lines, "timing": timing.report(info.duration)["total"]}


def _told(row: dict[str, Any], store: LineStore) -> dict[str, Any]:
    """A line in the film's report: its row, and its speech in the film's seconds."""
    if row["status"] != "ok":
        return row
    done, start = store.report(row["id"]), row["start"]
    acted = done["found"]["acted"]
    return row | {"speech": {edge: round(start + done["speech"][edge], 4) for edge in ("start", "end")},
                  "stretch": done["speech"]["stretch"], "from_mouth": done["window"]["from_mouth"],
                  "acted": acted and {"name": acted["name"], "strength": acted["strength"]}, "notes": done["notes"]}
