"""Resynthesis moves what the table of acted prosody moves, and by as much."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyworld", reason="a recipe's own need, not dubctl's")
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "models" / "recipes"))

import acted_render  # noqa: E402

from dubctl.media.audio import load_audio  # noqa: E402

TABLE = acted_render.load_table(ROOT / "dubctl" / "dubbing" / "acted_prosody.json")
NEUTRAL = acted_render.delivery_of(TABLE, "neutral", 0.0)


@pytest.fixture(scope="module")
def parts():
    return acted_render.take_apart(load_audio(ROOT / "examples" / "voice.wav", acted_render.RATE)[: 3 * 22_050])


def act(parts, delivery):
    return acted_render.act(parts, delivery, np.random.default_rng(0))


def median_pitch(wav):
    found = acted_render.take_apart(wav).f0
    return float(np.median(found[found > 0]))


def test_pitch_and_rate_are_what_was_asked(parts):
    plain, moved = act(parts, NEUTRAL), act(parts, replace(NEUTRAL, pitch_st=4.0, rate=0.8))
    assert 12 * np.log2(median_pitch(moved) / median_pitch(plain)) == pytest.approx(4, abs=0.7)
    assert len(moved) / len(plain) == pytest.approx(1 / 0.8, abs=0.02)


def test_the_spectrum_tilts_and_the_level_falls_as_asked(parts):
    bands = np.array(TABLE["bands_hz"])
    bright = replace(NEUTRAL, ltas_db=3.0 * np.log2(bands / 1000), level_contour_db=np.linspace(6, -6, 12))
    def levels(wav):
        return acted_render._bands(acted_render.take_apart(wav), bands)
    gained = levels(act(parts, bright)) - levels(act(parts, NEUTRAL))
    assert gained[bands > 2500].mean() - gained[(bands > 300) & (bands < 800)].mean() > 3
    halves = np.array_split(act(parts, bright), 2), np.array_split(act(parts, NEUTRAL), 2)
    fall = [10 * np.log10((a**2).mean() / (b**2).mean()) for a, b in halves]
    assert fall[0] > fall[1] + 2


@pytest.mark.parametrize("emotion", ["anger", "fear", "joy", "surprise"])
def test_stronger_is_higher(emotion):
    pitch = [acted_render.delivery_of(TABLE, emotion, s).pitch_st for s in (0.5, 1.0, 1.6, 2.0, 2.6)]
    assert pitch[0] < pitch[1] and pitch[2] < pitch[3] < pitch[4]


def test_no_voice_in_it_is_left_alone():
    noise = np.random.default_rng(1).normal(size=22_050) * 0.01
    assert np.isfinite(act(acted_render.take_apart(noise), NEUTRAL)).all()
