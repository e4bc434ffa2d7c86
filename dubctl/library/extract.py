"""Footage in, library out: the four emotion extractors over every clip of a dataset, resumable and parallel."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dubctl.emotion.base import EmotionSpace, LipTrack, Profile
from dubctl.errors import InputError
from dubctl.files import content_key
from dubctl.library.datasets import DatasetItem, read_dataset
from dubctl.library.footage import MAX_SIDE, file_digest, footage_digests
from dubctl.library.journal import Journal, locked, start_over, write_settings
from dubctl.library.schema import FPS, MASKS, RATE, VECTORS, ClipRow, store_path
from dubctl.library.store import read_spaces, write_library
from dubctl.progress import Progress, silent

METHOD = 1  # raise it when the same media, text and models would give other vectors
CUTS = 2  # the same for cuts of a longer film; 2: picture and sound begin together
Loader = Callable[[], Profile]


@dataclass
class ExtractReport:
    """What happened to each clip: done now, skipped (finished before), failed; failures are (id, why)."""

    path: Path
    done: int = 0
    skipped: int = 0
    failed: int = 0
    warnings: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)


def extract_dataset(source: str | Path, out: str | Path, profile: Profile, *, jobs: int = 1, force: bool = False,
                    keep_going: bool = True, progress: Progress = silent, loader: Loader | None = None
                    ) -> ExtractReport:
    """Make or update the library `out` from the dataset `source`.

    Clips finished by an earlier run, cut off or not, are skipped; rows of clips that left the dataset go. The result
    depends neither on `jobs` nor on how often the work was cut off.

    Args:
        source: a folder, a manifest, or "-" (see `dubctl.library.datasets`).
        profile: the extractors. jobs: worker processes; each makes its own profile with `loader`, by default
            `load_profile(profile.name)`.
        force: start over where the folder was made with other spaces, or was complete.
        keep_going: report an unreadable clip and go on; False stops at the first.

    Raises:
        InputError: an unreadable dataset, a library of other spaces without `force`, no clip that could be
            extracted, or the first bad clip without `keep_going`.
        UsageError: another extraction is writing `out`.
        DependencyError: ffmpeg or weights are missing, or a worker process was killed.
    """
    out = Path(out)
    items = read_dataset(source)
    with locked(out / "work"):
        settings = _settings(profile)
        _prepare(out, settings, force)
        journal = Journal(out / "work")
        report = ExtractReport(out, warnings=list(journal.warnings))
        keys, errors = _keys(items, settings)
        _work(items, keys, errors, journal, report, keep_going, progress, profile, jobs,
              loader or functools.partial(_load, profile.name))
        if len(errors) == len(items):
            raise InputError(f"none of the {len(items)} clips of {source} could be extracted; the first, "
                             f"{items[0].id}: {errors[items[0].id]}", "check the media with `dubctl doctor`")
        _write(out, items, keys, errors, journal, profile, report)
        journal.keep_only({key for id, key in keys.items() if id not in errors})
        write_settings(out / "work", settings, complete=True)
    return report


def _load(name: str) -> Profile:
    from dubctl.emotion.profiles import load_profile

    return load_profile(name)


def _settings(profile: Profile) -> dict[str, Any]:
    return {"method": METHOD, "profile": profile.name, "rate": RATE, "fps": FPS, "max_side": MAX_SIDE,
            "spaces": {name: space.as_dict() for name, space in profile.spaces().items()}}


def _prepare(out: Path, settings: dict[str, Any], force: bool) -> None:
    """Refuse a folder made with other settings, or with `force` clear it; an unfinished forced run goes on."""
    file = out / "work" / "settings.json"
    before: dict[str, Any] = {}
    if file.is_file():
        try:
            before = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as err:
            raise InputError(f"cannot read {file}: {err}", "delete that file and run again") from err
    elif (made := read_spaces(out)) is not None and not force:
        before = {**settings, "profile": made[0], "spaces": {name: space.as_dict() for name, space in made[1].items()}}
    complete = before.pop("complete", False)
    if before and before != settings:
        if not force:
            raise InputError(f"{out} was made with {_made_with(before)}, not with {_made_with(settings)}",
                             "give another -o, or --force to make it anew")
        start_over(out / "work")
    elif force and complete:
        start_over(out / "work")
    for scrap in (*out.glob(".*.part*"), *(out / "work").glob(".*.part*")):
        scrap.unlink()  # a killed run left it; nobody else writes here while the lock is held
    write_settings(out / "work", settings, complete=False)


def _made_with(settings: dict[str, Any]) -> str:
    spaces = {name: EmotionSpace(**space) for name, space in settings.get("spaces", {}).items()}
    names = ", ".join(f"{name} {space}" for name, space in spaces.items())
    return f"profile {settings.get('profile')} method {settings.get('method')} [{names}]"


def _keys(items: Sequence[DatasetItem], settings: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Content key of each clip by id, and why a clip has none."""
    keys, errors = dict[str, str](), dict[str, str]()
    for item in items:
        try:
            if item.problem:
                raise InputError(item.problem)
            media = [None if path is None else file_digest(path) for path in (item.video, item.audio)]
            cut = [] if item.start is None and item.end is None else [CUTS]
            keys[item.id] = content_key([settings, media, item.start, item.end, item.text, *cut])
        except InputError as err:
            errors[item.id] = err.message
    return keys, errors


