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
