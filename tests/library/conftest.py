"""A library made of tiny deterministic extractors and tiny real media."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from dubctl.library.schema import ClipRow
from dubctl.library.store import Library, write_library
from tests.library import fakes


def ffmpeg(*args: object) -> None:
    """Run ffmpeg quietly; a failure fails the test."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *map(str, args)], check=True)


def make_clip(path: Path, *, tone: int | None = 220, grey: int = 90, seconds: float = 0.4) -> Path:
    """A 64x48 clip of one grey with a tone (or no sound)."""
    sound = ["-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=22050"] if tone else []
    ffmpeg("-f", "lavfi", "-i", f"color=c=0x{grey:02x}{grey:02x}{grey:02x}:s=64x48:r=25", *sound,
           "-t", seconds, "-pix_fmt", "yuv420p", *(["-c:a", "aac"] if tone else []), path)
    return path


def make_tone(path: Path, tone: int = 220, seconds: float = 0.4) -> Path:
    ffmpeg("-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=22050", "-t", seconds, path)
    return path


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Folder `set` with a manifest of four clips: two with picture and sound, one silent picture, one sound."""
    root = tmp_path / "set"
    root.mkdir()
    make_clip(root / "a.mp4", tone=220, grey=60)
    make_clip(root / "b.mp4", tone=330, grey=150)
    make_clip(root / "c.mp4", tone=None, grey=230)
    make_tone(root / "d.wav", 440)
    rows = [{"id": "a", "video": "a.mp4", "text": "What a day!", "speaker": "ann", "emotion": "joy", "split": "train"},
            {"id": "b", "video": "b.mp4", "text": "Go away.", "speaker": "bob", "emotion": "anger", "split": "train"},
            {"id": "c", "video": "c.mp4", "text": "I miss her.", "speaker": "ann", "film": "one", "note": "kept"},
            {"id": "d", "audio": "d.wav", "text": "Who is there?", "speaker": "bob", "split": "test"}]
    (root / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def write_random_library(path: Path, count: int = 60, seed: int = 0, **spaces: int) -> Library:
    """A library of random unit vectors; every 7th clip has no face, every 11th no sound."""
    rng = np.random.default_rng(seed)
    profile = fakes.load_fake()
    own = profile.spaces()

    def unit(dim: int) -> np.ndarray:
        rows = rng.standard_normal((count, dim)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    vectors = {"scene": unit(own["scene"].dim), "face": unit(own["face"].dim), "text_self": unit(own["text"].dim),
               "text_react": unit(own["text"].dim), "audio": unit(own["audio"].dim)}
    numbers = np.arange(count)
    masks = {"scene": numbers >= 0, "face": numbers % 7 != 6, "text": numbers >= 0, "audio": numbers % 11 != 10}
    rows = [ClipRow(f"clip{i:03d}", speaker=f"s{i % 5}", film=f"film{i % 3}", split="test" if i % 4 == 3 else "train",
                    text=f"line {i}", emotion="joy", seconds=1.0, samples=22050, frames=25,
                    captions={"scene": f"scene {i}", "face": f"face {i}", "reaction": "happy"},
                    profiles={"scene": [0.1] * 6 + [0.4]}, digests={"video": f"{i:064x}"}) for i in range(count)]
    write_library(path, rows, vectors, masks, own, "fake")
    return Library.open(path)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return write_random_library(tmp_path / "lib")