def _work(items: Sequence[DatasetItem], keys: dict[str, str], errors: dict[str, str], journal: Journal,
          report: ExtractReport, keep_going: bool, progress: Progress, profile: Profile, jobs: int,
          loader: Loader) -> None:
    """Extract what the journal lacks; fills `errors` and the report's counts."""
    from dubctl.library.workers import results  # its worker processes import less when it stands alone

    def fail(id: str, why: str) -> None:
        errors[id] = why
        report.failures.append((id, why))
        report.failed += 1
        if not keep_going:
            raise InputError(f"{id}: {why}", "leave --keep-going on to skip bad clips; finished clips are kept")

    for id, why in list(errors.items()):
        fail(id, why)
    known = {id for id, key in keys.items() if key in journal}
    report.skipped = seen = len(known)
    todo: dict[str, list[DatasetItem]] = {}  # two clips with the same media and text are one piece of work
    for item in items:
        if item.id in keys and item.id not in known:
            todo.setdefault(keys[item.id], []).append(item)
    seen += report.failed
    progress(seen, len(items), "")
    for key, extracted in results({key: same[0] for key, same in todo.items()}, profile, loader, jobs):
        if not extracted.error:
            journal.add(key, todo[key][0].id, extracted.facts, extracted.arrays)
        for item in todo[key]:
            seen += 1
            progress(seen, len(items), item.id)
            if extracted.error:
                fail(item.id, extracted.error)
            else:
                report.done += 1


def _write(out: Path, items: Sequence[DatasetItem], keys: dict[str, str], errors: dict[str, str], journal: Journal,
           profile: Profile, report: ExtractReport) -> None:
    """Gather the finished clips into the library's files; the audio is normalised within each speaker only now."""
    spaces, count = profile.spaces(), len(items)
    vectors = {name: np.zeros((count, spaces[MASKS[name]].dim), np.float32) for name in VECTORS}
    masks = {name: np.zeros(count, bool) for name in dict.fromkeys(MASKS.values())}
    rows, lips = list[ClipRow](), list[LipTrack | None]()
    for place, item in enumerate(items):
        if item.id in errors:
            rows.append(_clip_row(item, out, status="failed", error=errors[item.id]))
            lips.append(None)
            continue
        facts, arrays = journal.read(keys[item.id])
        for name, mask in MASKS.items():
            stored = "audio_raw" if name == "audio" else name
            if stored in arrays:
                vectors[name][place], masks[mask][place] = arrays[stored], True
        digests = footage_digests(item.video, item.audio, item.start, item.end)
        rows.append(_clip_row(item, out, key=keys[item.id], digests=digests, **facts))
        lips.append(LipTrack(arrays["opening"], arrays["width"], arrays["visible"]) if "opening" in arrays else None)
    heard = np.flatnonzero(masks["audio"])
    if heard.size:
        vectors["audio"][heard] = profile.audio.normalise(vectors["audio"][heard], [rows[i].speaker for i in heard])
    write_library(out, rows, vectors, masks, spaces, profile.name, lips)
    silent_rows = [row.id for row in rows if row.status == "ok" and row.warnings]
    if silent_rows:
        report.warnings.append(f"{len(silent_rows)} clips lack something (see `warnings` in their rows), "
                               f"e.g. {silent_rows[0]}")


def _clip_row(item: DatasetItem, out: Path, **facts: Any) -> ClipRow:
    return ClipRow(id=item.id, speaker=item.speaker, text=item.text, emotion=item.emotion, split=item.split,
                   film=item.film, video=store_path(item.video, out), audio=store_path(item.audio, out),
                   start=item.start, end=item.end, extra=item.extra, **facts)
