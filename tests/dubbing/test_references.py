"""From a feeling that the director asks for to references of that feeling, as strong as asked."""

import dataclasses

import numpy as np
import pytest
import torch

from dubctl.dubbing.acted import Feeling
from dubctl.dubbing.direction import told
from dubctl.dubbing.references import emotion_batch, find, labelled
from dubctl.dubbing.scene_reading import Reading
from dubctl.emotion.base import EMOTIONS, FaceEmotion, LipTrack, SceneEmotion
from dubctl.emotion.profiles import load_profile
from dubctl.graph.build import MODALITIES
from dubctl.library.builtin import builtin_library

PROFILE = load_profile("lite")
LIBRARY = builtin_library()


@pytest.fixture(scope="module")
def reading():
    text = PROFILE.text.extract("Stay close, and don't look back.")
    still = np.zeros(25, np.float32)
    return Reading(SceneEmotion("a scene", text.self_vector, text.profile),
                   FaceEmotion("", text.react_vector, text.profile, LipTrack(still, still, still > 0), 1.0), text,
                   (0.0, 1.0), False, None)


def search(reading, feeling):
    return find(LIBRARY, told(reading, feeling, PROFILE), 3, None, feeling=feeling)


@pytest.mark.parametrize("name", EMOTIONS)
def test_a_feeling_is_looked_up_among_its_own_footage(reading, name):
    hits = search(reading, Feeling(name))
    assert len(hits) == 9 and {LIBRARY.rows[LIBRARY.lookup(hit.id)].emotion for hit in hits} == {name}


def test_without_a_feeling_or_with_none_of_it_all_footage_is_searched(reading):
    assert search(reading, None) == search(reading, Feeling("anger", 0.0)) == find(LIBRARY, reading, 3, None)


def test_labels_of_data_sets_are_understood():
    assert labelled(LIBRARY, "sadness").sum() >= 30 and not (labelled(LIBRARY, "joy") & labelled(LIBRARY, "fear")).any()


def test_strength_moves_the_sound_away_from_neutral(reading):
    """Half as strong: half as far from the mean neutral clip; at 2, as the references sounded."""
    def heard(strength):
        hits = search(reading, Feeling("anger"))
        return emotion_batch(LIBRARY, reading, hits, Feeling("anger", strength)).audio
    plain = emotion_batch(LIBRARY, reading, search(reading, Feeling("anger"))).audio
    middle = torch.from_numpy(LIBRARY.vectors["audio"][labelled(LIBRARY, "neutral")].mean(0))
    for m in MODALITIES:
        assert torch.allclose(heard(2.0)[m], plain[m], atol=1e-5)
        assert torch.allclose(heard(1.0)[m], (plain[m] + middle) / 2, atol=1e-5)
    neutral = search(reading, Feeling("neutral", 0.5))
    assert torch.equal(emotion_batch(LIBRARY, reading, neutral, Feeling("neutral", 0.5)).audio["text"],
                       emotion_batch(LIBRARY, reading, neutral).audio["text"])


def test_a_black_picture_tells_nothing_unless_the_director_does(reading):
    black = dataclasses.replace(reading, scene=dataclasses.replace(
        reading.scene, stats={"lightness": 0.0, "contrast": 0.0, "motion": 0.0}))
    dark = dataclasses.replace(reading, scene=dataclasses.replace(
        reading.scene, stats={"lightness": 2.0, "contrast": 1.5, "motion": 0.0}))
    def seen(what, feeling=None):
        return emotion_batch(LIBRARY, what, search(what, feeling), feeling).basic_mask[0].tolist()
    assert seen(black) == [False, True, True] and seen(dark) == seen(reading) == [True, True, True]
    assert seen(black, Feeling("anger")) == [True, True, True]
