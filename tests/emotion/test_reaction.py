"""The reaction generator: a listener's feelings in words, from a trained model and not from the label alone."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from dubctl.assets import models_root
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.reaction import LiteReactionGenerator, sentence
from dubctl.emotion.rter import LiteTextEmotionEncoder
from dubctl.errors import DependencyError


@pytest.fixture(scope="module")
def rter() -> LiteTextEmotionEncoder:
    return LiteTextEmotionEncoder()


@pytest.fixture(scope="module")
def comet(rter: LiteTextEmotionEncoder) -> LiteReactionGenerator:
    return LiteReactionGenerator(rter)


def test_one_short_sentence_per_line(comet: LiteReactionGenerator) -> None:
    found = comet.react(["I hate you!", "Thank you, my friend.", ""])
    assert len(found) == 3
    assert all(text.startswith("The listener feels ") and text.endswith(".") and len(text) < 90 for text in found)
    assert comet.react([]) == []


def test_a_reaction_does_not_depend_on_its_batch(comet: LiteReactionGenerator) -> None:
    lines = ["I hate you!", "We won, we won!", "Leave me alone.", "Tea or coffee?"]
    assert comet.react(lines) == [comet.react([line])[0] for line in lines]


@pytest.mark.parametrize(("line", "pleasant"), [
    ("I hate you!", False), ("You are a liar and I never want to see you again.", False),
    ("I'm going to kill you.", False), ("I love you so much.", True), ("Thank you, you saved my life!", True),
    ("We won! I'm so proud of you!", True),
])
def test_reactions_have_the_right_sign(comet: LiteReactionGenerator, rter: LiteTextEmotionEncoder, line: str,
                                       pleasant: bool) -> None:
    reaction = comet.react([line])[0]
    profile = dict(zip(EMOTIONS, rter.classify([reaction.replace("The listener feels", "I feel")])[0], strict=True))
    unpleasant = profile["anger"] + profile["disgust"] + profile["fear"] + profile["sadness"]
    assert (profile["joy"] > unpleasant) == pleasant, reaction


def test_weights_are_distributions(comet: LiteReactionGenerator) -> None:
    weights, none = comet.weigh(["I hate you!", "Nice."])
    assert weights.shape == (2, len(comet.phrases))
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    assert ((none >= 0) & (none <= 1)).all()


def test_no_phrase_is_said_twice(comet: LiteReactionGenerator) -> None:
    for text in comet.react(["I hate you!", "I love you!", "I'm scared.", "She died.", "What a surprise!"]):
        feelings = text[len("The listener feels "):-1].replace(" and ", ", ").split(", ")
        assert len(set(feelings)) == len(feelings)


def test_sentence_reads_well() -> None:
    assert sentence(["hurt"]) == "The listener feels hurt."
    assert sentence(["hurt", "angry"]) == "The listener feels hurt and angry."
    assert sentence(["hurt", "angry", "sad"]) == "The listener feels hurt, angry and sad."


def test_weights_of_another_encoder_are_refused(tmp_path, monkeypatch: pytest.MonkeyPatch,
                                                rter: LiteTextEmotionEncoder) -> None:
    shutil.copytree(models_root() / "reaction", tmp_path / "reaction")
    config = tmp_path / "reaction" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "encoder": "0" * 12}))
    monkeypatch.setenv("DUBCTL_MODELS", str(tmp_path))
    with pytest.raises(DependencyError, match="made for text encoder"):
        LiteReactionGenerator(rter)
