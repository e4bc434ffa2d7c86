"""What a dub needs and no torch is needed for, begun in threads of their own while torch is imported: that takes longer
than looking at a three-second clip."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from dubctl.dubbing.timing import Timing
from dubctl.emotion.face import Eyes, FaceSight
from dubctl.emotion.scene_measure import measure_scene
from dubctl.errors import InputError
from dubctl.media.clip import ClipInfo, probe
from dubctl.media.cut import cut
from dubctl.media.frames import read_frames

T = TypeVar("T")


@dataclass(frozen=True)
class Sight:
    """What the lite profile sees before any of it is put in words: `measure_scene`'s numbers, and the face."""

    scene: Future[dict[str, float]]
    face: Future[FaceSight]


@dataclass(frozen=True)
class Looking:
    """A clip that is being looked at: its facts, its frames (N, H, W, 3) uint8 RGB at 25 fps, and what is seen, None
    where another profile than lite shall look."""

    info: Future[ClipInfo]
    frames: Future[np.ndarray]
    sight: Sight | None


def look(clip: Path, timing: Timing, *, lite: bool, section: tuple[float, float] | None = None) -> Looking:
    """Begin to look at a clip, or from start to end of a `section` of it, seconds, as if that were a clip of its own.

    What fails (an unreadable clip, missing weights) fails where the result is asked for.
    """
    info: Future[ClipInfo] = Future()

    def facts(path: Path) -> ClipInfo:
        with timing.part("reading", alone=False):
            found = probe(path)
        if not found.has_video:
            raise InputError(f"{clip} has no picture", "give a video clip")
        return found if section is None else dataclasses.replace(found, duration=section[1] - section[0])

    def decode() -> np.ndarray:
        try:
            with (nullcontext(clip) if section is None else cut(clip, *section)) as path:
                info.set_result(facts(path))
                with timing.part("reading", alone=False):
                    return read_frames(path, info=info.result())
        except BaseException as err:
            if not info.done():
                info.set_exception(err)
            raise

    def measure() -> dict[str, float]:
        pictures = frames.result()
        with timing.part("reading", alone=False):
            return measure_scene(pictures)

    def see() -> FaceSight:
        with timing.part("loading", alone=False):
            models = eyes()
        pictures = frames.result()
        with timing.part("faces", alone=False):
            return models.look(pictures)

    frames = in_background(decode)
    return Looking(info, frames, Sight(in_background(measure), in_background(see)) if lite else None)


@functools.lru_cache(maxsize=1)
def eyes() -> Eyes:
    """The vision models, loaded once a process."""
    return Eyes()


def warm(vocoder: str) -> None:
    """Fill the caches of vocoder and front end. What fails here fails again, with its message, where it is used."""
    threading.Thread(target=_fill, args=(vocoder,), daemon=True).start()


def _fill(vocoder: str) -> None:
    try:
        from dubctl.synth.vocoder import vocoder_session

        vocoder_session(vocoder)
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
