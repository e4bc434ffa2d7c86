from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubctl.errors import InputError, UsageError
from dubctl.files import sha256_file
from dubctl.media.audio import load_audio
from dubctl.media.clip import probe
from dubctl.media.clock import samples_at
from dubctl.media.level import CEILING
from dubctl.media.mux import MIXED_RATE, mux
from tests.media.conftest import decoded_samples, ffmpeg, make_clip, packets


def noise(samples: int) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(samples) * 0.1).astype(np.float32)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".m4v"])
@pytest.mark.parametrize(("rate", "seconds"), [("30000/1001", 0.5), ("24000/1001", 1.7)])
def test_the_picture_is_untouched_and_the_sound_exact(tmp_path: Path, suffix: str, rate: str, seconds: float) -> None:
    clip = make_clip(tmp_path / "c.mp4", rate=rate, seconds=seconds, audio=1.0)
    before, count = sha256_file(clip), samples_at(probe(clip).duration)
    mux(clip, noise(count), 22_050, tmp_path / f"out{suffix}")
    assert sha256_file(clip) == before
    assert packets(tmp_path / f"out{suffix}") == packets(clip)
    assert decoded_samples(tmp_path / f"out{suffix}", tmp_path) == (count, 22_050)
    out = probe(tmp_path / f"out{suffix}")
    assert out.duration == pytest.approx(probe(clip).duration, abs=0.002)  # Matroska counts milliseconds
    assert not list(tmp_path.glob(".*"))


def test_webm_is_exact_on_the_48_khz_clock_of_opus(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.webm", seconds=0.6, extra=("-c:v", "libvpx-vp9", "-cpu-used", "8"))
    mux(clip, noise(13_230), 22_050, tmp_path / "out.webm")
    assert decoded_samples(tmp_path / "out.webm", tmp_path) == (28_800, 48_000)
    assert packets(tmp_path / "out.webm") == packets(clip)


def test_the_new_sound_is_the_only_one_and_in_time(tmp_path: Path, tone: np.ndarray) -> None:
    clip = make_clip(tmp_path / "c.mp4", audio=2.0)
    late = np.concatenate([np.zeros(22_050, np.float32), tone[:22_050]])
    mux(clip, late, 22_050, tmp_path / "out.mp4")
    wav = load_audio(tmp_path / "out.mp4")
    assert np.abs(wav[:20_000]).max() < 0.02 and np.abs(wav[23_000:]).max() > 0.3


def test_rotation_and_edit_list_survive(tmp_path: Path) -> None:
    long = make_clip(tmp_path / "l.mp4", seconds=2.0, extra=("-g", "50"))
    ffmpeg("-ss", "1", "-i", long, "-c", "copy", tmp_path / "cut.mp4")
    ffmpeg("-display_rotation", "90", "-i", tmp_path / "cut.mp4", "-c", "copy", tmp_path / "turned.mp4")
    mux(tmp_path / "turned.mp4", noise(22_050), 22_050, tmp_path / "out.mp4")
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height, info.frames) == (48, 64, 25)
    assert decoded_samples(tmp_path / "out.mp4", tmp_path) == (22_050, 22_050)


def test_same_input_same_bytes(tmp_path: Path, plain: Path, tone: np.ndarray) -> None:
    mux(plain, tone, 22_050, tmp_path / "a.mp4")
    mux(plain, tone, 22_050, tmp_path / "b.mp4")
    assert sha256_file(tmp_path / "a.mp4") == sha256_file(tmp_path / "b.mp4")


def test_refusals_leave_nothing_behind(tmp_path: Path, plain: Path, tone: np.ndarray) -> None:
    clip = tmp_path / "c.mp4"
    clip.write_bytes(plain.read_bytes())
    (tmp_path / "link.mp4").symlink_to(clip)
    for out in (clip, tmp_path / "link.mp4", tmp_path / "x.txt"):
        with pytest.raises(UsageError):
            mux(clip, tone, 22_050, out)
    with pytest.raises(InputError):
        mux(clip, tone, 22_050, tmp_path / "h264.webm")  # WebM holds no H.264
    assert clip.read_bytes() == plain.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.mp4", "link.mp4"]


@pytest.mark.parametrize("channels", [1, 2])
def test_a_background_stays_at_its_level_and_the_mix_is_exact(tmp_path: Path, channels: int) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=2.0)
    music = 0.2 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)  # one second, then silence
    soundfile.write(tmp_path / "music.wav", np.stack([music] * channels, 1), 44_100)
    click = np.zeros(44_100, np.float32)
    click[33_075] = 0.8
    for suffix in (".mp4", ".mkv"):
        mux(clip, click, 22_050, tmp_path / f"out{suffix}", tmp_path / "music.wav")
        assert decoded_samples(tmp_path / f"out{suffix}", tmp_path) == (96_000, MIXED_RATE)
        mixed = load_audio(tmp_path / f"out{suffix}", MIXED_RATE)
        assert np.abs(mixed[:40_000]).max() == pytest.approx(0.2, abs=0.01)
        assert np.argmax(np.abs(mixed)) == pytest.approx(72_000, abs=2)


def test_speech_and_background_together_do_not_clip(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "c.mp4", seconds=1.0)
    loud = (0.8 * np.sin(2 * np.pi * 300 * np.arange(22_050) / 22_050)).astype(np.float32)
    soundfile.write(tmp_path / "music.wav", loud, 22_050)
    mux(clip, loud, 22_050, tmp_path / "out.mkv", tmp_path / "music.wav")
    assert np.abs(load_audio(tmp_path / "out.mkv", MIXED_RATE)).max() == pytest.approx(CEILING, abs=0.02)


def test_a_background_without_sound_is_refused(tmp_path: Path, plain: Path, tone: np.ndarray) -> None:
    with pytest.raises(InputError, match="no sound"):
        mux(plain, tone, 22_050, tmp_path / "out.mp4", plain)
    assert not (tmp_path / "out.mp4").exists()
