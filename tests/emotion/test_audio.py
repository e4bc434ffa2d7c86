"""Each functional against a signal whose answer is known; then the normalisation, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dubctl.emotion.audio import PRIOR_CLIPS, FunctionalsExtractor, measure_named
from dubctl.emotion.functionals import loud_peaks
from dubctl.emotion.speechtracks import runs
from dubctl.errors import InputError

RATE = 16_000


def voice(hertz: float | np.ndarray, seconds: float = 2.0, tilt: float = 1.0, rate: int = RATE) -> np.ndarray:
    """A steady vowel-like tone: harmonics of `hertz` (a number or a track) falling as 1 / n^tilt."""
    time = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, time.shape)) / rate
    top = int(min(30, 0.45 * rate / np.max(hertz)))
    wave = sum(np.sin(n * phase) / n**tilt for n in range(1, top + 1))
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def semitones(hertz: float) -> float:
    return 12 * np.log2(hertz / 27.5)


@pytest.fixture(scope="module")
def extractor() -> FunctionalsExtractor:
    return FunctionalsExtractor()


@pytest.mark.parametrize("hertz", [110.0, 200.0, 400.0])
def test_steady_tone_has_its_pitch_and_no_movement(hertz: float) -> None:
    found = measure_named(voice(hertz), RATE)
    for name in ("pitch_mean_st", "pitch_p20_st", "pitch_p50_st", "pitch_p80_st"):
        assert found[name] == pytest.approx(semitones(hertz), abs=0.15)
    assert found["pitch_std_st"] < 0.2 and found["pitch_range_st"] < 0.2 and found["jitter_st"] < 0.05
    assert found["voiced_share"] > 0.95 and found["pause_share"] == 0
    assert abs(found["pitch_final_st_per_s"]) < 1


def test_an_octave_glide_rises_at_its_rate() -> None:
    time = np.arange(2 * RATE) / RATE
    up = measure_named(voice(150 * 2 ** (time / 2)), RATE)
    down = measure_named(voice(300 * 2 ** (-time / 2)), RATE)
    assert up["pitch_rise_mean_st_per_s"] == pytest.approx(6, rel=0.15)
    assert up["pitch_final_st_per_s"] == pytest.approx(6, rel=0.25)
    assert down["pitch_fall_mean_st_per_s"] == pytest.approx(6, rel=0.15)
    assert down["pitch_final_st_per_s"] == pytest.approx(-6, rel=0.25)
    assert up["pitch_range_st"] == pytest.approx(0.6 * 12, abs=0.6)


def test_vibrato_is_spread_and_jitter_grows_with_roughness() -> None:
    time = np.arange(2 * RATE) / RATE
    waved = measure_named(voice(200 * 2 ** (np.sin(2 * np.pi * 3 * time) / 6)), RATE)
    assert waved["pitch_std_st"] == pytest.approx(2 / np.sqrt(2), rel=0.2)
    rough = np.repeat(200 * 2 ** (np.random.default_rng(0).normal(0, 0.04, 100)), 320)
    assert measure_named(voice(rough), RATE)["jitter_st"] > 5 * measure_named(voice(200.0), RATE)["jitter_st"]


def test_amplitude_swings_are_counted_as_syllables() -> None:
    time = np.arange(4 * RATE) / RATE
    for rate in (3, 5):
        swing = voice(180.0, 4.0) * (0.55 + 0.45 * np.sin(2 * np.pi * rate * time)).astype(np.float32)
        assert measure_named(swing, RATE)["loud_peaks_per_s"] == pytest.approx(rate, abs=0.4)


def test_peaks_need_three_decibels() -> None:
    ramp = np.concatenate([np.linspace(-40, -10, 30), np.linspace(-10, -30, 30), np.linspace(-30, -12, 30)])
    assert len(loud_peaks(ramp)) == 2
    assert len(loud_peaks(np.full(50, -20.0) + np.tile([0.0, 1.0], 25))) == 1


def test_level_is_decibels_of_rms_and_only_it_follows_the_gain() -> None:
    wav = voice(180.0) * np.hanning(2 * RATE).astype(np.float32) + voice(330.0) * 0.01
    loud, soft = measure_named(wav, RATE), measure_named(wav * 0.05, RATE)
    assert loud["level_mean_db"] - soft["level_mean_db"] == pytest.approx(20 * np.log10(20), abs=0.01)
    for name in set(loud) - {"level_mean_db"}:
        assert soft[name] == pytest.approx(loud[name], abs=0.02, rel=0.01), name
    steady = voice(200.0)
    assert measure_named(steady, RATE)["level_mean_db"] == pytest.approx(10 * np.log10(np.mean(steady**2)), abs=0.3)


def test_a_swell_is_drift_and_rise_not_shimmer() -> None:
    time = np.arange(2 * RATE) / RATE
    found = measure_named(voice(200.0) * (10 ** ((time - 2) * 10 / 20)).astype(np.float32), RATE)
    assert found["level_drift_db_per_s"] == pytest.approx(10, abs=0.7)
    assert found["level_rise_mean_db_per_s"] == pytest.approx(10, rel=0.2)
    assert found["shimmer_db"] < 0.3


def test_runs_and_pauses_have_their_lengths() -> None:
    hush = np.zeros(int(0.4 * RATE), np.float32)
    found = measure_named(np.concatenate([voice(200.0, 0.6), hush, voice(200.0, 0.6), hush, voice(200.0, 0.6)]), RATE)
    assert found["voiced_run_mean_s"] == pytest.approx(0.6, abs=0.06)
    assert found["unvoiced_run_mean_s"] == pytest.approx(0.4, abs=0.06)
    assert found["voiced_runs_per_s"] == pytest.approx(3 / 2.6, rel=0.1)
    assert found["voiced_share"] == pytest.approx(1.8 / 2.6, abs=0.06)
    assert found["pause_share"] == pytest.approx(0.8 / 2.6, abs=0.06)
    assert found["voiced_run_std_s"] < 0.05


def test_noise_at_the_edges_of_silence_does_not_count() -> None:
    quiet = np.zeros(RATE // 2, np.float32)
    bare = measure_named(voice(200.0), RATE)
    held = measure_named(np.concatenate([quiet, voice(200.0), quiet]), RATE)
    assert held["voiced_runs_per_s"] == pytest.approx(bare["voiced_runs_per_s"], abs=0.05)
    assert held["voiced_run_mean_s"] == pytest.approx(bare["voiced_run_mean_s"], abs=0.05)


def test_a_darker_voice_has_less_above_a_kilohertz() -> None:
    bright, dark = measure_named(voice(160.0, tilt=0.5), RATE), measure_named(voice(160.0, tilt=2.0), RATE)
    assert dark["alpha_ratio_db_mean"] > bright["alpha_ratio_db_mean"] + 10
    assert dark["hammarberg_db_mean"] > bright["hammarberg_db_mean"] + 5
    assert dark["slope_500_1500_db_per_khz_mean"] < bright["slope_500_1500_db_per_khz_mean"]
    assert dark["centroid_octaves_re_1khz_mean"] < bright["centroid_octaves_re_1khz_mean"] - 0.5
    assert dark["top_band_db_mean"] < bright["top_band_db_mean"] - 5
    assert dark["mfcc1_mean"] > bright["mfcc1_mean"]
    assert dark["slope_0_500_db_per_khz_mean"] < bright["slope_0_500_db_per_khz_mean"]


def test_first_over_second_harmonic_is_measured() -> None:
    time = np.arange(2 * RATE) / RATE
    wave = sum(a * np.sin(2 * np.pi * 150 * n * time) for n, a in ((1, 0.2), (2, 0.1), (3, 0.1), (4, 0.05), (5, 0.05)))
    found = measure_named(wave.astype(np.float32), RATE)
    assert found["h1_h2_db_mean"] == pytest.approx(6.02, abs=0.5) and found["h1_h2_db_std"] < 0.5


def test_harmonicity_follows_the_noise_mixed_in() -> None:
    tone = voice(200.0)
    noise = np.random.default_rng(1).normal(size=len(tone)).astype(np.float32)
    noise *= np.sqrt(np.mean(tone**2) / np.mean(noise**2))
    clean, mixed = (measure_named(tone + noise * 10 ** (-ratio / 20), RATE)["hnr_db_mean"] for ratio in (60, 10))
    assert clean > 25
    assert mixed == pytest.approx(10, abs=2.5)


def test_flat_noise_is_flat_and_unvoiced() -> None:
    noise = (0.1 * np.random.default_rng(2).normal(size=2 * RATE)).astype(np.float32)
    found = measure_named(noise, RATE)
    assert found["voiced_share"] < 0.1
    assert found["unvoiced_centroid_octaves_re_1khz_mean"] == pytest.approx(2, abs=0.1)  # half of 8 kHz
    assert found["unvoiced_alpha_ratio_db_mean"] == pytest.approx(10 * np.log10(950 / 4000), abs=0.5)
    assert found["flatness_db_mean"] > -4 > measure_named(voice(200.0), RATE)["flatness_db_mean"]
    assert abs(found["unvoiced_hammarberg_db_mean"]) < 2


def test_flux_is_change_of_the_spectrum() -> None:
    alternating = np.concatenate([voice(150.0, 0.1, tilt) for tilt in (0.2, 2.0) * 10])
    assert measure_named(alternating, RATE)["flux_mean"] > 2 * measure_named(voice(150.0), RATE)["flux_mean"]


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_other_rates_measure_alike(rate: int) -> None:
    found, here = measure_named(voice(200.0, rate=rate, tilt=1.5), rate), measure_named(voice(200.0, tilt=1.5), RATE)
    for name in ("pitch_mean_st", "level_mean_db", "alpha_ratio_db_mean", "voiced_share", "h1_h2_db_mean"):
        assert found[name] == pytest.approx(here[name], abs=0.5), name


@pytest.mark.parametrize(("wav", "message"), [
    (np.zeros(RATE, np.float32), "silent"), (np.full(RATE, 1e-6, np.float32), "silent"),
    (voice(200.0, 0.05), "too short"), (np.zeros((2, RATE), np.float32), "mono"),
    (np.full(RATE, np.nan, np.float32), "not numbers"), (np.zeros(0, np.float32), "too short"),
])
def test_what_cannot_be_heard_is_refused(wav: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure_named(wav, RATE)


@pytest.mark.parametrize("wav", [
    np.eye(1, RATE, 5000, dtype=np.float32)[0], voice(200.0, 0.1), np.ones(RATE, np.float32),
    np.random.default_rng(3).normal(size=1700).astype(np.float32), voice(3000.0, 0.5),
])
def test_odd_sounds_give_finite_numbers(extractor: FunctionalsExtractor, wav: np.ndarray) -> None:
    raw = extractor.measure(wav, RATE)
    assert raw.shape == (extractor.space.dim,) and raw.dtype == np.float32 and np.isfinite(raw).all()
    vector = extractor.normalise(raw[None], ["x"])
    assert np.abs(vector).max() <= 4 and np.isfinite(vector).all()


def test_names_match_the_space(extractor: FunctionalsExtractor) -> None:
    assert len(set(extractor.names)) == len(extractor.names) == extractor.space.dim
    assert tuple(measure_named(voice(200.0), RATE)) == extractor.names


def test_one_clip_is_measured_against_the_population(extractor: FunctionalsExtractor) -> None:
    mean, std = extractor._mean, extractor._total
    raw = np.stack([mean, mean + 2 * std, mean - 9 * std])
    found = extractor.normalise(raw, ["a", "b", "c"])
    np.testing.assert_allclose(found[0], 0, atol=1e-4)
    np.testing.assert_allclose(found[1], 2, atol=1e-3)
    np.testing.assert_allclose(found[2], -4, atol=1e-6)


def test_shrinkage_weighs_clips_against_the_population(extractor: FunctionalsExtractor) -> None:
    mean, total = extractor._mean, extractor._total
    own = mean + 3 * total + np.linspace(-2, 2, 5)[:, None] * total
    found = extractor.normalise(own, ["a"] * 5)
    weight = 4 / (4 + PRIOR_CLIPS)
    std = np.sqrt(weight * np.var(np.linspace(-2, 2, 5)) + (1 - weight))
    # the speaker lies 3 above the population; the part (1 - weight) of it remains
    np.testing.assert_allclose(found[2], 3 * (1 - weight) / std, rtol=1e-3)
    np.testing.assert_allclose(found[3] - found[2], 1 / std, rtol=1e-3)


def test_many_clips_lose_the_speaker(extractor: FunctionalsExtractor) -> None:
    noise = np.random.default_rng(4).normal(size=(200, extractor.space.dim)) * extractor._within
    low, high = extractor._mean - 2 * extractor._total + noise, extractor._mean + 2 * extractor._total + noise
    found = extractor.normalise(np.concatenate([low, high]), ["low"] * 200 + ["high"] * 200)
    # alone the two lie 4 apart; the prior's four clips in two hundred leave under an eighth of that
    np.testing.assert_allclose(found[:200].mean(0), found[200:].mean(0), atol=0.5)


def test_rows_do_not_depend_on_order_or_company(extractor: FunctionalsExtractor) -> None:
    rng = np.random.default_rng(5)
    raw = extractor._mean + rng.normal(size=(6, extractor.space.dim)) * extractor._total
    speakers = ["a", "b", "a", "b", "a", "c"]
    found, pick = extractor.normalise(raw, speakers), [4, 0, 2]
    np.testing.assert_array_equal(extractor.normalise(raw[pick], [speakers[n] for n in pick]).round(5),
                                  found[pick].round(5))


def test_alike_clips_are_not_extreme(extractor: FunctionalsExtractor) -> None:
    raw = np.tile(extractor._mean, (50, 1))
    raw[0] += 0.1 * extractor._within
    assert np.abs(extractor.normalise(raw, ["a"] * 50)).max() < 0.5


def test_wrong_shapes_are_refused(extractor: FunctionalsExtractor) -> None:
    with pytest.raises(InputError, match="expected functionals"):
        extractor.normalise(np.zeros((2, 3)), ["a", "b"])
    with pytest.raises(InputError, match="expected functionals"):
        extractor.normalise(np.zeros((2, extractor.space.dim)), ["a"])


def test_runs_are_half_open() -> None:
    assert runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    assert runs(np.zeros(3, bool)) == []
