"""Imagined films: every line lies in one scene, scenes share a mood more often than their pictures show it, and a batch
comes from one film."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

from imagined_films import FACED, MOOD, SHOWN, shoot
from voice_emotion import Remembering

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.rter import LiteTextEmotionEncoder
from dubctl.training.emotion_data import EmotionSource, Films, ReferencePool


class Counting(LiteTextEmotionEncoder):
    """Counts the texts it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def encode(self, texts):
        self.read += len(texts)
        return super().encode(texts)


@pytest.fixture(scope="module")
def rter() -> Remembering:
    return Remembering(LiteTextEmotionEncoder())


def test_a_remembering_encoder_reads_no_text_twice():
    counting = Counting()
    remembering = Remembering(counting)
    first = remembering.encode(["I am so sad.", "What a joy!", "I am so sad."])
    assert counting.read == 2 and np.array_equal(first[0], first[2])
    assert np.array_equal(remembering.encode(["What a joy!"])[0], first[1]) and counting.read == 2


def test_the_sound_of_a_scene_is_a_better_witness_than_its_picture(rter):
    feelings = [name for name in EMOTIONS for _ in range(60)]
    shot = shoot(feelings, rter, seed=1)
    sizes = np.bincount(shot.scene)
    assert sizes.sum() == len(feelings) and sizes.max() < 9
    mates = [np.mean([feelings[j] == feelings[i] for j in np.flatnonzero(shot.scene == shot.scene[i]) if j != i])
             for i in range(len(feelings)) if sizes[shot.scene[i]] > 1]
    told = {name: np.mean(rter.classify(captions).argmax(1) == [EMOTIONS.index(f) for f in feelings])
            for name, captions in (("scene", shot.scenes), ("face", shot.faces))}
    assert 1 / 7 < told["face"] < 0.75 and 1 / 7 < told["scene"] < np.mean(mates)
    assert max(SHOWN, FACED) < MOOD


def test_a_batch_comes_from_one_film_and_all_films_come():
    def film(value: float) -> EmotionSource:
        basic = {m: np.full((4, d), value, np.float32) for m, d in (("scene", 2), ("face", 2), ("text", 4))}
        near = np.zeros((4, 1), int)
        return EmotionSource(basic, {m: np.ones(4, bool) for m in basic},
                             ReferencePool(basic, np.full((4, 3), value, np.float32), np.ones(4, bool)),
                             {m: near for m in basic})
    films, rng, seen = Films([film(1.0), film(2.0)]), np.random.default_rng(0), set()
    for _ in range(20):
        batch = films.batch([0, 1], 1, rng, 0.0)
        values = {float(v) for m in batch.basic.values() for v in m.flatten()} | {
            float(v) for m in batch.audio.values() for v in m.flatten()}
        assert len(values) == 1
        seen |= values
    assert seen == {1.0, 2.0}
