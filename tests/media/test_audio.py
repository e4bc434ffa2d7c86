from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubctl.errors import DubctlError, InputError
from dubctl.media.audio import load_audio, resample, save_wav
from tests.media.conftest import ffmpeg, make_clip


def pitch(wav: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(wav * np.hanning(len(wav)))).argmax() * rate / len(wav))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_wav_formats(tmp_path: Path, tone: np.ndarray, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", tone, 22_050, subtype=subtype)
    wav = load_audio(tmp_path / "a.wav")
    assert wav.dtype == np.float32 and wav.shape == tone.shape
    np.testing.assert_allclose(wav, tone, atol=1e-4)


@pytest.mark.parametrize("name", ["a.m4a", "a.opus", "a.mp3", "a.flac", "a.webm"])
def test_compressed_formats(tmp_path: Path, name: str) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=2:f=440:r=48000", tmp_path / name)
    wav = load_audio(tmp_path / name)
    assert abs(len(wav) - 44_100) < 0.06 * 22_050 and abs(pitch(wav, 22_050) - 440) < 2


def test_channels_are_averaged(tmp_path: Path, tone: np.ndarray) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([tone, -tone, tone * 0.3], 1), 22_050)
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), tone * 0.1, atol=1e-4)
    ffmpeg("-i", tmp_path / "a.wav", "-c:a", "flac", tmp_path / "a.mka")  # the same by way of ffmpeg
    np.testing.assert_allclose(load_audio(tmp_path / "a.mka"), tone * 0.1, atol=1e-3)


def test_sound_of_a_video_that_starts_late_is_padded(tmp_path: Path) -> None:
    make_clip(tmp_path / "v.mp4", seconds=2.0)
    ffmpeg("-i", tmp_path / "v.mp4", "-itsoffset", "0.5", "-f", "lavfi", "-i", "sine=d=1", "-c:v", "copy",
           tmp_path / "late.mp4")
    wav = load_audio(tmp_path / "late.mp4")
    assert np.abs(wav[:10_500]).max() < 0.01 < np.abs(wav[12_000:20_000]).max()


def test_resampling_keeps_length_and_pitch(tone: np.ndarray) -> None:
    up = resample(tone, 22_050, 48_000)
    assert len(up) == 96_000 and abs(pitch(up, 48_000) - 440) < 1
    assert len(resample(tone[:1], 22_050, 16_000)) == 1


def test_failures_are_input_errors(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("la la la")
    with pytest.raises(InputError, match="cannot read"):
        load_audio(tmp_path / "text.wav")
    with pytest.raises(InputError, match="has no sound"):
        load_audio(make_clip(tmp_path / "silent.mp4", seconds=0.4))
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 22_050)
    with pytest.raises(InputError, match="0 samples"):
        load_audio(tmp_path / "none.wav")
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 22_050, subtype="FLOAT")
    with pytest.raises(InputError, match="not finite"):
        load_audio(tmp_path / "nan.wav")
    with pytest.raises(InputError, match="no such file"):
        load_audio(tmp_path / "absent.wav")


def test_save_wav_round_trip_and_refusals(tmp_path: Path, tone: np.ndarray) -> None:
    save_wav(tmp_path / "a.wav", tone)
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.frames, info.samplerate, info.subtype) == (44_100, 22_050, "PCM_16")
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), tone, atol=1e-4)
    before = (tmp_path / "a.wav").read_bytes()
    for bad in (np.array([0.0, np.nan]), np.array([np.inf]), np.zeros((2, 5))):
        with pytest.raises(DubctlError):
            save_wav(tmp_path / "a.wav", bad)
    assert (tmp_path / "a.wav").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    save_wav(tmp_path / "loud.wav", np.array([2.0, -2.0]))
    assert load_audio(tmp_path / "loud.wav") == pytest.approx([1, -1], abs=1e-4)
