"""Batches made ahead by other processes are those of the run itself; known alignments are not searched for again."""

import numpy as np
import torch

from dubctl.training import step as steps
from dubctl.training.lips import shown_lips
from dubctl.training.trainer import Trainer
from tests.training.test_training import config, items, source, trainer


def aligned_items():
    found = items()
    for item in found:
        item.durations = np.full(len(item.tokens), item.frames // len(item.tokens))
        item.durations[-1] += item.frames - item.durations.sum()
    return found


def test_a_run_with_workers_ends_bit_for_bit_as_one_without(tmp_path):
    alone = trainer(tmp_path / "alone", accumulate=2)
    fed = trainer(tmp_path / "fed", accumulate=2, workers=2)
    alone.run()
    fed.run()
    assert fed.step == alone.step == 8
    for (name, a), b in zip(alone.model.state_dict().items(), fed.model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_more_workers_than_cores_are_as_many_as_the_cores(tmp_path, recwarn):
    many = trainer(tmp_path, workers=1000)
    many.run()
    assert many.step == 8 and not [w for w in recwarn if "worker" in str(w.message)]


def test_workers_go_on_where_a_run_was_cut_off(tmp_path):
    whole = trainer(tmp_path / "whole")
    whole.run()
    first = trainer(tmp_path / "cut", workers=1)
    first.run(stop=lambda: first.step >= 3)
    second = trainer(tmp_path / "cut", workers=2)
    second.resume()
    second.run()
    assert all(torch.equal(value, second.ema[name]) for name, value in whole.ema.items())


def test_a_known_alignment_is_used_and_its_lips_are_made_with_the_batch(tmp_path, monkeypatch):
    run = Trainer(config(), aligned_items(), [], tmp_path, emotion=source())
    monkeypatch.setattr(steps, "monotonic_search", None)  # what is known is not searched
    batch, emotion = run.feed[5]
    assert int(batch.durations.sum()) == int(batch.frames.sum()) and batch.drawn is not None
    terms = run.terms(batch, 5, emotion)
    assert all(bool(torch.isfinite(v)) for v in terms.values()) and {"align", "binarise", "mel"} <= terms.keys()


def test_lips_are_recorded_ones_drawn_ones_or_none():
    phones, durations = np.full((3, 4), 20), np.full((3, 4), 9)
    recorded = np.ones((7, 4), np.float32)
    def lips(draw):
        return shown_lips([recorded, None, recorded], np.array([True, True, False]), phones, np.array([4, 4, 4]),
                          durations, 1, 4, draw)
    drawn = lips(True)
    assert drawn.mask.sum(1).tolist() == [7, round(36 / 86.13 * 25), 0]
    assert torch.equal(drawn.features[0, :7], torch.ones(7, 4)) and not bool((drawn.visible & ~drawn.mask).any())
    assert lips(False).mask.sum(1).tolist() == [7, 0, 0]
