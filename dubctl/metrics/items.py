"""What to evaluate: a folder of dubs with their reports, a JSONL manifest, or a manifest on stdin."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from dubctl.errors import InputError
from dubctl.files import parse_jsonl, piped_text, read_jsonl
from dubctl.metrics.base import EvalItem

# the names a field may have in a manifest row or a dub's report, first found wins
_ALIASES = {
    "dub": ("dub", "output", "out"), "text": ("text", "script"), "prompt": ("prompt",),
    "reference": ("reference", "reference_audio"), "clip": ("clip",), "speaker": ("speaker",),
    "emotion": ("emotion",), "failed": ("failed", "error"),
}
_PATHS = ("dub", "prompt", "reference", "clip")
_MEDIA = (".mp4", ".mkv", ".mov", ".wav", ".flac", ".opus", ".mp3", ".webm")
SKIPPED = {"node_modules", "__pycache__", "site-packages"}
TAKES = "eval takes the folder that `dubctl dub -o` wrote to, or a JSONL manifest (rows: dub, text, prompt)"


def load_items(source: Path | str | None = None, stdin: TextIO | None = None) -> list[EvalItem]:
    """Items to score, in order.

    Args:
        source: a folder of dubs with their reports, a JSONL manifest or a folder with `manifest.jsonl`, or "-" for
            stdin; None reads stdin if something is piped into it, else the current folder. In a folder with both, the
            manifest's rows add what reports do not say (emotion, reference, speaker), by id.

    Raises:
        InputError: nothing there to evaluate, a row that cannot be read (with its line), two rows of one id.
    """
    if source is None:
        text = piped_text(stdin) if stdin is not None and _is_piped(stdin) else ""
        return items_from_rows(parse_jsonl(text, "stdin"), Path(), "stdin") if text.strip() else load_items(Path())
    if str(source) == "-":
        if stdin is None:
            raise InputError("no manifest on stdin")
        return items_from_rows(parse_jsonl(piped_text(stdin), "stdin"), Path(), "stdin")
    path = Path(source)
    if path.is_dir():
        return _from_folder(path)
    if path.is_file() and path.suffix.lower() in (*_MEDIA, ".avi", ".mpg", ".m4v", ".m4a", ".ogg", ".aac"):
        raise InputError(f"{path} is a recording, not a list of dubs", TAKES)
    if _is_binary(path):
        raise InputError(f"{path} is not text", TAKES)
    return items_from_rows(read_jsonl(path), path.parent, str(path))


def _is_binary(path: Path) -> bool:
    """Whether a file is no UTF-8 text; one that cannot be read is not judged here."""
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return True
    except OSError:
        return False
    return False


def _is_piped(stdin: TextIO) -> bool:
    """Whether stdin is a pipe or a file; a terminal, /dev/null or a daemon's socket must not be waited on."""
    try:
        mode = os.fstat(stdin.fileno()).st_mode
    except (OSError, ValueError):  # a stand-in without a descriptor
        return not stdin.isatty()
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def items_from_rows(rows: Iterable[Mapping[str, Any]], root: Path, where: str) -> list[EvalItem]:
    """Items of manifest rows; relative paths start at `root`, the manifest's folder.

    A row has id (else the dub's name), dub (or output), text (or script), and what its metrics need of prompt,
    reference, clip, speaker, emotion. `start` and `end` beside `clip` are the seconds of it that the dub belongs to: a
    line of a film. A row with `failed` (or `error`) is a dub that could not be made.
    """
    items: list[EvalItem] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        item = _item(row, root, where, number)
        if item.id in seen:
            raise InputError(f"{where}, row {number}: id '{item.id}' again (first in row {seen[item.id]})",
                             "give every row its own id", line=number)
        seen[item.id] = number
        items.append(item)
    if not items:
        raise InputError(f"{where}: no rows to evaluate", "one JSON object per line: dub, text, prompt")
    return items


