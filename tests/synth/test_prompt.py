"""The timbre prompt: any rate, silence trimmed, too short or silent refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr

from dubctl.errors import InputError
from dubctl.synth.pitch import f0_track, mean_log_f0
from dubctl.synth.prompt import read_prompt

WAV, RATE = sf.read(Path(__file__).parents[2] / "examples" / "voice.wav", dtype="float32")


def test_silence_at_the_ends_and_level_change_nothing_that_matters():
    plain = read_prompt(WAV, RATE)
    padded = read_prompt(np.pad(WAV * 0.1, (RATE, 2 * RATE)), RATE)
    assert abs(plain.seconds - padded.seconds) < 0.2
    assert float(plain.dvector @ padded.dvector) > 0.97
    assert abs(plain.log_f0 - padded.log_f0) < 0.03


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_any_rate_is_the_same_voice(rate):
    there = read_prompt(soxr.resample(WAV, RATE, rate), rate)
    assert float(read_prompt(WAV, RATE).dvector @ there.dvector) > 0.85
    assert abs(there.log_f0 - read_prompt(WAV, RATE).log_f0) < 0.05


@pytest.mark.parametrize(("wav", "reason"), [(WAV[RATE: RATE + RATE // 5], "at least"), (WAV * 0, "silent"),
                                             (np.zeros(0, np.float32), "silent")])
def test_what_cannot_be_used_is_refused_with_the_reason(wav, reason):
    with pytest.raises(InputError, match=reason):
        read_prompt(wav, RATE)


def test_f0_of_a_buzz_is_found_on_the_mel_clock():
    t = np.arange(RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * 160 * k * t) / k for k in range(1, 12)).astype(np.float32) * 0.2
    f0 = f0_track(buzz, 86)
    assert len(f0) == 86 and np.median(f0[f0 > 0]) == pytest.approx(160, rel=0.02)
    assert mean_log_f0(np.zeros(50, np.float32)) is None


def noisy(decibels):
    """The prompt with white noise `decibels` under its speech."""
    noise = np.random.default_rng(0).normal(size=len(WAV)).astype(np.float32)
    return WAV + noise * np.sqrt((WAV**2).mean()) * 10 ** (-decibels / 20)


def test_a_clean_prompt_has_nothing_said_about_it():
    quality = read_prompt(WAV, RATE).quality
    assert quality.warnings() == [] and quality.snr_db > 20 and quality.speech_seconds > 1


def test_noise_is_measured_and_warned_of_and_noise_at_the_ends_is_cut():
    quality = read_prompt(noisy(10), RATE).quality
    assert quality.snr_db < 20 and any("noisy" in line for line in quality.warnings())
    floor = np.random.default_rng(1).normal(size=4 * RATE).astype(np.float32) * np.abs(WAV).max() * 0.02
    floor[RATE: RATE + len(WAV)] += WAV[: 3 * RATE]
    there, plain = read_prompt(floor, RATE), read_prompt(WAV, RATE)
    assert there.seconds < plain.seconds + 0.3 and there.quality.cut_seconds > 0.5
    assert float(there.dvector @ plain.dvector) > 0.7


def test_clipping_is_warned_of_then_refused():
    said = read_prompt(np.clip(WAV * 4, -0.5, 0.5), RATE).quality.warnings()
    assert any("clipped" in line for line in said)
    with pytest.raises(InputError, match="clipped beyond use"):
        read_prompt(np.sign(WAV) * 0.5 + WAV * 0.01, RATE)


def test_noise_alone_is_no_voice():
    with pytest.raises(InputError, match="no voice can be told from the noise"):
        read_prompt(np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32) * 0.1, RATE)


def test_a_long_prompt_names_the_same_voice_by_all_its_speech_up_to_30_seconds():
    long = read_prompt(np.tile(WAV, 1 + int(40 * RATE / len(WAV))), RATE)
    assert long.seconds == pytest.approx(30.0) and long.quality.cut_seconds > 5 and long.mel.shape == (260, 80)
    assert float(long.dvector @ read_prompt(WAV, RATE).dvector) > 0.9


def test_an_offset_is_taken_out_and_samples_that_are_no_numbers_are_refused():
    shifted = read_prompt(np.pad(WAV, RATE) + np.float32(0.1), RATE)
    assert abs(shifted.seconds - read_prompt(WAV, RATE).seconds) < 0.2
    broken = WAV.copy()
    broken[100] = np.nan
    with pytest.raises(InputError, match="not finite"):
        read_prompt(broken, RATE)
