"""The copies that the voice is trained on beside the recordings: what they change, and what they leave."""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "models" / "recipes"))

import voice_clips  # noqa: E402

from dubctl.media.audio import load_audio  # noqa: E402
from dubctl.media.mel import HOP, RATE  # noqa: E402
from dubctl.synth.decoder import energy_of  # noqa: E402
from dubctl.synth.pitch import f0_track, mean_log_f0  # noqa: E402
from dubctl.training import features  # noqa: E402

EXAMPLE = ROOT / "examples" / "voice.wav"


class NoVoice:
    def embed(self, wav, rate):
        return np.zeros(256, np.float32)


def pitch(path: Path) -> float:
    wav = load_audio(path, RATE)
    return mean_log_f0(f0_track(wav, len(wav) // HOP))


def test_a_hurried_copy_is_shorter_and_as_high(tmp_path):
    made = tmp_path / "hurried.flac"
    voice_clips._hurry(EXAMPLE, made, 1.5)
    assert sf.info(made).duration == pytest.approx(sf.info(EXAMPLE).duration / 1.5, rel=0.03)
    assert sf.info(made).samplerate == RATE
    assert pitch(made) == pytest.approx(pitch(EXAMPLE), abs=0.06)


def test_a_warped_copy_is_slower_and_lower_or_quicker_and_higher(tmp_path):
    made = tmp_path / "warped.flac"
    voice_clips._warp(EXAMPLE, made, 0.84)
    assert sf.info(made).duration == pytest.approx(sf.info(EXAMPLE).duration / 0.84, rel=0.01)
    assert pitch(made) == pytest.approx(pitch(EXAMPLE) + np.log(0.84), abs=0.06)


def test_the_target_without_noise_is_cut_and_levelled_as_the_recording_is(tmp_path):
    wav = np.pad(load_audio(EXAMPLE, RATE) * 0.4, (RATE // 3, RATE // 2))
    noise = 0.004 * np.random.default_rng(0).standard_normal(len(wav)).astype(np.float32)
    sf.write(tmp_path / "noisy.flac", wav + noise, RATE)
    sf.write(tmp_path / "quiet.flac", wav, RATE)
    recorded = features.compute(tmp_path / "noisy.flac", NoVoice()).mel.astype(np.float32)
    target = voice_clips.mel_of(
        voice_clips.levelled(tmp_path / "noisy.flac", tmp_path / "quiet.flac")).astype(np.float32)
    assert target.shape == recorded.shape
    loudness = energy_of(voice_clips.torch.from_numpy(np.stack([recorded, target]))).numpy()
    loud = loudness[0] > np.quantile(loudness[0], 0.7)
    assert np.abs(loudness[1] - loudness[0])[loud].max() < 0.1
    assert (target <= recorded + 0.5).mean() > 0.95 and (recorded - target).mean() > 0.3


def test_every_copy_of_a_clip_with_a_quiet_copy_has_one_too(tmp_path):
    args, copied = Namespace(quiet=tmp_path / "quiet"), []
    row = {"audio": "a.flac", "quiet": tmp_path / "quiet" / "a.flac"}
    found = voice_clips._copies(args, tmp_path, row, tmp_path / "warped" / "a_0.9.flac",
                                lambda source, made: copied.append((source.parent.name, made.parent.name)))
    assert found == {"quiet": tmp_path / "quiet" / "a_0.9.flac"}
    assert copied == [(tmp_path.name, "warped"), ("quiet", "quiet")]
    assert voice_clips._copies(args, tmp_path, {"audio": "a.flac"}, tmp_path / "b.flac", lambda _, made: None) == {}
