"""How long work tells its caller how far it is. Libraries call it; the command line draws it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A callable that takes what is done so far: `progress(done, total, note)`.

    done and total count items (or steps); note is a few words about the last one ("clip 0042", "loss 0.31").
    Call it as often as you like: drawing is limited by the callee. It must not raise.
    """

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


def silent(done: int, total: int, note: str = "") -> None:
    """The Progress that shows nothing."""
