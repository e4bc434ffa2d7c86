"""Networks made without random weights are whole once their weights are loaded."""

import torch
from torch import nn

from dubctl.synth.config import tiny_config
from dubctl.synth.model import Synthesizer
from dubctl.synth.voice_files import fill
from dubctl.unfilled import unfilled


def test_nothing_is_drawn_inside_and_everything_outside():
    torch.manual_seed(1)
    with unfilled():
        nn.Linear(8, 8), nn.Conv1d(4, 4, 3), nn.LSTM(4, 4), nn.Embedding(5, 4)
    inside = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(inside, torch.rand(3))
    nn.Linear(8, 8)
    assert not torch.equal(inside, torch.rand(3))


def test_a_voice_without_its_alignment_gets_a_fresh_one():
    weights = Synthesizer(tiny_config()).state_dict()
    known = {name: value for name, value in weights.items() if not name.startswith("alignment.")}
    with unfilled():
        model = Synthesizer(tiny_config())
        for parameter in model.parameters():
            parameter.data.fill_(float("nan"))
    filled = fill(model, known, "test")
    assert all(bool(torch.isfinite(value).all()) for value in filled.state_dict().values())
    assert all(torch.equal(filled.state_dict()[name], value) for name, value in known.items())
