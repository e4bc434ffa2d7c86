"""Writing and reading plain files so that nothing is ever half written or silently lost."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from dubctl.errors import InputError


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success flush, fsync and rename it over `target`.

    The temporary name keeps the suffix, so that writers that look at it (ffmpeg, soundfile) work. On any exception
    the temporary file is removed and `target` stays as it was.

    Raises:
        InputError: the folder cannot be written.
    """
    target = Path(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=f".part{target.suffix}", dir=target.parent)
    except OSError as err:
        raise InputError(f"cannot write {target}: {err.strerror}", "choose another output path") from err
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as done:
            os.fsync(done.fileno())
        os.chmod(part, 0o666 & ~_umask())  # mkstemp makes 0600 files; outputs get the user's usual mode
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(target: Path | str, text: str) -> None:
    """Write `text` (UTF-8) atomically."""
    with atomic_path(target) as part:
        part.write_text(text, encoding="utf-8")


def write_json(target: Path | str, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(target, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_jsonl(target: Path | str, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object per line, atomically."""
    write_text(target, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def append_jsonl(target: Path | str, row: dict[str, Any]) -> None:
    """Append one row, flushed and fsynced, mending a last line that a kill has cut."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("ab+") as sink:
        if sink.tell():
            sink.seek(-1, os.SEEK_END)
            if sink.read(1) != b"\n":
                sink.write(b"\n")
        sink.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
        sink.flush()
        os.fsync(sink.fileno())


def read_jsonl(source: Path | str, *, drop_cut_line: bool = True) -> list[dict[str, Any]]:
    """Rows of a JSONL file; a cut last line (no newline, not JSON) is dropped with a warning.

    Raises:
        InputError: the file is missing, or another line is not a JSON object (with its number).
    """
    source = Path(source)
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError as err:
        raise InputError(f"no such file: {source}") from err
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(f"cannot read {source}: {err}") from err
    return parse_jsonl(text, str(source), drop_cut_line=drop_cut_line)


def piped_text(stdin: TextIO) -> str:
    """All of a pipe that brings a manifest.

    Raises:
        InputError: it is not UTF-8.
    """
    try:
        text = stdin.read()
        text.encode()  # under a C locale what is no UTF-8 was let through, as lone surrogates
    except UnicodeError as err:
        raise InputError("stdin is not UTF-8 text", "a manifest is UTF-8 text") from err
    return text


def parse_jsonl(text: str, name: str, *, drop_cut_line: bool = True) -> list[dict[str, Any]]:
    """Rows of JSONL `text`; `name` appears in messages. See `read_jsonl`."""
    rows: list[dict[str, Any]] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as err:
            if drop_cut_line and number == len(lines):
                warnings.warn(f"{name}: dropped a cut last line ({number})", stacklevel=2)
                break
            raise InputError(f"{name}, line {number}: not JSON ({err.msg})", "one JSON object per line",
                             line=number) from err
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {number}: expected a JSON object", line=number)
        rows.append(row)
    return rows


def sha256_file(path: Path | str) -> str:
    """Hex SHA-256 of a file's bytes.

    Raises:
        InputError: the file is missing or unreadable.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as source:
            while block := source.read(1 << 20):
                digest.update(block)
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror}") from err
    return digest.hexdigest()


def content_key(value: Any) -> str:
    """Short hex key of any JSON-able value: equal inputs, settings and weights give equal keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
