"""What a dub needs and no torch is needed for, loaded in a thread of its own while the rest is imported."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def warm(vocoder: str) -> None:
    """Fill the caches of sessions and front end. What fails here fails again, with its message, where it is used."""
    threading.Thread(target=_fill, args=(vocoder,), daemon=True).start()


def _fill(vocoder: str) -> None:
    try:
        from dubctl.synth.vocoder import vocoder_session

        vocoder_session(vocoder)
        from dubctl.emotion.face_detect import FaceDetector
        from dubctl.emotion.face_mesh import FaceMesh

        FaceDetector(), FaceMesh()
        from dubctl.synth.frontend import g2p

        g2p("en-us")
    except Exception:  # reported by whoever needs it
        return


def in_background(work: Callable[[], T]) -> Future[T]:
    """Run `work` in a daemon thread: an interrupted dub does not wait for it."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as err:  # handed to whoever asks for the result
            done.set_exception(err)

    threading.Thread(target=run, daemon=True).start()
    return done
