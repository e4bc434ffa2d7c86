"""The timbre adapter changes how a voice sounds and not how it reads; voices of before it have none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dubctl.synth.config import tiny_config
from dubctl.synth.inputs import inputs_of
from dubctl.synth.model import Inputs, Synthesizer
from dubctl.synth.prompt import Prompt
from dubctl.synth.symbols import Tokens
from dubctl.synth.voice_files import load_folder

DVECTOR = np.full(256, 1 / 16, np.float32)
TOKENS = Tokens([1, 20, 30, 40, 1], [0, 1, 0, 2, 0])


class Told(Prompt):
    """A prompt that CAM++ has read already."""

    campplus = np.full(192, 192 ** -0.5, np.float32)  # type: ignore[assignment]


@pytest.fixture(scope="module")
def network() -> Synthesizer:
    torch.manual_seed(0)
    network = Synthesizer(tiny_config()).eval()
    assert network.timbre is not None
    torch.nn.init.normal_(network.timbre.out.weight, std=0.3)
    return network


def inputs(network: Synthesizer, kind: type[Prompt] = Told) -> Inputs:
    prompt = kind(DVECTOR, 5.0, np.zeros((20, 80), np.float32), 3.0, True)
    return inputs_of(TOKENS, prompt, None, None, network.config, "cpu")


@torch.no_grad()
def test_it_moves_the_sound_and_leaves_the_prosody(network: Synthesizer) -> None:
    told, untold = network.understand(inputs(network)), network.understand(inputs(network, Prompt))
    assert float((told.condition - untold.condition).abs().max()) > 0.01
    for name in ("log_duration", "pitch", "energy"):
        assert torch.equal(getattr(told.prosody, name), getattr(untold.prosody, name)), name
    assert torch.equal(told.e_out, untold.e_out)


@torch.no_grad()
def test_what_a_rehearsal_asks_for_is_asked_beside_it(network: Synthesizer) -> None:
    x, asked = inputs(network), torch.from_numpy(np.roll(DVECTOR * np.arange(256) / 128, 5))[None].float()
    told, plain = network.sounding(x), network.voice(x.dvector, x.log_f0)
    assert torch.allclose(network.sounding(x, asked) - network.voice(asked, x.log_f0), told - plain, atol=1e-5)


def test_untrained_it_adds_nothing() -> None:
    network = Synthesizer(tiny_config()).eval()
    x = inputs(network)
    assert torch.equal(network.sounding(x), network.voice(x.dvector, x.log_f0))


def test_a_voice_of_before_it_is_read_as_it_was(network: Synthesizer, tmp_path: Path) -> None:
    settings = network.config.as_dict()
    del settings["timbre"]
    (tmp_path / "config.json").write_text(json.dumps({"model": settings}))
    save_file({n: t for n, t in network.state_dict().items() if not n.startswith("timbre.")},
              tmp_path / "model.safetensors")
    old = load_folder(tmp_path)[0].eval()
    x = inputs(old)
    assert old.timbre is None and x.campplus is None
    assert torch.allclose(old.sounding(x), network.voice(x.dvector, x.log_f0))
