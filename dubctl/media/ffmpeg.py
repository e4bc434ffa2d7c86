"""The one place that runs ffmpeg: arguments as a list (never a shell), stderr kept, failures as one clear line."""

from __future__ import annotations

import functools
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dubctl.errors import DependencyError, InputError

_QUIET = ("-hide_banner", "-nostdin", "-nostats")
_NOISE = re.compile(r"^(\[[^\]]*\] )+|^Error (opening input|while).*?: ")
_PLAIN = {"Invalid data found": "not a media file that ffmpeg reads",
          "moov atom not found": "not an mp4, or one that was cut short"}
_HINT_FFMPEG = "pip install imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to an ffmpeg binary"


@functools.lru_cache(maxsize=1)
def ffmpeg_exe() -> str:
    """Path of the ffmpeg binary that imageio-ffmpeg carries (or `IMAGEIO_FFMPEG_EXE`).

    Raises:
        DependencyError: there is none.
    """
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as err:
        raise DependencyError("ffmpeg was not found", _HINT_FFMPEG) from err


def media_url(path: Path | str) -> str:
    """`path` as ffmpeg must be told it: a leading dash, a colon or a `%` in the name is then only a name."""
    return f"file:{path}"


def check_media(path: Path | str) -> Path:
    """The path, when it is a non-empty readable file.

    Raises:
        InputError: missing, a folder, empty or unreadable.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a media file")
        with path.open("rb") as source:
            if not source.read(1):
                raise InputError(f"cannot read {path}: the file is empty")
    except FileNotFoundError as err:
        raise InputError(f"no such file: {path}", "check the path") from err
    except (OSError, ValueError) as err:
        raise InputError(f"cannot read {path}: {getattr(err, 'strerror', None) or err}") from err
    return path


def reason(stderr: str) -> str:
    """The line of ffmpeg's stderr that tells a person what was wrong."""
    lines = [_NOISE.sub("", line).strip() for line in stderr.splitlines() if line.strip()]
    for words in ("moov atom not found", "Invalid data found", "does not contain any stream", "not currently supported",
                  "matches no streams", "Could not find tag"):
        for line in lines:
            if words.lower() in line.lower():
                return _PLAIN.get(words, line)
    return lines[-1] if lines else "ffmpeg failed without a message"


def run(args: Sequence[str], *, stdin: bytes | None = None) -> tuple[bytes, str, int]:
    """Run ffmpeg to its end: (stdout, stderr, exit code).

    Raises:
        DependencyError: the binary is missing or cannot be executed.
    """
    given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    try:
        done = subprocess.run([ffmpeg_exe(), *_QUIET, *args], capture_output=True, check=False, **given)
    except OSError as err:
        raise DependencyError(f"cannot run ffmpeg ({ffmpeg_exe()}): {err.strerror}", _HINT_FFMPEG) from err
    return done.stdout, done.stderr.decode(errors="replace"), done.returncode


@contextmanager
def reading(args: Sequence[str], path: Path | str) -> Iterator[IO[bytes]]:
    """ffmpeg's stdout as a stream, for output too large to hold. The process is gone when the block ends.

    Leaving the block before the end of the stream is allowed and stops ffmpeg.

    Raises:
        InputError: ffmpeg failed on `path` although the stream was read to its end.
        DependencyError: the binary is missing.
    """
    with tempfile.TemporaryFile() as errors:  # a pipe for stderr could fill up and block both sides
        try:
            child = subprocess.Popen([ffmpeg_exe(), *_QUIET, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=errors)
        except OSError as err:
            raise DependencyError(f"cannot run ffmpeg ({ffmpeg_exe()}): {err.strerror}", _HINT_FFMPEG) from err
        assert child.stdout is not None
        try:
            yield child.stdout
            ended = child.stdout.read(1) == b""
        except BaseException:
            ended = False
            raise
        finally:
            child.stdout.close()
            if not ended:
                child.kill()
            code = child.wait()
        if ended and code:
            errors.seek(0)
            raise InputError(f"cannot read {path}: {reason(errors.read().decode(errors='replace'))}")
