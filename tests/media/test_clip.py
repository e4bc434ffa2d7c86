from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from dubctl.errors import DependencyError, InputError
from dubctl.media import ffmpeg as ffmpeg_module
from dubctl.media.clip import probe
from dubctl.media.frames import iter_frames, read_frames
from tests.media.conftest import ffmpeg, make_clip


@pytest.mark.parametrize(("rate", "seconds", "frames"), [
    ("24000/1001", 1.0, 24), ("30000/1001", 0.5, 15), ("60", 1.0, 60), ("25", 0.5, 13), ("12", 1.0, 12)])
def test_any_rate_comes_out_on_the_25_fps_clock(tmp_path: Path, rate: str, seconds: float, frames: int) -> None:
    info = probe(make_clip(tmp_path / "c.mp4", rate=rate, seconds=seconds))
    above, _, below = rate.partition("/")
    exact = frames * int(below or 1) / int(above)
    assert info.frames == frames and info.duration == pytest.approx(exact, abs=1e-9)
    assert info.fps == pytest.approx(int(above) / int(below or 1))
    assert read_frames(info.path).shape == (round(exact * 25), 48, 64, 3)


def test_variable_rate_is_measured_by_time_stamps(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "vfr.mp4", seconds=3.0, extra=(
        "-vf", "select='if(lt(t,1),1,not(mod(n,5)))'", "-fps_mode", "vfr"))
    info = probe(clip)
    assert info.frames == 35 and info.duration == pytest.approx(3.0, abs=0.17)  # the last picture's length is a guess
    frames = read_frames(clip)
    assert len(frames) == round(info.duration * 25)
    assert (frames[30] == frames[31]).all() and not (frames[5] == frames[6]).all()  # held where nothing is sent


def test_frames_are_those_on_screen(tmp_path: Path) -> None:
    # grey level = 2 n: the time of a frame can be read from it
    clip = tmp_path / "ramp.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=32x32:r=50:d=2,format=gray,geq=lum='40+2*N'", "-pix_fmt", "yuv420p",
           "-qp", "0", clip)
    level = read_frames(clip)[:, 16, 16, 0].astype(float)
    steps = (level - level[0]) / (level[-1] - level[0]) * 49
    assert abs(steps - range(50)).max() <= 0.75


@pytest.mark.parametrize("turn", ["90", "-90", "180"])
def test_rotation_is_applied(tmp_path: Path, turn: str) -> None:
    plain = make_clip(tmp_path / "a.mp4", seconds=0.4)
    ffmpeg("-display_rotation", turn, "-i", plain, "-c", "copy", tmp_path / "r.mp4")
    info, upright = probe(tmp_path / "r.mp4"), turn == "180"
    assert (info.width, info.height) == ((64, 48) if upright else (48, 64))
    turned, straight = read_frames(tmp_path / "r.mp4")[0].astype(int), read_frames(plain)[0].astype(int)
    quarters = {"90": -1, "-90": 1, "180": 2}[turn]
    differences = {k: abs(np.rot90(turned, k) - straight).mean() for k in (-1, 1, 2, 0)
                   if np.rot90(turned, k).shape == straight.shape}
    assert min(differences, key=differences.__getitem__) == quarters and differences[quarters] < 4


def test_pixels_are_made_square_and_sides_limited(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "sar.mp4", size="120x96", seconds=0.2, extra=("-vf", "setsar=2/1"))
    assert (probe(clip).width, probe(clip).height) == (240, 96)
    assert read_frames(clip, max_side=120).shape[1:] == (48, 120, 3)


def test_an_edit_list_shortens_the_clip(tmp_path: Path) -> None:
    long = make_clip(tmp_path / "l.mp4", seconds=3.0, extra=("-g", "75"))
    ffmpeg("-ss", "1", "-i", long, "-c", "copy", tmp_path / "cut.mp4")
    assert probe(tmp_path / "cut.mp4").duration == pytest.approx(2.0, abs=1e-6)
    first, wanted = read_frames(tmp_path / "cut.mp4")[0].astype(int), read_frames(long)[25].astype(int)
    assert abs(first - wanted).mean() < 1


@pytest.mark.parametrize(("audio", "video"), [(1.0, 2.0), (2.0, 1.0)])
def test_the_picture_decides_the_length(tmp_path: Path, audio: float, video: float) -> None:
    info = probe(make_clip(tmp_path / "a.mp4", seconds=video, audio=audio))
    assert info.duration == pytest.approx(video) and info.has_audio
    assert info.audio_duration == pytest.approx(audio, abs=0.06)


@pytest.mark.parametrize("between", ["0", "2"])
def test_mpeg_streams_that_stamp_few_packets(tmp_path: Path, between: str) -> None:
    clip = make_clip(tmp_path / "grid.mpg", seconds=3, audio=3, extra=("-c:v", "mpeg1video", "-bf", between))
    info = probe(clip)
    assert (info.duration, info.frames) == (3.0, 75) and len(read_frames(clip)) == 75


@pytest.mark.parametrize("name", ["with space.mp4", "-dash.mp4", "it's \"q\".mp4", "näme 名.mp4", "a:b%03d.mp4"])
def test_strange_names(tmp_path: Path, plain: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(plain.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe(name).duration == 2.0
    assert len(read_frames(name)) == 50


def test_bad_files_give_one_line(tmp_path: Path, plain: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a film\n")
    (tmp_path / "note.txt").write_text("not a film either\n")
    (tmp_path / "cut.mp4").write_bytes(plain.read_bytes()[:700])
    for name, words in {"none.mp4": "no such file", "empty.mp4": "empty", "text.mp4": "cannot read", ".": "a folder",
                        "cut.mp4": "cut short", "note.txt": "cannot read"}.items():
        with pytest.raises(InputError, match=words) as caught:
            probe(tmp_path / name)
        assert "\n" not in caught.value.message and str(tmp_path) in caught.value.message


def test_sound_alone_has_a_length_and_no_frames(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=1.5", tmp_path / "a.wav")
    info = probe(tmp_path / "a.wav")
    assert (info.has_video, info.has_audio, info.duration) == (False, True, 1.5)
    with pytest.raises(InputError, match="no picture"):
        read_frames(tmp_path / "a.wav")


def test_reading_may_stop_early(plain: Path) -> None:
    frames = iter_frames(plain)
    assert next(frames).shape == (48, 64, 3)
    frames.close()


def test_no_ffmpeg_is_a_dependency_error(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise RuntimeError("none")

    ffmpeg_module.ffmpeg_exe.cache_clear()
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", missing)
    with pytest.raises(DependencyError):
        probe(plain)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: "/no/such/ffmpeg")
    with pytest.raises(DependencyError):
        probe(plain)
    monkeypatch.undo()
    ffmpeg_module.ffmpeg_exe.cache_clear()
