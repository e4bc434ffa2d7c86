"""Graphs and Eq. 1 as the released code computes them, against the formulas written out; and each quirk's switch."""

import dataclasses

import pytest
import torch

from dubctl.graph.build import MODALITIES, EmotionBatch, batched_edges
from dubctl.graph.progressive import ProgressiveGraphs
from dubctl.graph.released import ReleasedGraphEncoder
from dubctl.synth.config import GraphConfig, ReleaseQuirks, SynthConfig, tiny_config
from dubctl.synth.fusion import EmotionAggregator
from dubctl.training.losses import emotion_loss
from tests.graph.test_graphs import DIMS, batch, config

OFF = dict.fromkeys((f.name for f in dataclasses.fields(ReleaseQuirks)), False)


def released(**quirks):
    return config(mode="release", quirks=ReleaseQuirks(**quirks))


def edges(nodes, k, stage, mask=None):
    mask = torch.ones(1, nodes, dtype=torch.bool) if mask is None else mask
    return mask, *batched_edges(mask, k, stage)


def by_hand(encoder, x, relation):
    """One RGAT in plain loops over nodes, no masks: relation[i][j] is 0 where there is no edge."""
    def head(part, h):
        n, lifted, a = len(h), h @ part.lift.weight.T, part.score.weight[0]
        out = []
        for i in range(n):
            logits = torch.stack([
                torch.nn.functional.leaky_relu(torch.cat([lifted[i], lifted[j], torch.eye(len(a) - 2 * part.width)[
                    relation[i][j]]]) @ a, 0.2) if relation[i][j] else torch.tensor(-9e15) for j in range(n)])
            out.append(logits.softmax(0) @ lifted)
        h = part.norm(torch.stack(out))
        return torch.nn.functional.gelu(h) if part.inner else h
    h = torch.cat([head(part, x) for part in encoder.heads], -1)
    return encoder.norm(encoder.out(torch.nn.functional.gelu(head(encoder.back, h))) + x)


@pytest.mark.parametrize(("stage", "k"), [(1, 0), (2, 2), (3, 1)])
def test_the_dense_rgat_is_the_formula(stage, k):
    torch.manual_seed(0)
    encoder = ReleasedGraphEncoder(GraphConfig(width=8, dropout=0.0, mode="release"), stage).eval()
    nodes = (3, 3 + 3 * k, 3 + 6 * k)[stage - 1]
    mask, index, kind = edges(nodes, k, stage)
    relation = [[0] * nodes for _ in range(nodes)]
    for (i, j), t in zip(index.T.tolist(), kind.tolist(), strict=True):
        relation[i][j] = t  # 0, a self-loop, is no edge in the release
    x = torch.randn(1, nodes, 8)
    assert torch.allclose(encoder(x, mask, index, kind)[0], by_hand(encoder, x[0], relation), atol=1e-5)


def test_without_self_loops_a_leaf_hears_its_anchor_alone():
    encoder = ReleasedGraphEncoder(GraphConfig(width=8, dropout=0.0, mode="release"), 2).eval()
    mask, index, kind = edges(6, 1, 2)
    x = torch.randn(1, 6, 8)
    other = x.clone()
    other[0, 0] += 1  # the anchor of leaf 3, not of leaf 4
    moved = (encoder(other, mask, index, kind) - encoder(x, mask, index, kind))[0].abs().sum(-1)
    assert moved[3] > 1e-3
    relation, edge = encoder._dense(x, index, kind)
    assert edge[0, 3].nonzero().flatten().tolist() == [0] and not edge[0].diagonal().any()


def test_self_loops_can_be_given_back():
    encoder = ReleasedGraphEncoder(GraphConfig(width=8, mode="release", quirks=ReleaseQuirks(no_self_loops=False)), 2)
    mask, index, kind = edges(6, 1, 2)
    relation, edge = encoder._dense(torch.zeros(1, 6, 8), index, kind)
    assert edge[0].diagonal().all() and relation[0].diagonal().unique().tolist() == [3], "a relation of their own"


@pytest.mark.parametrize("uniform", [True, False])
def test_a_lonely_node_attends_to_strangers_or_to_none(uniform):
    quirks = ReleaseQuirks(isolated_uniform=uniform)
    encoder = ReleasedGraphEncoder(GraphConfig(width=8, dropout=0.0, mode="release", quirks=quirks), 1).eval()
    mask, index, kind = edges(3, 0, 1, torch.tensor([[True, False, False]]))
    x = torch.randn(1, 3, 8)
    other = x.clone()
    other[0, 1] += 1
    same = torch.allclose(encoder(x, mask, index, kind)[0, 0], encoder(other, mask, index, kind)[0, 0])
    assert same != uniform


