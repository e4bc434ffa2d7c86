"""`--emotion`: parsed strictly, told to the graphs by its strength; director's room in the window."""

import dataclasses
import json
from importlib.resources import files

import numpy as np
import pytest

from dubctl.dubbing.acted import ENERGY_LIMIT, LEVEL, PHRASES, Feeling, direction_of, parse_feeling
from dubctl.dubbing.direction import Wishes, room_seconds, told
from dubctl.dubbing.scene_reading import Reading
from dubctl.emotion.base import EMOTIONS, FaceEmotion, LipTrack, SceneEmotion
from dubctl.emotion.profiles import load_profile
from dubctl.errors import UsageError
from dubctl.synth.direction import PLAIN

PROFILE = load_profile("lite")


@pytest.mark.parametrize(("text", "feeling"), [("joy", Feeling("joy", 1.0)), ("Anger:0.5", Feeling("anger", 0.5)),
                                               ("neutral:0", Feeling("neutral", 0.0)),
                                               ("sad:0.2", Feeling("sadness", 0.2)),
                                               ("Happy", Feeling("joy")), ("scene:0.5", Feeling("scene", 0.5))])
def test_feelings_are_read(text, feeling):
    assert parse_feeling(text) == feeling


@pytest.mark.parametrize("text", ["glee", "3", "joy:", "joy:3", "joy:-1", "joy:nan", "joy:x", ""])
def test_others_are_refused(text):
    with pytest.raises(UsageError, match="--emotion"):
        parse_feeling(text)


def test_a_feeling_is_as_loud_as_the_headroom_allows_and_the_strong_one_louder():
    normal, strong = (direction_of(Feeling("anger", s)).energy_db for s in (1.0, 2.0))
    measured = json.loads(files("dubctl.dubbing").joinpath("acted_prosody.json").read_text())["emotions"]["anger"]
    assert normal == pytest.approx(LEVEL * measured["normal"]["energy_db"]) and normal < strong == ENERGY_LIMIT


def test_the_phrases_feel_like_their_names_to_the_text_encoder():
    shares = np.stack([PROFILE.text.extract(PHRASES[name]).profile for name in EMOTIONS])
    assert [EMOTIONS[i] for i in shares.argmax(1)] == list(EMOTIONS)


@pytest.fixture(scope="module")
def reading():
    text = PROFILE.text.extract("Stay close, and don't look back.")
    still = np.zeros(25, np.float32)
    vector, profile = text.react_vector, text.profile
    return Reading(SceneEmotion("a scene", vector, profile), FaceEmotion("", None, None, LipTrack(
        still, still, still > 0), 0.0), text, (0.0, 1.0), False, None)


def test_the_graphs_are_told_by_strength_and_what_was_seen_stays(reading):
    aim = PROFILE.text.extract(PHRASES["anger"]).self_vector
    near = [float(told(reading, Feeling("anger", s), PROFILE).scene.vector @ aim) for s in (0.0, 0.4, 0.8, 1.0)]
    assert near == sorted(near) and near[0] < near[-1] == pytest.approx(1, abs=1e-3)
    assert told(reading, Feeling("anger", 0.0), PROFILE) is reading and told(reading, None, PROFILE) is reading
    moved = told(reading, Feeling("anger"), PROFILE)
    assert moved.scene.caption == "a scene" and moved.face.vector is None
    np.testing.assert_array_equal(moved.text.profile, reading.text.profile)


def test_vectors_of_another_space_stay(reading):
    other = dataclasses.replace(reading, scene=dataclasses.replace(reading.scene, vector=np.ones(3, np.float32)))
    assert told(other, Feeling("anger"), PROFILE).scene.vector.tolist() == [1, 1, 1]


def test_a_finding_is_acted_as_far_as_the_asked_feeling_leaves_it():
    found = Feeling("joy", 0.8)
    alone = Wishes(found=found).whole()
    assert alone == direction_of(found) and alone.pitch_st > 0
    half = Wishes(feeling=Feeling("sadness", 0.5), found=found).whole()
    assert half == direction_of(Feeling("joy", 0.4)).joined(direction_of(Feeling("sadness", 0.5)))
    assert Wishes(feeling=Feeling("neutral"), found=found).whole() == Wishes().whole()
    assert Wishes(feeling=Feeling("sadness"), found=found).whole() == direction_of(Feeling("sadness"))


def test_scene_is_how_strongly_the_finding_is_acted():
    assert Wishes.of(PLAIN, Feeling("scene", 0.4)) == Wishes(scene=0.4)
    assert Wishes.of(PLAIN, Feeling("joy")) == Wishes(feeling=Feeling("joy"))


def test_a_slow_rate_runs_past_the_window_but_not_past_the_clip():
    assert room_seconds((0.5, 2.5), 1.0, 3.0) == 2.0
    assert room_seconds((0.5, 2.5), 2.0, 3.0) == 1.0
    assert room_seconds((0.5, 2.5), 0.5, 3.0) == 2.5


def test_nothing_asked_is_nothing_reported():
    assert Wishes().report(np.zeros(100, np.float32)) == {}
    asked = Wishes(feeling=Feeling("joy")).report(np.zeros(22_050, np.float32))
    assert asked["emotion"]["name"] == "joy" and asked["applied"]["pitch_st"] > 1
    assert asked["measured"]["pitch_hz"] is None
