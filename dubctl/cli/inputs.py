"""Arguments that may be text, a file, or `-` for stdin."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dubctl.errors import InputError, UsageError
from dubctl.media.subtitles import are_subtitles, decode, parse_subtitles, read_text, without_tags

if TYPE_CHECKING:
    from dubctl.cli.contract import Run
    from dubctl.emotion.paper.parts import PaperParts

BUILT_IN = "built-in"  # what the references of the shipped library call it


def paper_parts_of(run: Run) -> PaperParts | None:
    """The parts of the paper profile as the settings name them, None under another profile.

    Raises:
        UsageError: an unknown part (the nearest is named).
    """
    settings, resolved = run.settings, run.resolved
    if settings.profile != "paper":
        return None
    from dubctl.emotion.paper.parts import paper_parts

    return paper_parts(resolved.paper, f"{resolved.file} [paper]", settings.device, settings.trust_remote_code,
                       settings.device_map or "")


def warn_other_profile(run: Run, library: Path, profile: str) -> None:
    """Say so where the user asked for a profile and a library is of another: its own vectors are what is used."""
    asked = run.resolved.origins.get("profile", "default") != "default"
    if asked and profile not in (run.settings.profile, "imported"):
        run.warn(f"{library} is of the profile {profile}, not {run.settings.profile}: its own vectors are used "
                 f"(others: dubctl extract DATASET -o LIB --profile {run.settings.profile})")


def read_script(value: str) -> str:
    """The script: TEXT as given, `@FILE`, or `-` for stdin; of subtitles their text alone.

    Raises:
        InputError: the file is missing, or there are no words.
    """
    if value == "-":
        text = stdin_text("--script -")
    elif value.startswith("@"):
        text = read_text(existing_file(Path(value[1:]), "script file"))
    else:
        text = value
    if are_subtitles(text):
        text = " ".join(cue.text for cue in parse_subtitles(text, "the script"))
    text = without_tags(text)  # no reader of feelings should see them either
    if not text.strip():
        raise InputError("the script is empty", 'give the line to speak: --script "..."')
    return " ".join(text.split())


def parse_window(text: str) -> tuple[float, float | None]:
    """`START:END`, `START:` or `:END`, seconds; no end: the clip's.

    Raises:
        UsageError: it says no such thing.
    """
    start, colon, end = text.partition(":")
    try:
        found = float(start or 0), float(end) if end.strip() else None
    except ValueError:
        found = (math.nan, None)
    if not colon or not (start or end) or not 0 <= found[0] < (math.inf if found[1] is None else found[1]):
        raise UsageError(f"--window {text}: no such time",
                         "give START:END in seconds, as 0.5:2.1; either may be left out")
    return found


def read_rows(value: str, flag: str) -> list[dict[str, Any]]:
    """Rows of the JSONL file `value`, or of stdin for `-`; `flag` appears in messages."""
    from dubctl.files import parse_jsonl, piped_text, read_jsonl

    if value == "-":
        return parse_jsonl(piped_text(_piped(f"{flag} -")), "stdin", drop_cut_line=False)
    return read_jsonl(value, drop_cut_line=False)


def stdin_text(flag: str) -> str:
    """All of stdin, read as a file of text would be.

    Raises:
        UsageError: stdin is a terminal.  InputError: it is no text.
    """
    return decode(_piped(flag).buffer.read(), "stdin")


def _piped(flag: str) -> TextIO:
    """Stdin. Raises UsageError where it is a terminal, so that nothing would ever come."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(f"{flag} reads stdin, but nothing is piped into it", "pipe a file in, or name one")
    return sys.stdin


def existing_file(path: Path, what: str) -> Path:
    """`path`, checked before any model loads.

    Raises:
        InputError: no such file, or a folder.
    """
    if path.is_dir():
        raise InputError(f"{what} is a folder, not a file: {path}")
    if not path.exists():
        raise InputError(f"no such {what}: {path}", "check the path")
    return path


def existing_library(path: Path | None) -> Path | None:
    """A library's folder, checked before any model loads; None for the built-in one, by no name or by its own.

    Raises:
        InputError: no such folder.
    """
    if path is None or str(path) == BUILT_IN:
        return None
    if not path.is_dir():
        raise InputError(f"no such library folder: {path}", "make one with: dubctl extract DATASET -o LIB")
    return path
