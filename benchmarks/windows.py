"""Where a benchmark's line is to be spoken: silent clips as long as it needs, windows that force its pace, and prompts
cut to a length."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dubctl.errors import InputError

FPS = 25
LEAD = 0.5  # seconds of a paced clip before and behind the window
GOLDEN = (5 ** 0.5 - 1) / 2


@dataclass(frozen=True)
class Place:
    """A clip's length and the speech window in it, seconds (None: the whole of it)."""

    seconds: float
    window: tuple[float, float] | None = None


def clip_seconds(text: str) -> float:
    """Length of the silent clip for a line: 0.4 s + 0.075 s per letter, on a frame of 25 fps."""
    letters = sum(c.isalnum() for c in text)
    return round((0.4 + 0.075 * letters) * FPS) / FPS


def paces(count: int, slowest: float, fastest: float) -> list[float]:
    """So many paces between two, evenly spread over their ratio and unlike from one line to the next."""
    return [slowest * (fastest / slowest) ** (i * GOLDEN % 1) for i in range(count)]


def paced(natural_seconds: float, pace: float) -> Place:
    """The clip whose window is filled by speech at `pace` times its natural speed."""
    window = LEAD, LEAD + natural_seconds / pace
    return Place(round((window[1] + LEAD) * FPS) / FPS, window)


def silent_clip(folder: Path, seconds: float) -> Path:
    """A black clip without sound, made once per length."""
    from dubctl.files import atomic_path
    from dubctl.media.ffmpeg import run

    path = folder / f"black_{round(seconds * FPS):04d}.mp4"
    if not path.is_file():
        with atomic_path(path) as part:
            source = f"color=black:size=160x120:rate={FPS}:duration={seconds}"
            _, err, code = run(["-y", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", str(part)])
            if code:
                raise InputError(f"cannot make a test clip: {err.strip()}")
    return path


def first_seconds(recording: Path, seconds: float, folder: Path) -> Path:
    """The recording's first seconds as a WAV in `folder`, made once; the whole of a shorter one.

    Raises:
        InputError: the recording cannot be read, or the folder not written.
    """
    import soundfile

    from dubctl.media.audio import load_audio, save_wav

    path = folder / f"{recording.stem}_{seconds:g}s.wav"
    if not path.is_file():
        try:
            rate = soundfile.info(recording).samplerate
        except soundfile.LibsndfileError as err:
            raise InputError(f"cannot read the prompt {recording}: {err}") from err
        save_wav(path, load_audio(recording, rate)[:round(seconds * rate)], rate)
    return path
