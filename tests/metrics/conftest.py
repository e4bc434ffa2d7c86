"""Speech-like recordings and a recogniser that answers from a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

RATE = 22050


def voice(f0: float, seconds: float, formant: float = 700.0, rate: int = RATE) -> np.ndarray:
    """Harmonics of f0 under one resonance: enough for the speaker encoder to tell voices apart."""
    t = np.arange(round(seconds * rate)) / rate
    out = np.zeros_like(t)
    for k in range(1, int(4000 / f0)):
        out += np.exp(-(((k * f0 - formant) / 600) ** 2)) * np.sin(2 * np.pi * k * f0 * t)
    return (0.3 * out / np.abs(out).max()).astype(np.float32)


class TableAsr:
    """Hears what a table says for a number of samples: each test wav has its own length."""

    name = "table"

    def __init__(self, heard: dict[int, str]) -> None:
        self.heard = heard

    def transcribe(self, wav: np.ndarray) -> str:
        return self.heard[len(wav)]


@pytest.fixture
def wav_file(tmp_path: Path):
    """make(name, f0, seconds) -> path of a 22.05 kHz wav."""

    def make(name: str, f0: float = 120.0, seconds: float = 1.0, formant: float = 700.0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, voice(f0, seconds, formant), RATE)
        return path

    return make
