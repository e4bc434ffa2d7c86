"""`dub_clip` with the shipped weights on a real face: what is written, what is said about it, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from dubctl.dubbing.session import DubRequest, dub_clip
from dubctl.errors import InputError, UsageError
from dubctl.media.ffmpeg import run
from dubctl.speaker import cosine
from dubctl.synth.prompt import read_prompt, speaker_encoder
from dubctl.synth.rehearsal import STEPS

EXAMPLES = Path(__file__).parents[2] / "examples"
VOICE = EXAMPLES / "voice.wav"


def request(tmp_path, **changes):
    return DubRequest(**{"clip": EXAMPLES / "clip.mp4", "script": "Stay close, and don't look back.", "prompt": VOICE,
                         "out": tmp_path / "dub.wav", "device": "cpu", **changes})


@pytest.fixture(scope="module")
def dubbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dub")
    clip = (EXAMPLES / "clip.mp4").read_bytes()
    report = dub_clip(request(folder))
    assert (EXAMPLES / "clip.mp4").read_bytes() == clip
    return folder, report


def test_the_speech_is_as_long_as_the_clip_and_lies_where_the_mouth_moves(dubbed):
    folder, report = dubbed
    wav, rate = sf.read(folder / "dub.wav")
    assert rate == 22_050 and len(wav) == report["samples"] == 3 * rate
    assert report["window"]["from_mouth"]
    start, end = report["speech"]["start"], report["speech"]["end"]
    assert report["window"]["start"] <= start < end <= report["window"]["end"] + 0.01
    loud = np.flatnonzero(np.abs(wav) > 0.02) / rate
    assert start - 0.01 <= loud[0] and loud[-1] <= end + 0.02
    assert np.sqrt((wav[int(start * rate): int(end * rate)] ** 2).mean()) > 0.01


def test_the_report_says_what_was_seen_found_and_used(dubbed):
    folder, report = dubbed
    assert json.loads((folder / "dub.json").read_text()) == report
    assert report["seen"]["face"]["found"] and report["seen"]["scene"]["caption"].endswith(".")
    assert {r["modality"] for r in report["references"]} == {"scene", "face", "text"}
    assert len(report["references"]) == 9 and all("score" in r and "captions" in r for r in report["references"])
    assert len(report["weights"]["voice"]) == len(report["weights"]["refiner"]) == 64
    frames = sum(report["speech"]["durations_frames"])
    assert frames * 256 / 22_050 == pytest.approx(report["speech"]["seconds"], abs=1e-3)


def test_takes_are_reported_and_the_likest_that_is_no_rehearsal_is_written(dubbed, tmp_path):
    silent = len(STEPS)
    assert [take.get("rehearsal", False) for take in dubbed[1]["takes"]] == [True] * silent + [True, False]
    assert [take.get("silent", False) for take in dubbed[1]["takes"]] == [True] * silent + [False, False]
    report = dub_clip(request(tmp_path, takes=3, vocoder="lite"))
    assert [take.get("rehearsal", False) for take in report["takes"]] == [True] * silent + [True, False, False]
    first, second = (take["likeness"] for take in report["takes"][silent + 1:])
    encoder, wanted = speaker_encoder(), read_prompt(*sf.read(VOICE, dtype="float32")).dvector
    wav, rate = sf.read(tmp_path / "dub.wav", dtype="float32")
    speech = wav[int(report["speech"]["start"] * rate): int(report["speech"]["end"] * rate) + 1]
    assert cosine(encoder.embed(speech, rate), wanted) == pytest.approx(max(first, second), abs=0.02)


def test_one_take_is_not_rehearsed(tmp_path):
    assert dub_clip(request(tmp_path, takes=1, vocoder="lite"))["takes"] == []


def test_the_report_says_where_the_time_went(dubbed):
    timing = dubbed[1]["timing"]
    assert set(timing["stages"]) == {"reading", "loading", "prompt", "faces", "retrieval", "synthesis", "vocoder",
                                     "mux"}
    assert all(stage["wall_s"] >= 0 and stage["cpu_s"] >= 0 for stage in timing["stages"].values())
    warm = [stage["wall_s"] for name, stage in timing["stages"].items() if name != "loading"]
    most = min(sum(warm), timing["total"]["wall_s"])
    assert max(warm) / 3 - 0.01 <= timing["warm_real_time_factor"] <= most / 3 + 0.01
    longest = max(stage["wall_s"] for stage in timing["stages"].values())
    assert longest <= timing["total"]["wall_s"] + 0.01 and timing["total"]["cpu_s"] > 0


def test_a_clip_without_a_face_uses_all_of_itself_and_says_so(tmp_path):
    clip = tmp_path / "black.mp4"
    run(["-v", "error", "-f", "lavfi", "-i", "color=black:s=160x120:d=1.6:r=30", str(clip)])
    report = dub_clip(request(tmp_path, clip=clip, script="[wind] No one is here.", k=0))
    assert "in brackets, so not spoken: [wind]" in report["notes"] and "w" not in report["phones"].split("n")[0]
    assert not report["window"]["from_mouth"] and report["references"] == []
    assert any("no face was found" in note for note in report["notes"])
    assert len(sf.read(tmp_path / "dub.wav")[0]) == report["samples"] == round(1.6 * 22_050)


def test_speech_lies_where_the_director_asks(tmp_path):
    report = dub_clip(request(tmp_path, script="Stay close.", window=(1.5, None), vocoder="lite", takes=1))
    assert report["window"]["asked"] and not report["window"]["from_mouth"]
    assert report["window"]["start"] == report["speech"]["start"] == 1.5 and report["speech"]["end"] <= 3.0
    wav, rate = sf.read(tmp_path / "dub.wav")
    assert not wav[: int(1.45 * rate)].any() and abs(wav[int(1.5 * rate):]).max() > 0.05
    with pytest.raises(InputError, match="outside the clip"):
        dub_clip(request(tmp_path, window=(3.5, 4.0)))


def test_several_sentences_and_numbers_are_spoken(tmp_path):
    script = "Dr. Who owes me $20! Will she pay by May 5th? No. " + "And so we wait, and wait, and wait for her. " * 4
    clip = tmp_path / "long.mp4"
    run(["-v", "error", "-f", "lavfi", "-i", "color=gray:s=160x120:d=14:r=25", str(clip)])
    report = dub_clip(request(tmp_path, clip=clip, script=script, k=1))
    assert "dˈɑːktɚ" in report["phones"] and "twˈɛnti" in report["phones"]
    assert report["samples"] == 14 * 22_050


def test_a_script_too_long_for_its_clip_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(InputError, match="too long"):
        dub_clip(request(tmp_path, script="wait for me " * 60))
    assert list(tmp_path.iterdir()) == []


def test_the_clip_is_never_overwritten(tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((EXAMPLES / "clip.mp4").read_bytes())
    with pytest.raises(UsageError):
        dub_clip(request(tmp_path, clip=clip, out=clip))
    assert clip.read_bytes() == (EXAMPLES / "clip.mp4").read_bytes()
