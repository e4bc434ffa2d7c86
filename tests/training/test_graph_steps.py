"""Steps of the graphs alone: they learn what references tell, and are the same when a run is resumed."""

import numpy as np
import pytest
import torch

from dubctl.graph.progressive import ProgressiveGraphs
from dubctl.synth.config import tiny_config
from dubctl.training.config import TrainConfig
from dubctl.training.emotion_data import EmotionSource, ReferencePool
from dubctl.training.graph_steps import feelings_of, train_graphs

N, DIM = 60, 8


class Labelled:
    """An item as far as the graphs' steps see it."""

    def __init__(self, row: int, emotion: int) -> None:
        self.row, self.emotion = row, emotion


@pytest.fixture
def source() -> EmotionSource:
    """The pictures tell nothing; the sound of the references is the label."""
    rng = np.random.default_rng(0)
    labels = np.arange(N) % 3
    basic = {"scene": rng.normal(size=(N, DIM)), "face": rng.normal(size=(N, DIM)),
             "text": rng.normal(size=(N, 2 * DIM))}
    basic = {m: v.astype(np.float32) for m, v in basic.items()}
    audio = np.eye(DIM, dtype=np.float32)[labels] * 3
    near = np.stack([[j for j in range(N) if labels[j] == labels[i] and j != i][:3] for i in range(N)])
    shown = {m: np.ones(N, bool) for m in basic}
    return EmotionSource(basic, shown, ReferencePool(basic, audio, np.ones(N, bool)), {m: near for m in basic})


def graphs() -> ProgressiveGraphs:
    torch.manual_seed(0)
    return ProgressiveGraphs(tiny_config(scene_dim=DIM, face_dim=DIM, text_dim=2 * DIM, audio_dim=DIM))


def config(steps: int) -> TrainConfig:
    return TrainConfig(graph_steps=steps, graph_batch=16, reference_dropout=0.0, graph_lr=3e-3)


def right(net: ProgressiveGraphs, source: EmotionSource, alone: float) -> float:
    net.eval()
    with torch.no_grad():
        batch = source.batch(list(range(N)), 3, np.random.default_rng(1), 0.0, alone)
        return float((net.classifier(net(batch).pooled()).argmax(1) == torch.arange(N) % 3).float().mean())


def test_what_only_the_references_tell_is_learnt(source):
    net = graphs()
    losses = train_graphs(net, source, [Labelled(i, i % 3) for i in range(N)], config(80))
    assert len(losses) == 80 and np.mean(losses[-10:]) < np.mean(losses[:10])
    assert right(net, source, alone=0.0) > 0.9
    assert right(net, source, alone=1.0) < right(net, source, alone=0.0)


def test_the_same_seed_gives_the_same_graphs(source):
    items = [Labelled(i, i % 3) for i in range(N)]
    a, b = graphs(), graphs()
    assert train_graphs(a, source, items, config(5)) == train_graphs(b, source, items, config(5))


def test_nothing_is_learnt_without_two_classes(source):
    net = graphs()
    before = {n: p.clone() for n, p in net.state_dict().items()}
    assert train_graphs(net, source, [Labelled(i, 1) for i in range(N)] + [Labelled(-1, 2)], config(3)) == []
    assert all(torch.equal(p, before[n]) for n, p in net.state_dict().items())
    assert feelings_of([Labelled(0, 2), Labelled(1, -1), Labelled(2, 0)]) == [0, 2]
