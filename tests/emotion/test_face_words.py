import pytest

from dubctl.emotion.face_words import FEELINGS, RESTING, course, features, feeling, sentence

CALM = {**RESTING, **{f"{name}_change": 0.0 for name in RESTING}, "opening": 0.03, "opening_peak": 0.1,
        "mouth_motion": 0.02, "head_motion": 0.01, "blinks_per_second": 0.2}


def shares(**given: float) -> dict[str, float]:
    rest = (1 - sum(given.values()))
    return {**{name: 0.0 for name in FEELINGS}, "neutral": rest, **given}


@pytest.mark.parametrize(("given", "word"), [
    ({"sadness": 0.1}, "calm"), ({"sadness": 0.22}, "calm"), ({"sadness": 0.3, "anger": 0.2}, "slightly sad"),
    ({"joy": 0.5}, "happy"), ({"fear": 0.7}, "very afraid")])
def test_feelings_have_degrees(given: dict[str, float], word: str) -> None:
    assert feeling(shares(**given)) == word


@pytest.mark.parametrize(("words", "text"), [
    (["sad"], "The face stays sad throughout"), (["sad"] * 3, "The face stays sad throughout"),
    (["calm", "sad", "sad"], "The face starts calm, then turns sad"),
    (["calm", "calm", "sad"], "The face is calm and turns sad at the end"),
    (["calm", "angry", "calm"], "The face is calm, turns angry for a moment, then is calm again"),
    (["calm", "angry", "sad"], "The face starts calm, turns angry and ends sad")])
def test_the_course_is_told_in_order(words: list[str], text: str) -> None:
    assert course(words) == text


def test_a_calm_face_is_not_made_dramatic() -> None:
    assert features(CALM) == ["the mouth moves a lot"]


@pytest.mark.parametrize(("change", "words"), [
    ({"mouth_motion": 0.001}, "the mouth is still"), ({"opening_peak": 0.5}, "a shout"),
    ({"brows_change": 0.05}, "the brows go up"), ({"brows": 0.35}, "the brows are raised"),
    ({"frown": 0.28}, "frown"), ({"corners": 0.09}, "smiles"), ({"corners": -0.06}, "droop"),
    ({"eyes": 0.14}, "wide open"), ({"head_motion": 0.2}, "restlessly"), ({"blinks_per_second": 2.0}, "blink")])
def test_what_is_measured_is_said(change: dict[str, float], words: str) -> None:
    assert words in ", ".join(features({**CALM, **change}))


def test_a_face_seen_for_a_moment_is_said_to_be() -> None:
    assert sentence(["calm"], CALM, 1.0) == "The face stays calm throughout; the mouth moves a lot."
    assert sentence(["calm"], CALM, 0.3).endswith("; the face is seen only for a part of the clip.")
