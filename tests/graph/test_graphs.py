"""The progressive graphs: edges as the paper draws them, masks that hold, ablations that remove what they say."""

import dataclasses

import pytest
import torch

from dubctl.graph.build import BASIC, DIRECT, INDIRECT, MODALITIES, SELF, EmotionBatch, batched_edges, template
from dubctl.graph.encoder import GraphAttentionEncoder
from dubctl.graph.progressive import ProgressiveGraphs
from dubctl.synth.config import GraphConfig, tiny_config

DIMS = {"scene": 8, "face": 8, "text": 16}


def config(**graph):
    return dataclasses.replace(tiny_config(scene_dim=8, face_dim=8, text_dim=16, audio_dim=6),
                               graph=GraphConfig(width=24, heads=2, layers=2, dropout=0.0, **graph))


def batch(items=2, k=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    def rand(*shape):
        return torch.randn(*shape, generator=g)
    return EmotionBatch({m: rand(items, DIMS[m]) for m in MODALITIES}, torch.ones(items, 3, dtype=torch.bool),
                        {m: rand(items, k, DIMS[m]) for m in MODALITIES}, {m: rand(items, k, 6) for m in MODALITIES},
                        torch.ones(items, 3, k, dtype=torch.bool))


@pytest.mark.parametrize(("stage", "nodes", "typed"), [
    (1, 3, {SELF: 3, BASIC: 6}), (2, 12, {SELF: 12, BASIC: 6, INDIRECT: 18}),
    (3, 21, {SELF: 21, BASIC: 6, INDIRECT: 18, DIRECT: 18})])
def test_edges_of_the_three_graphs_for_k_3(stage, nodes, typed):
    edges, types = template(3, stage)
    assert int(edges.max()) + 1 == nodes
    assert {int(t): int((types == t).sum()) for t in types.unique()} == typed


def test_retrieved_and_audio_nodes_hang_on_the_basic_node_of_their_query():
    edges, types = template(2, 3)
    for source, target in edges.T[types == INDIRECT].tolist():
        anchor, leaf = sorted((source, target))
        assert (leaf - 3) // 2 == anchor
    for source, target in edges.T[types == DIRECT].tolist():
        anchor, leaf = sorted((source, target))
        assert (leaf - 9) // 2 == anchor


def test_absent_nodes_have_no_edges():
    mask = torch.tensor([[True, False, True, True, True, False, False, True, True]])
    edges, _ = batched_edges(mask, 2, 2)
    assert mask.flatten()[edges.flatten()].all()


@pytest.mark.parametrize("k", [0, 1, 10])
def test_any_k_encodes(k):
    out = ProgressiveGraphs(config()).eval()(batch(k=k))
    assert out.basic.shape == (2, 3, 24)
    assert out.indirect.shape == (2, 3 + 3 * k, 24)
    assert out.direct.shape == (2, 3 + 6 * k, 24)


def test_an_item_does_not_depend_on_its_batch_or_on_padded_hits():
    net = ProgressiveGraphs(config()).eval()
    big = batch(items=3, k=4)
    big.hit_mask[0, :, 2:] = False
    big.basic_mask[0, 1] = False
    alone = EmotionBatch({m: v[:1] for m, v in big.basic.items()}, big.basic_mask[:1],
                         {m: v[:1, :2] for m, v in big.indirect.items()}, {m: v[:1, :2] for m, v in big.audio.items()},
                         big.hit_mask[:1, :, :2])
    one, many = net(alone), net(big)
    assert torch.allclose(one.basic[0], many.basic[0], atol=1e-6)
    assert torch.allclose(one.pooled()[0], many.pooled()[0], atol=1e-6)
    assert torch.equal(one.direct_mask.sum(1), many.direct_mask[:1].sum(1))


def test_retrieval_changes_the_basic_nodes_only_through_edges_of_their_modality():
    net = ProgressiveGraphs(config()).eval()
    plain, changed = batch(), batch()
    changed.audio["face"] = changed.audio["face"] + 1
    a, b = net(plain), net(changed)
    assert torch.allclose(a.indirect, b.indirect)
    assert not torch.allclose(a.direct[:, 1], b.direct[:, 1])


@pytest.mark.parametrize(("switch", "absent"), [
    ("scene_retrieval", [3, 4, 5, 12, 13, 14]), ("face_retrieval", [6, 7, 8, 15, 16, 17]),
    ("text_retrieval", [9, 10, 11, 18, 19, 20]), ("indirect", list(range(3, 12))), ("direct", list(range(12, 21)))])
def test_ablations_remove_their_nodes(switch, absent):
    out = ProgressiveGraphs(config(**{switch: False})).eval()(batch())
    assert (~out.direct_mask[0]).nonzero().flatten().tolist() == absent


def test_without_graph_nodes_pass_unencoded_and_without_progress_one_encoder_works():
    torch.manual_seed(0)
    net = ProgressiveGraphs(config(graph=False)).eval()
    b = batch()
    assert torch.allclose(net(b).basic[:, 2], net.basic_in["text"](b.basic["text"]))
    one_step = ProgressiveGraphs(config(progressive=False))
    one_step(batch()).pooled().sum().backward()
    assert all(p.grad is None for p in one_step.encoders[0].parameters())
    assert any(p.grad is not None for p in one_step.encoders[2].parameters())


def test_attention_of_a_node_sums_to_one_and_shapes_hold():
    enc = GraphAttentionEncoder(12, 2, 1, 0.0).eval()
    mask = torch.ones(1, 3, dtype=torch.bool)
    edges, types = batched_edges(mask, 0, 1)
    conv = enc.convs[0]
    onehot = torch.nn.functional.one_hot(types, 4).float()
    _, (index, weight) = conv(torch.randn(3, 12), edges, onehot, return_attention_weights=True)
    total = torch.zeros(3, 2).index_add_(0, index[1], weight)
    assert torch.allclose(total, torch.ones(3, 2), atol=1e-5)
    assert enc(torch.randn(1, 3, 12), mask, edges, types).shape == (1, 3, 12)
