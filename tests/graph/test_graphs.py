"""The progressive graphs: edges as the paper draws them, masks that hold, ablations that remove what they say."""

import dataclasses
import subprocess
import sys

import pytest
import torch

from dubctl.graph.attention import TypedGraphAttention
from dubctl.graph.build import (
    BASIC,
    DIRECT,
    EDGE_TYPES,
    INDIRECT,
    MODALITIES,
    SELF,
    EmotionBatch,
    batched_edges,
    template,
)
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
    mask[0, 2] = False
    gap_edges, gap_types = batched_edges(mask, 0, 1)
    weight = conv.weights(torch.randn(1, 3, 2, 12), gap_edges, gap_types)
    torch.testing.assert_close(weight.sum(2), torch.tensor([[[1.0, 1], [1, 1], [0, 0]]]))
    assert enc(torch.randn(1, 3, 12), mask, edges, types).shape == (1, 3, 12)


@pytest.mark.parametrize("k", [0, 3, 10])
def test_dense_attention_equals_torch_geometric(k):
    """The shipped forward pass never imports torch_geometric; here it is held to it, weights and gaps included."""
    from torch_geometric.nn import GATConv

    torch.manual_seed(k)
    conv = GATConv(24, 24, heads=2, concat=False, dropout=0.3, add_self_loops=False, edge_dim=EDGE_TYPES).eval()
    torch.nn.init.normal_(conv.bias)
    own = TypedGraphAttention(24, 2, 0.3).eval()
    own.load_state_dict(conv.state_dict())
    mask = torch.rand(4, 3 + 6 * k) < 0.7
    mask[:, 0] = True
    edges, types = batched_edges(mask, k, 3)
    x = torch.randn(mask.numel(), 24)
    wanted = conv(x, edges, torch.nn.functional.one_hot(types, EDGE_TYPES).float())
    torch.testing.assert_close(own(x, tuple(mask.shape), edges, types), wanted, rtol=0, atol=1e-5)


def test_training_goes_through_torch_geometric_and_reaches_the_same_parameters():
    own = TypedGraphAttention(24, 2, 0.0)
    mask = torch.ones(2, 9, dtype=torch.bool)
    edges, types = batched_edges(mask, 1, 3)
    x = torch.randn(18, 24)
    torch.testing.assert_close(own.train()(x, (2, 9), edges, types), own.eval()(x, (2, 9), edges, types),
                               rtol=0, atol=1e-5)
    own.train()(x, (2, 9), edges, types).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in own.parameters())


def test_inference_does_not_load_torch_geometric():
    code = ("import sys\nfrom dubctl.synth.config import tiny_config\n"
            "from dubctl.synth.model import Synthesizer\n"
            "Synthesizer(tiny_config())\nprint('torch_geometric' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
