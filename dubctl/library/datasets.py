"""Reading reference footage as people have it on disk. Every layout is one reader in `READERS`.

Known now: a manifest (`manifest.jsonl` or `manifest.csv` in a folder, any such file by its path, or "-" for stdin),
and a folder of media with the words beside them (`.txt` or `.lab`).
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dubctl.errors import InputError
from dubctl.library.schema import ROW_FIELDS

VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".ts", ".flv", ".wmv"})
AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".opus", ".ogg", ".m4a", ".aac"})
TEXT_SUFFIXES = (".txt", ".lab")
MANIFESTS = ("manifest.jsonl", "manifest.csv")
COLUMNS = ("id", "video", "audio", "text", "speaker", "emotion", "split", "film", "start", "end")


@dataclass(frozen=True)
class DatasetItem:
    """One clip to extract. `problem` is why it cannot be (its media are missing, its text unreadable), or "".

    start, end: seconds inside the media, None for the whole. line: its line in the manifest. extra: other columns.
    """

    id: str
    video: Path | None = None
    audio: Path | None = None
    text: str = ""
    speaker: str = ""
    emotion: str = ""
    split: str = ""
    film: str = ""
    start: float | None = None
    end: float | None = None
    line: int | None = None
    problem: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class DatasetReader(NamedTuple):
    """A layout: `claims(source)` says whether a path has it, `read(source)` gives its clips in order."""

    name: str
    claims: Callable[[str], bool]
    read: Callable[[str], list[DatasetItem]]


def read_dataset(source: str | Path) -> list[DatasetItem]:
    """Clips of a dataset, in a fixed order, with unique ids.

    Raises:
        InputError: nothing there, a bad manifest row (with its line), a repeated id, or no clip at all.
    """
    source = str(source)
    reader = next((reader for reader in READERS if reader.claims(source)), None)
    if reader is None:
        what = "not a folder, .jsonl or .csv file" if Path(source).exists() else "no such file or folder"
        raise InputError(f"cannot read a dataset from {source}: {what}",
                         "give a folder of clips, a manifest, or - for a manifest on stdin")
    items = reader.read(source)
    if not items:
        raise InputError(f"no clips in {source}",
                         f"expected {MANIFESTS[0]}, {MANIFESTS[1]}, or media with .txt or .lab files beside them")
    lines: dict[str, int | None] = {}
    for item in items:
        if item.id in lines:
            places = f" (lines {lines[item.id]} and {item.line})" if item.line else ""
            raise InputError(f"{source}: two clips have the id `{item.id}`{places}", "ids must be unique",
                             line=item.line)
        lines[item.id] = item.line
    return items


def _manifest_of(source: str) -> Path | None:
    path = Path(source)
    if path.is_file():
        return path if path.suffix in {".jsonl", ".csv"} else None
    return next((path / name for name in MANIFESTS if (path / name).is_file()), None)


def _read_manifest(source: str) -> list[DatasetItem]:
    path = _manifest_of(source)
    assert path is not None  # the reader claimed it
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(f"cannot read {path}: {err}", "a manifest is UTF-8 text") from err
    return parse_manifest(text, str(path), path.parent, path.suffix == ".csv")


def _read_stdin(_: str) -> list[DatasetItem]:
    text = sys.stdin.read()
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


def _media_below(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*")
                  if path.suffix.lower() in VIDEO_SUFFIXES | AUDIO_SUFFIXES and path.is_file()
                  and not any(part.startswith(".") for part in path.relative_to(root).parts))


def _read_loose(source: str) -> list[DatasetItem]:
    root = Path(source)
    clips: dict[Path, dict[str, Path]] = {}
    for path in _media_below(root):
        kind = "video" if path.suffix.lower() in VIDEO_SUFFIXES else "audio"
        clips.setdefault(path.with_suffix(""), {}).setdefault(kind, path)
    stems = [clip.name for clip in clips]
    return [_loose_item(root, clip, media, stems.count(clip.name) == 1) for clip, media in clips.items()]


def _loose_item(root: Path, clip: Path, media: Mapping[str, Path], unique: bool) -> DatasetItem:
    nested = clip.parent != root
    text, problem = _text_beside(clip)
    return DatasetItem(id=clip.name if unique else clip.relative_to(root).as_posix(), video=media.get("video"),
                       audio=media.get("audio"), text=text, speaker=clip.parent.name if nested else "", problem=problem)


def _text_beside(clip: Path) -> tuple[str, str]:
    """The words in the .txt or .lab file beside a clip, and what is wrong with that file."""
    file = next((found for suffix in TEXT_SUFFIXES if (found := clip.with_name(clip.name + suffix)).is_file()), None)
    if file is None:
        return "", ""
    try:
        return " ".join(file.read_text(encoding="utf-8-sig").split()), ""
    except (OSError, UnicodeDecodeError) as err:
        return "", f"cannot read {file}: {err}"


READERS: list[DatasetReader] = [
    DatasetReader("stdin manifest", lambda source: source == "-", _read_stdin),
    DatasetReader("manifest", lambda source: _manifest_of(source) is not None, _read_manifest),
    DatasetReader("media with text beside them", lambda source: Path(source).is_dir(), _read_loose),
]


def describe_readers(readers: Iterable[DatasetReader] = READERS) -> str:
    """The layouts `extract` reads, for help texts."""
    return "; ".join(reader.name for reader in readers)
