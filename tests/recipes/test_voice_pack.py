"""Training material comes back out of its file: mels within their step, everything else as it was."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

from voice_pack import COARSE, STEP, pack, unpack

from dubctl.synth.model import Synthesizer
from dubctl.training.emotion_data import Films
from dubctl.training.trainer import Trainer
from tests.training.test_training import config, items, source


@pytest.fixture()
def packed(tmp_path):
    torch.manual_seed(0)
    train, held = items(10), items(2, 9)
    train[1].features = replace(train[0].features)  # an acted clip counts twice
    train[1].tokens = train[0].tokens
    train[2].noisy = (train[3].features.mel, train[3].features.dvector)
    train[4].lips = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
    train[5].log_f0, train[5].acted, train[6].played = 4.75, True, True
    films = Films([source(12), source(12, 1)])
    voice = Synthesizer(config().model).eval()
    pack(tmp_path / "pack.npz", train, held, films, voice)
    return train, held, films, unpack(tmp_path / "pack.npz")


def test_items_come_back_as_they_were(packed):
    train, held, _, (train_again, held_again, _, model) = packed
    assert len(train_again) == 10 and len(held_again) == 2 and model == config().model.as_dict()
    for was, now in zip([*train, *held], [*train_again, *held_again], strict=True):
        assert np.abs(now.features.mel.astype(float) - was.features.mel.astype(float)).max() < STEP / 2 + 0.01
        assert now.tokens == was.tokens and np.array_equal(now.features.f0, was.features.f0)
        assert np.allclose(now.features.dvector, was.features.dvector, atol=1e-3)
        assert (now.speaker, now.row, now.emotion, now.acted, now.played) == (
            was.speaker, was.row, was.emotion, was.acted, was.played)
        assert now.log_f0 == pytest.approx(was.log_f0)
        assert now.durations.sum() == now.frames and (now.durations > 0).all()
        assert (now.lips is None) == (was.lips is None) and (now.noisy is None) == (was.noisy is None)
    assert np.allclose(train_again[4].lips, train[4].lips, atol=2e-3)
    mel, dvector = train_again[2].noisy
    assert np.abs(mel.astype(float) - train[3].features.mel.astype(float)).max() < COARSE / 2 + 0.01
    assert np.allclose(dvector, train[3].features.dvector, atol=1e-3)


def test_the_films_come_back_one_by_one(packed):
    _, _, films, (_, _, again, _) = packed
    assert len(again.films) == 2
    for was, now in zip(films.films, again.films, strict=True):
        for m in ("scene", "face", "text"):
            assert np.allclose(now.basic[m], was.basic[m], atol=4e-3)
            assert np.allclose(now.footage.vectors[m], was.footage.vectors[m], atol=4e-3)
            assert np.array_equal(now.neighbours[m], was.neighbours[m])
        assert np.allclose(now.footage.audio, was.footage.audio, atol=4e-3)


def test_a_run_trains_on_what_was_packed(packed, tmp_path):
    train, held, films, _ = packed[3]
    run = Trainer(config(steps=3, workers=1), train, held, tmp_path, emotion=films)
    run.run()
    assert run.step == 3 and run.checkpoint_path.is_file()
