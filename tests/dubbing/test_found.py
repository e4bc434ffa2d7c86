"""What the graphs find is acted the stronger the surer it is; nothing where nothing stands out."""

import numpy as np
import pytest
import torch

from dubctl.dubbing.acted import STRONGEST
from dubctl.dubbing.found import CLEAR, FULL, LABEL, SURE, Finding, acted_of, find_feeling, labels_of, weighed
from dubctl.emotion.base import EMOTIONS
from dubctl.graph.build import MODALITIES, EmotionBatch
from dubctl.library.hits import Hit
from dubctl.synth.config import tiny_config
from dubctl.synth.model import Synthesizer
from dubctl.synth.vocoder import HOP
from dubctl.synth.voice import Schooling, Voice


def shares(name: str, probability: float) -> np.ndarray:
    found = np.full(7, (1 - probability) / 6)
    found[EMOTIONS.index(name)] = probability
    return found


@pytest.mark.parametrize("name", [e for e in EMOTIONS if e != "neutral"])
def test_strength_rises_with_certainty(name):
    acted = [acted_of(shares(name, p)) for p in (0.2, 0.4, 0.6, 0.8, SURE, 1.0)]
    assert acted[0] is None
    strengths = [feeling.strength for feeling in acted[1:]]
    assert strengths == sorted(strengths) and strengths[-1] == strengths[-2] == FULL
    assert all(feeling.name == name for feeling in acted[1:])
    assert acted_of(shares(name, 0.99), strength=0.5).strength == FULL / 2
    assert acted_of(shares(name, 0.99), strength=0) is None
    assert acted_of(shares(name, 0.99), strength=2).strength == STRONGEST


def test_neutral_and_doubt_are_not_acted():
    assert acted_of(shares("neutral", 1.0)) is None
    assert acted_of(np.full(7, 1 / 7)) is None and acted_of(shares("joy", CLEAR)) is None


def voice(**schooling) -> Voice:
    torch.manual_seed(0)
    return Voice(Synthesizer(tiny_config()), lambda mel: np.zeros(len(mel) * HOP, np.float32),
                 schooling=Schooling(**schooling))


def batch() -> EmotionBatch:
    draw = torch.Generator().manual_seed(1)
    def tensor(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw)
    sizes = {"scene": 256, "face": 256, "text": 512}
    return EmotionBatch({m: tensor(1, d) for m, d in sizes.items()}, torch.ones(1, 3, dtype=torch.bool),
                        {m: tensor(1, 2, d) for m, d in sizes.items()}, {m: tensor(1, 2, 64) for m in sizes},
                        torch.ones(1, 3, 2, dtype=torch.bool))


def test_only_classes_that_were_labelled_are_found():
    found = find_feeling(voice(feelings=(0, 3)), batch())
    assert sum(found.shares) == pytest.approx(1) and all(found.shares[i] == 0 for i in range(7) if i not in (0, 3))
    assert set(found.report()["shares"]) == set(EMOTIONS)


@pytest.mark.parametrize("schooling", [{"feelings": ()}, {"feelings": (3,)}, {"emotional": False, "feelings": (0, 3)}])
def test_a_voice_without_labels_or_emotion_finds_nothing(schooling):
    assert find_feeling(voice(**schooling), batch()) == Finding()
    assert Finding().report() == {"shares": {}, "acted": None, "graphs": {}, "labels": {}}


def test_labelled_references_count_by_what_they_were_found_by():
    hits = [Hit("scene", 1, "a", 0.9, emotion="sad"), Hit("scene", 2, "b", 0.8, emotion="happy"),
            Hit("face", 1, "a", 0.9, emotion="sad"), Hit("text", 1, "c", 0.9, emotion="others"),
            Hit("text", 2, "d", 0.9)]
    labels = labels_of(hits)
    sad, joy = EMOTIONS.index("sadness"), EMOTIONS.index("joy")
    assert labels.sum() == 3 and labels[:, sad].tolist() == [1, 1, 0] and labels[:, joy].tolist() == [1, 0, 0]
    found = weighed(np.full(7, 1 / 7, np.float32), labels)
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert np.log(found[sad] / found[joy]) == pytest.approx(LABEL["face"], abs=1e-4)
    assert np.log(found[joy] / found[0]) == pytest.approx(LABEL["scene"], abs=1e-4)


def test_labels_name_no_class_that_the_graphs_never_learnt_and_nothing_is_changed_without_them():
    none = np.zeros((len(MODALITIES), len(EMOTIONS)), int)
    graphs = np.array([0.5, 0, 0, 0.5, 0, 0, 0], np.float32)
    labels = none.copy()
    labels[0, 2] = 3
    assert weighed(graphs, labels)[2] == 0 and np.array_equal(weighed(graphs, none), graphs)


def test_labels_change_the_finding_and_the_report_says_so():
    speaker, felt = voice(feelings=(0, 3)), batch()
    labels = labels_of([Hit("scene", rank, f"c{rank}", 0.9, emotion="joy") for rank in range(1, 10)])
    alone, found = find_feeling(speaker, felt), find_feeling(speaker, felt, labels=labels)
    assert found.shares[3] > alone.shares[3] and found.graphs == alone.shares
    assert found.report()["labels"] == {"joy": 9} and alone.report()["labels"] == {}
    felt.basic_mask[0, 0] = False
    assert find_feeling(speaker, felt, labels=labels).report()["labels"] == {}, "a blank picture found them"
