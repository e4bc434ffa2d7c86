"""Cuts of a film: picture and sound begin where they were asked to."""

from pathlib import Path

import numpy as np
import pytest

from dubctl.errors import InputError
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.clip import probe
from dubctl.media.cut import cut
from dubctl.media.ffmpeg import run
from dubctl.media.frames import read_frames

FPS, SECONDS, LEVELS, STEP = 25, 4, 20, 12


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frame i is a plain grey of level i % 20; a click every 0.1 s."""
    folder = tmp_path_factory.mktemp("film")
    clicks = np.zeros(SECONDS * 22_050, np.float32)
    clicks[::2205] = 0.9
    save_wav(folder / "clicks.wav", clicks)
    grey = (np.arange(FPS * SECONDS) % LEVELS * STEP).astype(np.uint8)
    _, err, code = run(["-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "64x48", "-r", str(FPS), "-i",
                        "pipe:0", "-i", str(folder / "clicks.wav"), "-c:v", "libx264", "-qp", "0", "-g", "30",
                        "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", str(folder / "film.mkv")],
                       stdin=np.repeat(grey, 64 * 48).tobytes())
    assert not code, err
    return folder / "film.mkv"


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.013, 2.507), (2.96, 3.2), (0.02, 0.5), (3.51, 4.0)])
def test_picture_and_sound_begin_at_the_start(film: Path, start: float, end: float) -> None:
    with cut(film, start, end) as piece:
        frames, wav = read_frames(piece), load_audio(piece)
    assert len(frames) == pytest.approx((end - start) * FPS, abs=1)
    assert len(wav) == pytest.approx((end - start) * 22_050, abs=2)
    shown = np.round(frames[:, 24, 32, 0] / STEP)
    wanted = start * FPS + np.arange(len(frames))  # in frames of the film: at most half a frame from what is shown
    off = (shown - wanted + LEVELS / 2) % LEVELS - LEVELS / 2
    assert np.abs(off).max() <= 0.51
    first = np.ceil(start * 10 - 1e-9) / 10 - start
    assert np.flatnonzero(wav > 0.3)[0] / 22_050 == pytest.approx(first, abs=2e-4)  # Matroska counts milliseconds


def test_without_times_it_is_the_file_itself(film: Path) -> None:
    with cut(film, None, None) as piece:
        assert piece == film


def test_sound_alone_and_picture_alone_can_be_cut(film: Path, tmp_path: Path) -> None:
    with cut(film.with_name("clicks.wav"), 1.0, 1.5) as piece:
        assert len(load_audio(piece)) == pytest.approx(11_025, abs=2)
    silent = tmp_path / "silent.mkv"
    run(["-v", "error", "-i", str(film), "-an", "-c", "copy", str(silent)])
    with cut(silent, 1.0, None) as piece:
        info = probe(piece)
        assert info.duration == pytest.approx(3.0, abs=0.05) and not info.has_audio
    assert not piece.exists()


def test_behind_the_end_lies_nothing(film: Path) -> None:
    with pytest.raises(InputError, match="nothing from 9"), cut(film, 9.0, 10.0):
        pass