def sparse():
    """Two hits per modality, the second of the face not there."""
    found = batch(items=1, k=2)
    found.hit_mask[0, 1, 1] = False
    return found


@pytest.mark.parametrize("padded", [True, False])
def test_padding_nodes_take_part_or_not(padded):
    net = ProgressiveGraphs(released(padding_nodes=padded)).eval()
    out = net(sparse())
    assert bool(out.direct_mask.all()) == padded
    assert torch.isfinite(out.pooled()).all()


def test_with_every_quirk_off_an_item_does_not_depend_on_its_batch():
    net = ProgressiveGraphs(released(**OFF)).eval()
    big = batch(items=3, k=4)
    big.hit_mask[0, :, 2:] = False
    alone = EmotionBatch({m: v[:1] for m, v in big.basic.items()}, big.basic_mask[:1],
                         {m: v[:1, :2] for m, v in big.indirect.items()}, {m: v[:1, :2] for m, v in big.audio.items()},
                         big.hit_mask[:1, :, :2])
    assert torch.allclose(net(alone).pooled()[0], net(big).pooled()[0], atol=1e-5)
    as_released = ProgressiveGraphs(released()).eval()
    assert not torch.allclose(as_released(alone).pooled()[0], as_released(big).pooled()[0], atol=1e-3), "zero nodes"


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("one_head", [True, False])
def test_fusion_sees_absent_nodes_or_not(masked, one_head):
    torch.manual_seed(0)
    graph = GraphConfig(width=48, layers=1, mode="release", quirks=ReleaseQuirks(
        unmasked_fusion=not masked, one_fusion_head=one_head, padding_nodes=False))
    settings = dataclasses.replace(tiny_config(), graph=graph)
    fuse = EmotionAggregator(settings).eval()
    knowledge = ProgressiveGraphs(dataclasses.replace(settings, scene_dim=8, face_dim=8, text_dim=16,
                                                      audio_dim=6)).eval()(sparse())
    h, mask = torch.randn(1, 5, 48), torch.ones(1, 5, dtype=torch.bool)
    before = fuse(h, knowledge, mask)
    absent = ~knowledge.direct_mask
    changed = dataclasses.replace(knowledge, direct=knowledge.direct + absent[..., None] * 3.0)
    assert torch.allclose(before, fuse(h, changed, mask)) == masked


def test_fusing_tokens_and_repeating_them_is_fusing_frames():
    torch.manual_seed(0)
    settings = dataclasses.replace(tiny_config(**{f"{m}_dim": DIMS[m] for m in MODALITIES}, audio_dim=6),
                                   graph=GraphConfig(width=48, layers=1, mode="release"))
    fuse, graphs = EmotionAggregator(settings).eval(), ProgressiveGraphs(settings).eval()
    knowledge, h = graphs(batch(items=1)), torch.randn(1, 4, 48)
    ones, repeats = torch.ones(1, 4, dtype=torch.bool), torch.tensor([3, 1, 2, 5])
    frames = fuse(h.repeat_interleave(repeats, 1), knowledge, torch.ones(1, 11, dtype=torch.bool))
    assert torch.allclose(fuse(h, knowledge, ones).repeat_interleave(repeats, 1), frames, atol=1e-5)


def test_double_softmax_keeps_the_loss_above_its_floor():
    net = ProgressiveGraphs(released())
    net.classifier[0].weight.data = torch.cat([torch.eye(7), torch.zeros(7, 17)], 1) * 1000  # perfect answers
    loss = emotion_loss(net.classifier(torch.eye(24)[:7]), torch.arange(7))
    assert float(loss.detach()) == pytest.approx(float(-torch.eye(7).log_softmax(-1)[0, 0]), abs=1e-3)
    assert float(loss.detach()) > 1.1 and len(ProgressiveGraphs(released(double_softmax=False)).classifier) == 3


def test_every_parameter_learns_and_old_configurations_mean_corrected():
    net = ProgressiveGraphs(released())
    net.classifier(net(batch()).pooled()).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    assert SynthConfig().graph.mode == "corrected"
