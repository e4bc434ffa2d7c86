"""The synthesizer as a whole: batch invariance, gradients everywhere, Eq. 1's start, exact lengths."""

import numpy as np
import pytest
import torch

from dubctl.graph.build import MODALITIES, EmotionBatch
from dubctl.synth.config import tiny_config
from dubctl.synth.decoder import energy_of, token_mean
from dubctl.synth.fusion import EmotionAggregator, pass_through_conv
from dubctl.synth.model import Inputs, Synthesizer

DIMS = {"scene": 8, "face": 8, "text": 16}


def make_config():
    return tiny_config(scene_dim=8, face_dim=8, text_dim=16, audio_dim=6)


def make_inputs(lengths, seed=0, k=2, extra=0):
    """Random items of the given token lengths, padded to the longest plus `extra`."""
    b, n, p, v = len(lengths), max(lengths) + extra, 24 + extra, 10 + extra
    each = [torch.Generator().manual_seed(seed * 100 + i) for i in range(b)]
    def rand(*shape):
        return torch.stack([torch.randn(*shape, generator=g) for g in each])
    def ints(high, shape):
        return torch.stack([torch.randint(1, high, shape, generator=g) for g in each])
    def padded(x, size):
        return torch.cat([x, torch.zeros(b, size - x.shape[1], *x.shape[2:], dtype=x.dtype)], 1)
    mask = torch.arange(n)[None] < torch.tensor(lengths)[:, None]
    def upto(size, real):
        return (torch.arange(size)[None] < real).expand(b, -1)
    phones, stress = ints(60, (40,))[:, :n], ints(3, (40,))[:, :n]
    emotion = EmotionBatch({m: rand(DIMS[m]) for m in MODALITIES}, torch.ones(b, 3, dtype=torch.bool),
                           {m: rand(k, DIMS[m]) for m in MODALITIES}, {m: rand(k, 6) for m in MODALITIES},
                           torch.ones(b, 3, k, dtype=torch.bool))
    return Inputs(phones * mask, stress * mask, mask, torch.nn.functional.normalize(rand(256).abs(), dim=1),
                  torch.full((b,), 5.0), padded(rand(24, 80), p), upto(p, 24), padded(rand(10, 4), v),
                  upto(v, 10), upto(v, 10), emotion, torch.nn.functional.normalize(rand(192), dim=1))


def say(model, x, durations):
    u = model.understand(x)
    return u, model.speak(u, x.mask, durations, u.prosody.pitch, u.prosody.energy)


def test_an_items_output_does_not_depend_on_its_batch():
    torch.manual_seed(0)
    model = Synthesizer(make_config()).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.05)
    alone, together = make_inputs([7]), make_inputs([7, 11], extra=5)
    d1 = torch.full((1, 7), 3)
    d2 = torch.zeros(2, 16, dtype=torch.long)
    d2[0, :7], d2[1, :11] = 3, 4
    with torch.no_grad():
        u1, mel1 = say(model, alone, d1)
        u2, mel2 = say(model, together, d2)
    assert torch.allclose(u1.prosody.log_duration[0], u2.prosody.log_duration[0, :7], atol=1e-5)
    assert torch.allclose(u1.e_out[0], u2.e_out[0, :7], atol=1e-5)
    assert mel1.shape == (1, 21, 80) and mel2.shape == (2, 44, 80)
    assert torch.allclose(mel1[0], mel2[0, :21], atol=1e-4)


def test_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    model = Synthesizer(make_config()).train()
    for p in model.parameters():  # zero-initialised gates would hide what lies behind them
        torch.nn.init.normal_(p, std=0.1)
    x = make_inputs([7, 9])
    durations = torch.full((2, 9), 3) * x.mask
    u, mel = say(model, x, durations)
    tokens = model.aligner.embed(x.phones, x.stress)
    score, _ = model.alignment(tokens, x.mask, mel.detach(), torch.ones(mel.shape[:2], dtype=torch.bool),
                               torch.ones(2, mel.shape[1], 9))
    loss = mel.square().sum() + score.clamp(min=-50).sum() + sum(v.sum() for v in vars(u.prosody).values())
    (loss + model.graphs.classifier(u.knowledge.pooled()).square().sum()).backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # attention over keys is blind to a constant added to all keys; nothing else may be without gradient
    assert missing == []


def test_without_references_or_any_emotion_it_still_speaks():
    model = Synthesizer(make_config()).eval()
    x = make_inputs([5], k=0)
    _, mel = say(model, x, torch.full((1, 5), 4))
    x.emotion = None
    _, plain = say(model, x, torch.full((1, 5), 4))
    assert mel.shape == plain.shape == (1, 20, 80) and bool(torch.isfinite(mel).all())


def test_references_reach_the_output():
    torch.manual_seed(1)
    model = Synthesizer(make_config()).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    x, y = make_inputs([6]), make_inputs([6])
    y.emotion.audio["text"] = y.emotion.audio["text"] + 1
    with torch.no_grad():
        assert not torch.allclose(model.understand(x).prosody.pitch, model.understand(y).prosody.pitch, atol=1e-6)


def test_eq_1_starts_near_the_identity():
    conv = pass_through_conv(6)
    x = torch.randn(1, 6, 4)
    assert torch.allclose(conv(torch.cat([x, torch.zeros_like(x)], 1)), x, atol=1e-6)
    assert EmotionAggregator(make_config()).out.bias is None


@pytest.mark.parametrize("durations", [[1, 1, 1], [2, 3, 4], [1, 7, 1]])
def test_output_frames_are_the_sum_of_durations(durations):
    model = Synthesizer(make_config()).eval()
    x = make_inputs([3])
    with torch.no_grad():
        _, mel = say(model, x, torch.tensor([durations]))
    assert mel.shape == (1, sum(durations), 80)


def test_token_means_and_energy():
    values = torch.tensor([[1.0, 3.0, 10.0, 0.0]])
    assert token_mean(values, torch.tensor([[2, 1, 0]])).tolist() == [[2.0, 10.0, 0.0]]
    quiet, loud = torch.full((1, 80), -8.0), torch.full((1, 80), -2.0)
    assert float(energy_of(loud) - energy_of(quiet)) == pytest.approx(4.0, abs=1e-4)
    assert np.isfinite(float(energy_of(torch.full((1, 80), -11.5))))
