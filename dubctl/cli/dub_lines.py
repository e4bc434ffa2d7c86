"""`dubctl dub FILM --lines FILE`: a whole film, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubctl.cli.contract import Run
from dubctl.cli.inputs import existing_file, stdin_text
from dubctl.errors import InputError
from dubctl.media.subtitles import read_text
from dubctl.synth.direction import Direction

if TYPE_CHECKING:
    from dubctl.dubbing.acted import Feeling
    from dubctl.dubbing.cast import Cast

NAMED = 5  # lines that one warning names


def dub_lines(run: Run, common: Mapping[str, Any], value: str, cast: Cast, own: Direction,
              feeling: Feeling | None) -> None:
    """Read the lines of FILE (or stdin for `-`), check all of them, and dub the film.

    Args:
        common: what every line's request has, by the names of `DubRequest`.
    """
    from dubctl.dubbing.film import dub_film, lines_folder
    from dubctl.dubbing.lines import read_lines
    from dubctl.dubbing.session import DubRequest
    from dubctl.media.clip import probe

    film, out = common["clip"], common["out"]
    info = probe(film)
    if not info.has_video:
        raise InputError(f"{film} has no picture", "give a video")
    text, where, folder = _read(value)
    script = read_lines(text, where, cast, info.duration, own, feeling, folder)
    _warn(run, "nothing to speak, left out", script.silent)
    if info.has_audio and common["background"] is None:
        run.warn("the film's own sound is left out (to keep music and effects: --background FILE)")
    if run.dry_run:
        count = len(script.lines)
        run.say(f"would dub {count} line{'s' * (count > 1)} of {film} to {out}")
        return
    base = DubRequest(**common, prompt=script.lines[0].prompt)
    with run.progress("dub") as progress:
        done = dub_film(base, script.lines, info, force=run.force, keep_going=run.settings.keep_going,
                        jobs=run.settings.jobs, progress=progress)
    for id, why in done.failures:
        run.warn(f"line {id}: {why}")
    notes: dict[str, list[str]] = {}
    for row in done.report["lines"]:
        for note in row.get("notes", ()):
            notes.setdefault(note, []).append(row["id"])
    for note, ids in notes.items():
        _warn(run, note, ids)
    run.result, run.device = done.report, done.report["device"]
    run.wrote(out)
    run.outputs += [str(out.with_suffix(".json")), str(lines_folder(out))]
    run.count(done.done, done.skipped, len(done.failures), "they are silent in the film; the reasons stand above")


def _read(value: str) -> tuple[str, str, Path]:
    """The text, its name, and the folder that paths in it start from."""
    if value == "-":
        return stdin_text("--lines -"), "stdin", Path()
    path = existing_file(Path(value), "file of lines")
    return read_text(path), str(path), path.parent


def _warn(run: Run, what: str, ids: Iterable[str]) -> None:
    """One warning for all lines of which the same is to be said."""
    ids = list(ids)
    if ids:
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        run.warn(f"line{'s' * (len(ids) > 1)} {', '.join(ids[:NAMED])}{more}: {what}")
