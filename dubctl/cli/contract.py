"""The contract all commands share: streams, one JSON object, warnings, exit codes.

`execute` runs a command body with a `Run`; the body fills in what it did, prints data through it, and raises
`dubctl.errors`. Nothing else in the command line decides about streams or exit codes.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from dubctl.cli.console import drawn_progress, one_line, say
from dubctl.config import Resolved, Settings
from dubctl.errors import DependencyError, DubctlError, InputError, PartialFailure
from dubctl.progress import Progress

SCHEMA_VERSION = 1
EXIT_INTERRUPT, EXIT_BROKEN_PIPE, EXIT_TERMINATED = 130, 141, 143
AGAIN = "run the same command again to go on"
_PACKAGE = str(Path(__file__).resolve().parents[1])


class Interrupted(DubctlError):
    """The user pressed Ctrl-C (exit 130)."""

    kind, exit_code = "interrupt", EXIT_INTERRUPT


class Stopped(DubctlError):
    """Somebody sent SIGTERM (exit 143)."""

    kind, exit_code = "terminated", EXIT_TERMINATED


class Terminated(BaseException):
    """SIGTERM came. Not an Exception, so that no library swallows it; temporary files are removed on its way up."""


@dataclass
class Run:
    """One call of a command: its settings, and what it did."""

    command: str
    resolved: Resolved
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    dry_run: bool = False
    force: bool = False
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    outputs: list[str] = field(default_factory=list)
    done: int = 0
    skipped: int = 0
    failed: int = 0
    warnings: list[str] = field(default_factory=list)
    device: str = ""  # set by commands that compute on an accelerator where there is one
    result: Any = None

    @property
    def settings(self) -> Settings:
        return self.resolved.settings

    def emit(self, data: str) -> None:
        """One line of data on stdout; under --json it belongs in `result` instead, so nothing is printed."""
        if not self.json:
            self.stdout.write(data + "\n")
            self.stdout.flush()

    def say(self, text: str) -> None:
        """A message on stderr, unless --quiet."""
        if not self.quiet:
            say(text)

    def warn(self, text: object) -> None:
        """A warning: kept for --json, else one stderr line. The same words are said once."""
        line = one_line(text)
        if line in self.warnings:
            return
        self.warnings.append(line)
        if not self.json:
            self.say(f"dubctl: warning: {line}")

    def progress(self, label: str) -> AbstractContextManager[Progress]:
        """A Progress for a `with` statement; drawn only where somebody can see it."""
        return drawn_progress(label, quiet=self.quiet or self.json)

    def wrote(self, *paths: Path | str) -> None:
        """Record outputs; without --json their paths are the command's data."""
        for path in paths:
            self.outputs.append(str(path))
            self.emit(str(path))

    def count(self, done: int, skipped: int, failed: int, hint: str = "") -> None:
        """Record how many items were done.

        Raises:
            PartialFailure: some failed and some did not.
            InputError: all failed.
        """
        self.done, self.skipped, self.failed = done, skipped, failed
        if failed and not done + skipped:
            raise InputError(f"all {failed} items failed", hint)
        if failed:
            raise PartialFailure(f"{failed} of {done + skipped + failed} items failed", hint)


def execute(run: Run, body: Callable[[], None]) -> int:
    """Run `body` under the contract; returns the exit code."""
    start = time.monotonic()
    error: DubctlError | None = None
    try:
        with _collected_warnings(run), _logging(run), _sigterm(), redirect_stdout(sys.stderr):
            body()
    except BrokenPipeError:
        return mute_stdout()
    except Terminated:
        error = Stopped("terminated", AGAIN)
    except KeyboardInterrupt:
        error = Interrupted("interrupted", AGAIN)
    except DubctlError as err:
        error = err
    except Exception as err:  # the last line of defence: one line, and the traceback for those who ask
        error = Interrupted("interrupted", AGAIN) if _interrupting(err) else as_error(err)
        if run.verbose:
            say(traceback.format_exc().rstrip())
    return report(run, error, start)


def _interrupting(err: BaseException | None) -> bool:
    """Whether it came up while an interrupt was ending the work: a second one breaks locks that are being let go."""
    while err is not None and not isinstance(err, KeyboardInterrupt):
        err = err.__context__
    return err is not None


def report(run: Run, error: DubctlError | None, start: float) -> int:
    """Say how it ended: the JSON object on stdout, or the error line on stderr. Returns the exit code."""
    try:
        if run.json:
            run.stdout.write(json.dumps(_envelope(run, error, start), ensure_ascii=False, default=_plain) + "\n")
            run.stdout.flush()
        elif error is not None:
            say(error_line(error))
    except BrokenPipeError:
        return mute_stdout()
    return error.exit_code if error is not None else 0


def error_line(error: DubctlError) -> str:
    """`dubctl: error: what (hint: what to do)`, on one line."""
    hint = f" (hint: {one_line(error.hint)})" if error.hint else ""
    return f"dubctl: error: {one_line(error.message)}{hint}"


def as_error(err: Exception) -> DubctlError:
    """The DubctlError that stands for an exception nobody translated."""
    if isinstance(err, ModuleNotFoundError) and err.name and not err.name.startswith("dubctl"):
        package = err.name.split(".")[0]
        return DependencyError(f"the package {package} is not installed", f"python -m pip install {package}")
    if isinstance(err, OSError) and err.strerror:
        where = f"{err.filename}: " if err.filename else ""
        return InputError(f"{where}{err.strerror}", "check the path, its permissions and the free space")
    return DubctlError(f"internal error: {type(err).__name__}: {err}", "this is a bug; run again with -v for details")


def mute_stdout() -> int:
    """After a broken pipe: let Python's own flush at exit write to nowhere. Returns the exit code."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (OSError, ValueError):
        pass
    return EXIT_BROKEN_PIPE


def _envelope(run: Run, error: DubctlError | None, start: float) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION, "ok": error is None, "command": run.command, "outputs": run.outputs,
        "items": {"done": run.done, "skipped": run.skipped, "failed": run.failed}, "warnings": run.warnings,
        "duration_ms": round((time.monotonic() - start) * 1000), "seed": run.settings.seed,
        "device": run.device or run.settings.device.replace("auto", "cpu"),
        "error": error.as_dict() if error is not None else None, "result": run.result,
    }


def _plain(value: Any) -> Any:
    """JSON form of what libraries put in reports: paths, numpy scalars and arrays."""
    for method in ("tolist", "as_dict"):
        if hasattr(value, method):
            return getattr(value, method)()
    return str(value)


@contextmanager
def _collected_warnings(run: Run) -> Iterator[None]:
    """Python warnings become the run's. Other packages' are shown with -v only: a user can do nothing about them."""
    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int,
             file: TextIO | None = None, line: str | None = None) -> None:
        if run.verbose or filename.startswith(_PACKAGE):
            run.warn(message)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


@contextmanager
def _logging(run: Run) -> Iterator[None]:
    """dubctl's own log goes to stderr: warnings always, all of it with -v, nothing below errors with -q."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if run.command != "models download":  # no other command may use the network
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    logger = logging.getLogger("dubctl")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("dubctl: %(message)s"))
    logger.setLevel(logging.ERROR if run.quiet else logging.DEBUG if run.verbose else logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def _sigterm() -> Iterator[None]:
    """SIGTERM unwinds the stack, so that temporary files are removed. Signals belong to the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
