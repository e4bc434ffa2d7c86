"""Clicks, ripple and whine are heard where they were put, and not in speech without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubctl.media.mel import HOP, RATE
from tests.metrics.conftest import voice
from tests.metrics.test_voice_benchmark import load

bench = load("artefacts")


@pytest.fixture
def speech() -> np.ndarray:
    """Vowels, hiss, a plosive's burst with its breath, and pauses in a quiet room."""
    rng, part = np.random.default_rng(3), RATE // 2
    hiss = 0.05 * rng.normal(size=part) * np.hanning(part)
    burst = np.r_[0.2 * rng.normal(size=RATE // 200), 0.05 * rng.normal(size=RATE // 20)]
    fade = np.minimum(1, np.minimum(np.arange(part), np.arange(part)[::-1]) / 500)
    low, high = (fade * voice(f0, 0.5) for f0 in (120, 140))
    said = np.concatenate([low, hiss, np.zeros(part), burst, high, hiss, np.zeros(part)])
    room = 0.0005 * rng.normal(size=len(said))
    return (said + room).astype(np.float32)


def test_only_what_has_silence_on_both_sides_is_a_click(speech: np.ndarray) -> None:
    assert bench.clicks(speech) == []
    clicked = speech.copy()
    clicked[int(1.25 * RATE)] += 0.3
    assert bench.clicks(clicked) == [pytest.approx(1.25, abs=0.002)]
    assert bench.clicks(speech[:100]) == []


def test_a_buzz_at_the_frame_rate_is_a_ripple(speech: np.ndarray) -> None:
    def ripple(wav: np.ndarray) -> float:
        slots = bench.unvoiced_hops(wav).sum(0)
        return float(10 * np.log10(slots.max() / slots.min()))

    long = np.tile(speech, 8)
    each = 1 + 0.6 * np.sin(2 * np.pi * np.arange(len(long)) / HOP)
    assert ripple(long) < 1.5 and ripple(long * each) > 8


def test_a_tone_in_the_pauses_is_a_whine(speech: np.ndarray) -> None:
    def whine(wav: np.ndarray) -> tuple[float, float]:
        return bench.whine(np.mean(list(bench.pauses(wav)), 0))

    long = np.tile(speech, 6)
    tone = 0.0005 * np.sin(2 * np.pi * 9216 * np.arange(len(long)) / RATE)
    assert whine(long)[0] < 6
    over, level = whine((long + tone).astype(np.float32))
    loudest = max((piece.astype(float) ** 2).mean() for piece in long[: len(long) // 2048 * 2048].reshape(-1, 2048))
    assert over > 15 and level == pytest.approx(10 * np.log10(0.0005 ** 2 / 2 / loudest), abs=1.5)


def test_a_row_says_what_it_rests_on(speech: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    soundfile.write(tmp_path / "a.wav", speech, RATE)
    (tmp_path / "named.txt").write_text(f"{tmp_path / 'a.wav'}\n")
    assert bench.main([str(tmp_path), str(tmp_path / "named.txt")]) == 0
    first, second = capsys.readouterr().out.splitlines()[2:]
    assert first.split("|")[2:] == second.split("|")[2:] and "| 0.1 | 0.0 |" in first  # minutes, clicks
    assert bench.main([str(tmp_path / "none")]) == 3
    assert "has no speech" in capsys.readouterr().err
