"""The benchmark of GRID clips: what it says of made words, and that a clip without a window counts as missed."""

from __future__ import annotations

import sys

import pytest

from dubctl.media.mel import HOP, RATE
from dubctl.synth.chunks import chunk_tokens
from tests.metrics.test_voice_benchmark import BENCHMARKS, load

sys.path.insert(0, str(BENCHMARKS))

bench = load("sync")
TEXT = "bin blue at f two now"
WORDS = [["sil", 0.0, 0.5], ["bin", 0.5, 0.7], ["blue", 0.7, 1.0], ["at", 1.0, 1.1], ["f", 1.1, 1.3], ["two", 1.3, 1.5],
         ["now", 1.5, 1.9], ["sil", 1.9, 3.0]]


def report(start=0.4, frames=5):
    count = sum(len(tokens) for tokens in chunk_tokens(TEXT))
    return {"speech": {"start": start, "durations_frames": [frames] * count}}


def test_words_are_timed_by_the_durations_of_their_sounds():
    made = bench.word_starts(report(), {"text": TEXT, "words": WORDS})
    assert len(made) == 5
    first_of_blue = 5  # an edge, three sounds of "bin", a space
    assert made[0] == pytest.approx(0.4 + first_of_blue * 5 * HOP / RATE - 0.7)
    later = bench.word_starts(report(start=0.5), {"text": TEXT, "words": WORDS})
    assert later == pytest.approx([value + 0.1 for value in made])


def test_words_that_cannot_be_paired_say_nothing():
    assert bench.word_starts(report(), {"text": TEXT, "words": WORDS[:-2]}) == []


def test_a_clip_without_a_window_is_a_miss_and_has_no_correlation():
    seen = {"start_seen": 0.05, "end_seen": 0.2, "start_heard": 0.0, "end_heard": 0.0, "words": [0.01, -0.2],
            "lips_dub": 0.3, "lips_recording": 0.4}
    found = bench.summary([seen, {"window": None}])
    assert found["start_seen"]["value"] == 0.5 and found["end_seen"]["value"] == 0.0
    assert found["words_near"] == {"value": 0.5, "ci95": found["words_near"]["ci95"], "n": 1}
    assert found["lips_dub"]["value"] == 0.3 and found["lips_dub"]["n"] == 1
    shown = bench.table({"clips": 2, "figures": found})
    assert "| ends so | 0.00" in shown and "labels | 0.50" in shown
