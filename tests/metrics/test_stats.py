"""Statistics against answers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from dubctl.metrics.stats import bootstrap_ci, mcnemar, paired_bootstrap, ratio, sign_flip_p, too_few


def test_ratio_is_corpus_level_not_the_mean_of_ratios():
    assert ratio([1, 0], [1, 9]) == pytest.approx(0.1)
    assert ratio([0.2, 0.4]) == pytest.approx(0.3)
    assert ratio([], []) is None
    assert ratio([0.0], [0.0]) is None


def test_interval_of_a_normal_mean_is_196_standard_errors():
    values = np.random.default_rng(1).normal(5, 2, 400)
    low, high = bootstrap_ci(values, resamples=4000)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_interval_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(2)
    hits = 0
    for i in range(200):
        low, high = bootstrap_ci(rng.exponential(1.0, 60), resamples=400, seed=i)
        hits += low <= 1.0 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_clusters_are_drawn_whole():
    # ten copies of each speaker's value carry no more news than one: the interval must be that of ten clips
    means = np.random.default_rng(3).normal(0, 1, 10)
    copies, names = np.repeat(means, 10), np.repeat(np.arange(10), 10)
    assert bootstrap_ci(copies, clusters=names) == pytest.approx(bootstrap_ci(means))
    narrow, wide = bootstrap_ci(copies), bootstrap_ci(copies, clusters=names)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_one_speaker_falls_back_to_clips_and_one_clip_has_no_interval():
    assert bootstrap_ci([1.0, 2.0, 3.0], clusters=["a"] * 3) == bootstrap_ci([1.0, 2.0, 3.0])
    assert bootstrap_ci([1.0]) is None
    assert bootstrap_ci([0.0, 0.0], [0.0, 0.0]) is None


def test_equal_seeds_give_equal_figures():
    values = [0.1, 0.5, 0.2, 0.9]
    assert bootstrap_ci(values, seed=4) == bootstrap_ci(values, seed=4)


def test_paired_bootstrap_sees_a_small_steady_gain_that_intervals_hide():
    base = np.random.default_rng(5).normal(0, 10, 100)
    better = base + 0.5 + np.random.default_rng(6).normal(0, 0.5, 100)
    found = paired_bootstrap(base, better)
    assert found.difference == pytest.approx(np.mean(better - base))
    assert found.ci95[0] > 0 and found.p < 0.01
    assert bootstrap_ci(better)[0] < bootstrap_ci(base)[1]  # unpaired, the two overlap


def test_paired_bootstrap_of_equal_systems_finds_nothing():
    values = np.random.default_rng(7).normal(0, 1, 50)
    assert paired_bootstrap(values, values).p == 1.0
    noise = values + np.random.default_rng(8).normal(0, 1, 50)
    assert paired_bootstrap(values, noise).p > 0.05


def test_paired_bootstrap_needs_pairs():
    with pytest.raises(ValueError, match="same clips"):
        paired_bootstrap([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="at least two"):
        paired_bootstrap([1.0], [2.0])


@pytest.mark.parametrize("b, c, p", [(1, 9, 22 / 1024), (9, 1, 22 / 1024), (5, 5, 1.0), (0, 0, 1.0), (0, 6, 2 / 64)])
def test_mcnemar_is_the_exact_binomial(b, c, p):
    assert mcnemar(b, c) == pytest.approx(p)


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(ValueError):
        mcnemar(-1, 2)


def test_a_sign_flip_test_is_exact_for_few_and_never_surer_than_its_units():
    """Two gains alike in sign: of four sign patterns two lie as far out. Three with one against: 0.1 + 0.2 - 0.05."""
    assert sign_flip_p([0.3, 0.1]) == 0.5 and paired_bootstrap([0, 0], [1, 1]).p == 0.5
    assert sign_flip_p([1.0] * 6) == 2 / 64 and sign_flip_p([0.1, 0.2, -0.05]) == 4 / 8
    assert sign_flip_p([0.0] * 4) == 1.0


def test_sampled_sign_flips_agree_with_counted_ones():
    gains = np.random.default_rng(9).normal(0.4, 1, 12)
    assert sign_flip_p(np.append(gains, 0.0)) == pytest.approx(sign_flip_p(gains), abs=0.02)  # 13 units are drawn


def test_p_is_uniform_where_nothing_differs():
    rng = np.random.default_rng(10)
    below = np.mean([paired_bootstrap(np.zeros(10), rng.normal(size=10), resamples=50).p < 0.05 for _ in range(400)])
    assert 0.02 < below < 0.09


def test_too_few_clips_or_speakers_are_warned_of():
    assert "only 1 clip:" in too_few(1, None) and "only 5 clips" in too_few(5, None)
    assert "there are only 3" in too_few(100, list("abc") * 30) and too_few(100, list("abcd") * 25) == ""
    assert too_few(6, ["a"] * 6) == "", "one speaker: clips are drawn"
