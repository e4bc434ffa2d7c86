"""RTER and COMET on tiny checkpoints of their own architectures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.paper.comet import CometReactionGenerator
from dubctl.emotion.paper.rter import RobertaTextEmotion
from dubctl.emotion.paper.text import PaperTextExtractor
from dubctl.errors import DependencyError

Shelf = Callable[..., Path]
TEXTS = ["i am glad", "you and he are sad after the dark scene ?", "angry"]


def test_vectors_are_unit_and_do_not_depend_on_the_batch(shelf: Shelf) -> None:
    rter = RobertaTextEmotion(str(shelf("rter")))
    together, alone = rter.encode(TEXTS), np.concatenate([rter.encode([text]) for text in TEXTS])
    assert together.shape == (3, 32) and together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 0.01
    assert rter.encode([]).shape == (0, 32) and rter.classify([]).shape == (0, 7)


def test_pooling_is_what_its_name_says(shelf: Shelf) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = shelf("rter")
    net, tokens = (kind.from_pretrained(folder) for kind in (AutoModelForSequenceClassification, AutoTokenizer))
    with torch.inference_mode():
        given = tokens(TEXTS[:1], return_tensors="pt")
        hidden = net(**given, output_hidden_states=True).hidden_states[-1][0]
        wanted = {"cls": hidden[0], "mean": hidden.mean(0), "head": torch.tanh(net.classifier.dense(hidden[0]))}
    for pooling, vector in wanted.items():
        got = RobertaTextEmotion(str(folder), pooling)
        np.testing.assert_allclose(got.encode(TEXTS[:1])[0], (vector / vector.norm()).numpy(), atol=1e-5)
        assert got.space.revision.endswith(f"+{pooling}")


def test_classes_come_in_our_order_whatever_the_checkpoint_has(shelf: Shelf) -> None:
    straight = RobertaTextEmotion(str(shelf("rter"))).classify(TEXTS)
    turned = RobertaTextEmotion(str(shelf("rter", labels=EMOTIONS[::-1]))).classify(TEXTS)
    np.testing.assert_allclose(straight.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(straight, turned[:, ::-1], atol=1e-5)


def test_old_weights_are_read_and_strange_classes_refused(shelf: Shelf) -> None:
    old = RobertaTextEmotion(str(shelf("rter", labels=EMOTIONS, shape="bin")))
    np.testing.assert_allclose(old.encode(TEXTS), RobertaTextEmotion(str(shelf("rter"))).encode(TEXTS), atol=1e-6)
    with pytest.raises(DependencyError, match="its classes are bad, good, not anger"):
        RobertaTextEmotion(str(shelf("rter", labels=("bad", "good"))))


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_reactions_repeat_themselves_in_any_batch(shelf: Shelf, kind: str) -> None:
    comet = CometReactionGenerator(str(shelf("comet", kind=kind)))
    together = comet.react(TEXTS)
    assert len(together) == 3 and all(together) and len(set(together)) > 1
    assert together == [comet.react([text])[0] for text in TEXTS]
    assert comet.react([]) == []


def test_each_family_is_asked_in_its_own_words(shelf: Shelf) -> None:
    assert (CometReactionGenerator(str(shelf("comet", kind="t5"))).ask("x")
            == "What are your feelings after the following event?x")
    assert CometReactionGenerator(str(shelf("comet", kind="bart"))).ask("x") == "x xReact [GEN]"


def test_the_text_space_names_the_reactions_too(shelf: Shelf) -> None:
    rter, comet = RobertaTextEmotion(str(shelf("rter"))), CometReactionGenerator(str(shelf("comet", kind="t5")))
    text = PaperTextExtractor(rter, comet, comet.revision)
    found = text.extract(TEXTS[0])
    np.testing.assert_allclose(found.react_vector, rter.encode([found.reaction])[0], atol=1e-5)
    assert found.self_vector.shape == (32,) and found.profile.shape == (7,)
    assert comet.revision in text.space.revision and text.space != rter.space


def test_code_of_a_repository_runs_only_where_the_flag_is_given(shelf: Shelf, tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "own"
    shutil.copytree(shelf("rter"), folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own_roberta", "auto_map": {"AutoConfig": "own.OwnConfig",
                                                         "AutoModelForSequenceClassification": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config))
    ran = tmp_path / "ran"
    (folder / "own.py").write_text(
        f"open({str(ran)!r}, 'w').close()\n"
        "from transformers import RobertaConfig, RobertaForSequenceClassification\n"
        "class OwnConfig(RobertaConfig):\n    model_type = 'own_roberta'\n"
        "class OwnModel(RobertaForSequenceClassification):\n    config_class = OwnConfig\n")
    with pytest.raises(DependencyError) as caught:
        RobertaTextEmotion(str(folder))
    assert "--trust-remote-code" in caught.value.hint and not ran.exists() and "\n" not in caught.value.message
    vectors = RobertaTextEmotion(str(folder), trust_remote_code=True).encode(TEXTS)
    assert ran.exists()
    np.testing.assert_allclose(vectors, RobertaTextEmotion(str(shelf("rter"))).encode(TEXTS), atol=1e-6)