def _item(row: Mapping[str, Any], root: Path, where: str, number: int) -> EvalItem:
    fields: dict[str, Any] = {}
    for name, aliases in _ALIASES.items():
        value = next((row[alias] for alias in aliases if row.get(alias)), "")
        if isinstance(value, dict) and name == "failed":  # the error object of --json
            value = value.get("message") or "failed"
        if not isinstance(value, str):
            raise InputError(f"{where}, row {number}: '{name}' is not text", line=number)
        fields[name] = value
    for name in _PATHS:
        fields[name] = root / Path(fields[name]).expanduser() if fields[name] else None
    dub = fields["dub"]
    name = str(row.get("id") or (dub.stem if dub else ""))
    if not name:
        raise InputError(f"{where}, row {number}: neither id nor dub", "name the dubbed file in 'dub'", line=number)
    report = row.get("report")
    return EvalItem(id=name, report=dict(report) if isinstance(report, Mapping) else {},
                    section=_section(row, where, number) if fields["clip"] else None, **fields)


def _section(row: Mapping[str, Any], where: str, number: int) -> tuple[float, float] | None:
    """Of the clip, what a manifest's row is about; None where it names no `start` and `end`."""
    if row.get("start") is None or row.get("end") is None:
        return None
    try:
        start, end = float(row["start"]), float(row["end"])
    except (TypeError, ValueError):
        start, end = 0.0, math.nan
    if not 0 <= start < end < math.inf:
        raise InputError(f"{where}, row {number}: 'start' and 'end' are no times in the clip", "seconds, start before "
                         "end", line=number)
    return start, end


def _from_folder(folder: Path) -> list[EvalItem]:
    items = [item for path in sorted(_json_below(folder)) if (item := _from_report(path, folder))]
    manifest = folder / "manifest.jsonl"
    told = items_from_rows(read_jsonl(manifest), folder, str(manifest)) if manifest.is_file() else []
    if items:
        known = {item.id: item for item in told}
        return [_completed(item, known[item.id]) if item.id in known else item for item in items]
    if told:
        return told
    raise InputError(f"no dubs to evaluate in {folder.resolve()}", TAKES)


def _json_below(folder: Path) -> Iterator[Path]:
    """JSON files of a folder and below, but of no hidden folder, virtual environment or package folder: started in a
    home or checkout, eval would otherwise read thousands of files that are nobody's dubs."""
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED
                      and not (Path(root) / name / "pyvenv.cfg").is_file()]
        yield from (Path(root) / name for name in files if name.endswith(".json"))


def _completed(item: EvalItem, row: EvalItem) -> EvalItem:
    """A dub's report with what the manifest's row of the same id adds: emotion, reference, speaker …"""
    missing = {f.name: getattr(row, f.name) for f in dataclasses.fields(item) if not getattr(item, f.name)}
    return dataclasses.replace(item, **missing)


def _from_report(path: Path, folder: Path) -> EvalItem | None:
    """The item of a dub's report OUT.json beside OUT.mp4 or OUT.wav; None for another JSON file."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        if any(path.with_suffix(suffix).is_file() for suffix in _MEDIA):
            raise InputError(f"cannot read the report {path}: {err}", "dub that clip again") from err
        return None
    if not isinstance(report, dict) or "script" not in report or "output" not in report:
        return None
    fields = {name: next((report[a] for a in aliases if isinstance(report.get(a), str) and report[a]), "")
              for name, aliases in _ALIASES.items()}
    section = report.get("section")  # a line of a film
    if section:
        fields["clip"] = report.get("film", "")
    # the folder may have moved since: what lies beside the report comes first
    output = path.with_suffix(Path(fields["dub"]).suffix) if fields["dub"] else path
    for name in _PATHS:
        fields[name] = _locate(fields[name], path.parent)
    fields["dub"] = output if output.is_file() else fields["dub"]
    return EvalItem(id=path.relative_to(folder).with_suffix("").as_posix(), report=report,
                    section=(section[0], section[1]) if section else None, **fields)


def _locate(recorded: str, folder: Path) -> Path | None:
    """A path out of a report: as recorded, else beside the report; as recorded if neither exists."""
    if not recorded:
        return None
    path = Path(recorded)
    beside = folder / path
    return path if path.exists() or not beside.exists() else beside
