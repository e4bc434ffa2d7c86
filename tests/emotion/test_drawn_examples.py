"""The extractors read the drawn clips of examples/drawn, whose feelings and sound are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.lips import speech_window
from dubctl.emotion.profiles import load_profile
from dubctl.library.extract import extract_dataset
from dubctl.library.store import Library

from .vision import EXAMPLES

DRAWN = EXAMPLES / "drawn"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    out = tmp_path_factory.mktemp("drawn") / "lib"
    report = extract_dataset(DRAWN, out, load_profile("lite"))
    assert report.failed == 0 and not report.warnings
    return Library.open(out)


def test_the_clips_are_few_and_small() -> None:
    clips = sorted((DRAWN / "video").iterdir())
    assert len(clips) == 4 and sum(clip.stat().st_size for clip in clips) < 600_000


def test_their_faces_are_found_in_nearly_every_picture(library: Library) -> None:
    assert min(row.stats["face_coverage"] for row in library.rows) >= 0.9


def test_the_mouth_tells_when_there_is_sound(library: Library) -> None:
    """The onset model is fitted to one real speaker: drawn mouths end in time (0.01-0.12 s) but seem to start late
    (0.30, 0.31, -0.08, 0.27 s)."""
    gaps = []
    for place, row in enumerate(library.rows):
        lips = library.lips(place)
        assert lips is not None and (found := speech_window(lips)) is not None, row.id
        gaps.append(np.array(found) - row.extra["speech"])
    starts, ends = np.abs(gaps).T
    assert ends.max() < 0.15 and starts.max() < 0.35, gaps


def test_the_mouth_is_still_in_the_silence_before_and_after(library: Library) -> None:
    for place, row in enumerate(library.rows):
        opening = library.lips(place).opening
        start, end = (round(second * 25) for second in row.extra["speech"])
        quiet = max(np.ptp(opening[:start - 3]), np.ptp(opening[end + 5:]))
        assert quiet < 0.25 * np.ptp(opening), row.id


@pytest.mark.parametrize(("modality", "drawn", "least"), [("scene", "picture", 4), ("face", "face", 3)])
def test_captions_feel_as_drawn(library: Library, modality: str, drawn: str, least: int) -> None:
    read = [EMOTIONS[int(np.argmax(row.profiles[modality]))] for row in library.rows]
    meant = [row.extra[drawn] for row in library.rows]
    assert len(set(meant)) == 4
    assert sum(a == b for a, b in zip(read, meant, strict=True)) >= least, list(zip(meant, read, strict=True))


def test_every_row_names_a_clip_that_lies_there() -> None:
    listed = {line.split('"video": "')[1].split('"')[0] for line in (DRAWN / "manifest.jsonl").read_text().splitlines()}
    assert listed == {path.relative_to(DRAWN).as_posix() for path in Path(DRAWN / "video").iterdir()}
