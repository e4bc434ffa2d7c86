"""Real media for the tests, made by ffmpeg once a session."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

Make = Callable[..., Path]


def ffmpeg(*args: str | Path) -> str:
    """Run ffmpeg; its stdout."""
    return subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, args)], check=True,
                          capture_output=True, text=True).stdout


def make_clip(out: Path, *, rate: str = "25", seconds: float = 2.0, size: str = "64x48", audio: float | None = None,
              extra: tuple[str, ...] = ()) -> Path:
    """A test pattern, with a tone of `audio` seconds."""
    sound = ("-f", "lavfi", "-i", f"sine=d={audio}:f=330") if audio else ()
    ffmpeg("-f", "lavfi", "-i", f"testsrc=s={size}:r={rate}:d={seconds}", *sound, "-pix_fmt", "yuv420p", *extra, out)
    return out


def packets(path: Path) -> list[str]:
    """Checksums of the picture's packets, in order."""
    text = ffmpeg("-i", path, "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "-")
    return [",".join(line.split(",")[4:6]) for line in text.splitlines() if not line.startswith("#")]


def decoded_samples(path: Path, tmp: Path) -> tuple[int, int]:
    """Samples and rate that a plain decode of the sound gives."""
    import soundfile

    ffmpeg("-i", path, "-vn", tmp / "plain.wav")
    info = soundfile.info(tmp / "plain.wav")
    return info.frames, info.samplerate


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 s, 25 fps, no sound."""
    return make_clip(tmp_path_factory.mktemp("plain") / "plain.mp4")


@pytest.fixture
def tone() -> np.ndarray:
    """2 s of a 440 Hz tone at 22,050 Hz."""
    return (0.4 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 22_050)).astype(np.float32)
