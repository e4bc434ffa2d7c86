"""The edges of speech: a mouth that opens and waits is not speaking yet; the network sees the mouth and no clock."""

import numpy as np
import pytest

from dubctl.emotion.base import LipTrack
from dubctl.emotion.lips import speech_window
from dubctl.emotion.speech_onset import (
    FEATURES,
    REACH,
    OnsetModel,
    ScriptEnds,
    edges,
    features,
    kinds_of,
    likeliest,
    shipped,
)
from tests.emotion.vision import talking


def held_open(wait: int) -> LipTrack:
    """Opens at frame 20, waits, then speaks for 40 frames."""
    track = talking(100, [(20 + wait, 60 + wait)])
    opening = track.opening.copy()
    opening[18:20 + wait] = 0.05
    return LipTrack(opening, track.width, track.visible)


def padded(track: LipTrack, before: int, after: int) -> LipTrack:
    """The same mouth, at rest for longer before and after."""
    return LipTrack(*(np.pad(v, (before, after), mode="edge") for v in (track.opening, track.width, track.visible)))


@pytest.mark.parametrize("wait", [6, 10])
def test_a_mouth_held_open_is_waited_for(wait):
    window = speech_window(held_open(wait))
    assert window is not None and window[0] == pytest.approx((20 + wait) / 25, abs=0.13)


@pytest.mark.parametrize("before", [3, 25, 60])
def test_the_network_has_no_clock(before):
    track = talking(75, [(20, 50)], noise=0.0)
    seen = features(track, ScriptEnds("s", "n"))
    later = shipped().logits(np.pad(seen, ((before, 8), (0, 0)), mode="edge"))
    np.testing.assert_allclose(later[:, before: before + 75], shipped().logits(seen), atol=1e-3)


def test_a_mouth_at_rest_for_longer_moves_no_edge():
    track = talking(75, [(20, 50)])
    moved = np.subtract(edges(padded(track, 30, 8), 50, 80), edges(track, 20, 50))
    assert moved == pytest.approx(30 / 25, abs=0.06)


def test_speech_that_a_cut_begins_or_ends_reaches_to_the_cut():
    begun, ended = edges(talking(60, [(0, 40)]), 0, 40), edges(talking(60, [(20, 60)]), 20, 60)
    assert begun[0] < 0.15 and ended[1] > 2.25


def test_the_build_of_a_face_changes_nothing():
    track = talking(75, [(20, 50)], size=0.2, noise=0.0)
    larger = LipTrack(track.opening * 1.7, track.width * 1.7, track.visible)
    assert features(track).shape == (75, FEATURES)
    np.testing.assert_allclose(features(track), features(larger), atol=1e-4)


def test_a_long_pause_does_not_cost_the_first_sentence():
    window = speech_window(talking(160, [(20, 50), (100, 140)]))
    assert window is not None and window[0] == pytest.approx(20 / 25, abs=0.13)
    assert window[1] == pytest.approx(140 / 25, abs=0.13)


def test_edges_stay_near_the_movement_and_in_order():
    track = talking(75, [(20, 50)])
    for first, end in ((0, 3), (20, 50), (70, 74)):
        start, stop = edges(track, first, end)
        assert abs(start * 25 - first) <= REACH and start < stop <= 3
    assert edges(talking(10, [(0, 10)]), 0, 10)[0] >= 0


def test_the_answer_has_most_probability_near_it():
    logits = np.full(40, -20.0)
    logits[[10, 20, 22, 24]] = np.log([0.4, 0.2, 0.2, 0.2])  # one lone likely edge, and three that stand together
    assert likeliest(logits, 0, 39) == pytest.approx(22, abs=0.25)
    assert 5 <= likeliest(logits, 5, 15) <= 15 and likeliest(logits, 7, 7) == 7


def test_a_sound_that_the_model_never_met_is_unknown():
    assert kinds_of(ScriptEnds("b", "n")).tolist() == [1, 0, 0, 1, 0]
    assert not kinds_of(None).any() and not kinds_of(ScriptEnds("æ", "k")).any()


def test_the_network_is_the_one_that_was_trained():
    torch = pytest.importorskip("torch")
    model, x = shipped(), np.random.default_rng(0).normal(size=(50, FEATURES)).astype(np.float32)
    hidden = torch.relu(torch.tensor(model.arrays["lift.weight"] @ x.T + model.arrays["lift.bias"][:, None]))[None]
    for i, dilation in enumerate(model.arrays["dilations"].astype(int).tolist()):
        weight, bias = (torch.tensor(model.arrays[f"{i}.{name}"]) for name in ("weight", "bias"))
        reach = (weight.shape[2] - 1) // 2 * dilation
        wide = torch.nn.functional.pad(hidden, (reach, reach), mode="replicate")
        hidden = hidden + torch.relu(torch.nn.functional.conv1d(wide, weight, bias, dilation=dilation))
    expected = model.arrays["read.weight"] @ hidden[0].numpy() + model.arrays["read.bias"][:, None]
    np.testing.assert_allclose(model.logits(x), expected, atol=1e-3)
    assert OnsetModel.load().arrays.keys() == model.arrays.keys()
