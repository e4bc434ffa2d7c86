"""Metrics that listen: voice similarity, length, DNSMOS, DistillMOS."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe

from dubctl.metrics.base import EvalItem
from dubctl.metrics.length import ExactLength
from dubctl.metrics.run import evaluate
from dubctl.metrics.secs import SpeakerSimilarity


def test_secs_knows_the_right_voice_and_counts_a_swapped_one(wav_file, tmp_path):
    low, high = wav_file("low.wav", 110, 2, 500), wav_file("high.wav", 260, 2, 1100)
    low_dub, high_dub = wav_file("low_dub.wav", 112, 3, 500), wav_file("high_dub.wav", 255, 3, 1100)
    right = [EvalItem("a", low_dub, prompt=low, speaker="low"), EvalItem("b", high_dub, prompt=high, speaker="high")]
    good = evaluate(right, ["secs"]).results["secs"]
    assert good.value > 0.9 and good.detail["nearest"]["value"] == 1.0 and good.detail["nearest"]["of"] == 2
    wrong = [EvalItem("a", high_dub, prompt=low, speaker="low"), EvalItem("b", high_dub, prompt=high, speaker="high"),
             EvalItem("c", tmp_path / "gone.wav", prompt=high, speaker="high")]
    bad = evaluate(wrong, ["secs"]).results["secs"]
    assert bad.detail["nearest"]["value"] == pytest.approx(1 / 3)  # swapped and missing are misses
    assert bad.value < good.value and bad.failures == 1
    assert list(bad.detail["by_speaker"]) == ["high", "low"]  # the missing dub pulls "high" to the bottom


def test_secs_of_silence_is_zero_not_dropped(wav_file, tmp_path):
    prompt, silent = wav_file("p.wav", seconds=2), tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(22050), 22050)
    report = evaluate([EvalItem("a", silent, prompt=prompt)], [SpeakerSimilarity()])
    assert report.results["secs"].value == 0.0 and "speech" in report.scores["secs"][0].failed


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two seconds of black at 25 fps."""
    path = tmp_path_factory.mktemp("clip") / "black.mp4"
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "color=black:size=64x48:rate=25:duration=2",
                    "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


@pytest.mark.parametrize("samples, value", [(44100, 1.0), (44099, 0.0), (44101, 0.0)])
def test_length_is_exact_to_the_sample(clip, tmp_path, samples, value):
    dub = tmp_path / "dub.wav"
    soundfile.write(dub, np.zeros(samples), 22050)
    result = evaluate([EvalItem("a", dub, clip=clip)], [ExactLength()]).results["length"]
    assert result.value == value and result.detail["off_by_max"] == abs(samples - 44100)


@pytest.mark.parametrize("metric, package", [("dnsmos", "speechmos"), ("distillmos", "distillmos")])
def test_an_opinion_score_prefers_a_voice_to_the_same_voice_in_noise(wav_file, tmp_path, capfd, metric, package):
    pytest.importorskip(package)
    clean = wav_file("clean.wav", 120, 2)
    wav, rate = soundfile.read(clean)
    noisy, gone = tmp_path / "noisy.wav", tmp_path / "gone.wav"
    soundfile.write(noisy, np.clip(wav + np.random.default_rng(0).normal(0, 0.2, len(wav)), -1, 1), rate)
    report = evaluate([EvalItem("clean", clean), EvalItem("noisy", noisy), EvalItem("gone", gone)], [metric])
    good, bad, none = report.scores[metric]
    assert 1 <= bad.value < good.value <= 5
    assert none.value == 1 and none.failed
    assert {"sig", "bak"} <= set(report.results[metric].detail) or metric != "dnsmos"
    assert not capfd.readouterr().out  # a result may be piped


def test_dnsmos_without_its_package_says_what_to_install(monkeypatch):
    from dubctl.errors import DependencyError
    from dubctl.metrics import dnsmos

    monkeypatch.setattr(dnsmos, "find_spec", lambda name: None)
    with pytest.raises(DependencyError) as caught:
        dnsmos.DnsMos().prepare()
    assert "dubctl[mos]" in caught.value.hint


def test_distillmos_without_its_package_says_what_to_install(monkeypatch):
    from dubctl.errors import DependencyError
    from dubctl.metrics.distillmos import DistillMos

    monkeypatch.setitem(sys.modules, "distillmos", None)  # an import of it fails
    with pytest.raises(DependencyError) as caught:
        DistillMos().prepare()
    assert "dubctl[mos]" in caught.value.hint
