"""Small media for tests, made by the standard library and the ffmpeg that ships."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path


def tone(path: Path, seconds: float, rate: int = 22050) -> Path:
    """A sine of 200 Hz, mono PCM16."""
    count = round(seconds * rate)
    samples = array.array("h", (int(8000 * math.sin(2 * math.pi * 200 * i / rate)) for i in range(count)))
    with wave.open(str(path), "wb") as sink:
        sink.setnchannels(1)
        sink.setsampwidth(2)
        sink.setframerate(rate)
        sink.writeframes(samples.tobytes())
    return path
