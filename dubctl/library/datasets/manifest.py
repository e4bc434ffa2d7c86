"""Manifests: `manifest.jsonl` or `manifest.csv` in a folder, any such file by its path, or "-" for stdin."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dubctl.errors import InputError
from dubctl.files import piped_text
from dubctl.library.datasets.base import DatasetItem
from dubctl.library.schema import ROW_FIELDS

MANIFESTS = ("manifest.jsonl", "manifest.csv")
COLUMNS = ("id", "video", "audio", "text", "speaker", "emotion", "split", "film", "start", "end")


def manifest_of(source: str) -> Path | None:
    """The manifest that a path is or holds."""
    path = Path(source)
    if path.is_file():
        return path if path.suffix in {".jsonl", ".csv"} else None
    return next((path / name for name in MANIFESTS if (path / name).is_file()), None)


def read_manifest(source: str) -> list[DatasetItem]:
    """Clips of the manifest that `source` is or holds. Raises InputError where it cannot be read."""
    path = manifest_of(source)
    assert path is not None  # the reader claimed it
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(f"cannot read {path}: {err}", "a manifest is UTF-8 text") from err
    return parse_manifest(text, str(path), path.parent, path.suffix == ".csv")


def read_stdin(_: str) -> list[DatasetItem]:
    """Clips of a manifest on stdin, JSONL or CSV; media paths start at the current folder."""
    text = piped_text(sys.stdin)
    return parse_manifest(text, "stdin", Path.cwd(), not text.lstrip("\ufeff \t\r\n").startswith("{"))


def parse_manifest(text: str, name: str, folder: Path, is_csv: bool) -> list[DatasetItem]:
    """Clips of a manifest's text; media paths are relative to `folder`, `name` appears in messages.

    Raises:
        InputError: a bad row, with its line number.
    """
    rows = _csv_rows(text, name) if is_csv else _json_rows(text, name)
    return [_item(row, f"{name}, line {line}", line, folder) for line, row in rows]


def _json_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, words in enumerate(text.split("\n"), 1):
        if not words.strip():
            continue
        try:
            row = json.loads(words)
        except json.JSONDecodeError as err:
            raise InputError(f"{name}, line {line}: not JSON ({err.msg})", "one JSON object per line", line) from err
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {line}: expected a JSON object", "one JSON object per line", line)
        yield line, row


def _csv_rows(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if not {"id", "video", "audio"} & set(reader.fieldnames or ()):
        raise InputError(f"{name}, line 1: no column is named id, video or audio",
                         f"the first line names the columns: {','.join(COLUMNS)}", 1)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise InputError(f"{name}, line {reader.line_num}: {len(reader.fieldnames or ())} columns expected",
                                 "quote values that hold a comma", reader.line_num)
            yield reader.line_num, {column: value for column, value in row.items() if value != ""}
    except csv.Error as err:
        start = reader.line_num + 1  # the row that failed begins after the last one read
        raise InputError(f"{name}, line {start}: {err}", "is a quote left open?", start) from err


def _item(row: Mapping[str, Any], where: str, line: int, folder: Path) -> DatasetItem:
    words = {name: _words(row, name, where, line) for name in COLUMNS[:-2]}
    if not words["video"] and not words["audio"]:
        raise InputError(f"{where}: the row has neither `video` nor `audio`", "name at least one media file", line)
    media = {kind: folder / words[kind] if words[kind] else None for kind in ("video", "audio")}
    start, end = (_seconds(row, name, where, line) for name in ("start", "end"))
    if end is not None and end <= (start or 0.0):
        raise InputError(f"{where}: `end` ({end}) is not after `start` ({start or 0.0})", line=line)
    missing = [path for path in media.values() if path is not None and not path.is_file()]
    named = media["video"] or media["audio"]
    assert named is not None
    return DatasetItem(
        id=words["id"] or named.stem, **media, **{name: words[name] for name in COLUMNS[3:-2]}, start=start, end=end,
        line=line, problem=f"no such file: {missing[0]}" if missing else "",
        extra={name: value for name, value in row.items() if name not in ROW_FIELDS})


def _words(row: Mapping[str, Any], name: str, where: str, line: int) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, (list, dict, bool)) or (name in {"video", "audio"} and not isinstance(value, str)):
        raise InputError(f"{where}: `{name}` should be text, not {value!r:.60}", line=line)
    return " ".join(str(value).split()) if name not in {"video", "audio"} else str(value)


def _seconds(row: Mapping[str, Any], name: str, where: str, line: int) -> float | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if isinstance(value, bool) or not math.isfinite(seconds) or seconds < 0:
        raise InputError(f"{where}: `{name}` should be seconds, not {value!r:.60}", line=line)
    return seconds
