"""What goes to stderr: messages, warnings, and progress with an ETA when somebody is watching."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dubctl.progress import Progress, silent


def say(text: str) -> None:
    """One message line on stderr; a reader that has gone away is no reason to fail."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (BrokenPipeError, ValueError):
        pass


def one_line(text: object) -> str:
    """`text` with its line breaks and runs of blanks folded, so that a message is one line."""
    return " ".join(str(text).split())


@contextmanager
def drawn_progress(label: str, *, quiet: bool) -> Iterator[Progress]:
    """A Progress drawn on stderr if that is a terminal and `quiet` is off; else one that shows nothing.

    rich honours NO_COLOR, and is imported only when there is something to draw.
    """
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("ETA"), TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False))
    with Bars(*columns, console=Console(stderr=True), redirect_stdout=False, transient=True) as bars:
        task = bars.add_task(label, total=None, note="")

        def update(done: int, total: int, note: str = "") -> None:
            bars.update(task, completed=done, total=total or None, note=one_line(note)[:60])

        yield update
