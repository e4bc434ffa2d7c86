"""Experiment files: the shipped ones are whole, and each row changes what it says."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from dubctl.errors import UsageError
from dubctl.experiments.config import load_experiment, merge
from dubctl.synth.model import Inputs, Synthesizer
from dubctl.training.config import TrainConfig, tiny_train_config
from tests.graph.test_graphs import DIMS, batch

FOLDER = Path(__file__).parents[2] / "examples" / "experiments"
FILES = sorted(FOLDER.glob("*.toml"))
TABLE2 = load_experiment(FOLDER / "table2.toml")


def test_the_papers_tables_and_figures_are_there() -> None:
    assert [path.stem for path in FILES] == ["fig4", "fig5", "fig6", "table1", "table2"]
    assert [variant.name[:2] for variant in TABLE2.variants[1:]] == [f"{row:02d}" for row in range(1, 13)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_two_rows_are_the_same(path: Path) -> None:
    found = load_experiment(path)
    seen = [(v.kind, v.library, found.train_config(v, TrainConfig(), {}).as_dict(), asdict(found.policy(v)))
            for v in found.variants]
    same = [v.name for i, v in enumerate(found.variants) if seen[i] in seen[:i]]
    # the point of a figure that is the trained setting itself is drawn too
    assert same == {"fig4": ["any-k3"], "fig5": ["share-100"], "fig6": ["cosine-k3"]}.get(path.stem, [])


def speak(variant: str, file: str) -> tuple[Synthesizer, list[torch.Tensor]]:
    """The mel of one variant's (tiny) network, with lips, prompt and emotion, and without each."""
    found = load_experiment(FOLDER / f"{file}.toml")
    base = tiny_train_config(**{f"{m}_dim": dim for m, dim in DIMS.items()}, audio_dim=6)
    config = found.train_config(found.variant(variant), base, {})
    torch.manual_seed(0)
    net = Synthesizer(config.model).eval()
    with torch.no_grad():
        for parameter in net.parameters():  # zero-initialised parts would hide what they do
            parameter.add_(torch.randn_like(parameter) * 0.05)
    ones = torch.ones(1, 6, dtype=torch.bool)
    full = Inputs(torch.arange(3, 9)[None], torch.zeros(1, 6, dtype=torch.long), ones, torch.rand(1, 256),
                  torch.tensor([5.0]), torch.randn(1, 16, 80), torch.ones(1, 16, dtype=torch.bool),
                  torch.randn(1, 8, 4), torch.ones(1, 8, dtype=torch.bool), torch.ones(1, 8, dtype=torch.bool),
                  batch(items=1) if config.emotion else None)
    out = []
    for change in ({}, {"lips": full.lips + 1}, {"prompt": full.prompt + 1}):
        with torch.no_grad():
            out.append(net.understand(Inputs(**{**vars(full), **change})).e_out)
    return net, out


@pytest.mark.parametrize(("variant", "lips", "style"), [
    ("fastspeech2-like", False, False), ("styledubber-like", True, True), ("authentic-dubber", True, True),
    ("authentic-dubber-release", True, True)])
def test_the_baselines_are_blind_and_deaf_as_they_say(variant: str, lips: bool, style: bool) -> None:
    _, (plain, other_lips, other_prompt) = speak(variant, "table1")
    assert torch.allclose(plain, other_lips) != lips
    assert torch.allclose(plain, other_prompt) != style


@pytest.mark.parametrize("variant", [v.name for v in TABLE2.variants if not v.library])
def test_every_ablation_speaks(variant: str) -> None:
    net, (out, *_) = speak(variant, "table2")
    assert out.isfinite().all() and out.abs().sum() > 0
    if variant != "authentic-dubber":
        full, (whole, *_) = speak("authentic-dubber", "table2")
        assert not torch.allclose(out, whole), "what is taken away is missed"
        assert net.state_dict().keys() == full.state_dict().keys()


def test_tables_merge_key_by_key() -> None:
    assert merge({"steps": 5, "loss": {"speaker": 1, "align": 2}}, {"loss": {"align": 3}, "per-speaker": 4}) == {
        "steps": 5, "loss": {"speaker": 1, "align": 3}, "per_speaker": 4}


@pytest.mark.parametrize(("text", "words"), [
    ('title = "t"\nvariants = []', "no \\[\\[variants\\]\\]"),
    ('title = "t"\n[[variants]]\nname = "a"\n[[variants]]\nname = "a"', "two variants"),
    ('title = "t"\n[[variants]]\nname = "a/b"', "plain file name"),
    ('title = "t"\n[[variants]]\nname = "a"\ntrain_from = "b"', "no variant 'b'"),
    ('title = "t"\ncompare = "b"\n[[variants]]\nname = "a"', "no variant 'b'"),
    ('title = "t"\n[[variants]]\nname = "a"\nlibrary = "x"', "wants library 'x'"),
    ('title = "t"\n[[variants]]\nname = "a"\n[variants.train.model.graph]\nscene_retreival = false', "scene_retreival"),
    ('title = "t"\n[[variants]]\nname = "a"\n[variants.retrieval]\nmetric = "manhattan"', "manhattan")])
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(UsageError, match=words):
        load_experiment(tmp_path / "x.toml")
