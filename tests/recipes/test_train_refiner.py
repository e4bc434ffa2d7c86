"""Training the refiner: drafts lie beside their recordings, and the flow leads from one to the other."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

import train_refiner as recipe

from dubctl.synth.refiner import Refiner, RefinerConfig, load_refiner
from dubctl.synth.symbols import Tokens
from dubctl.training.data import Item
from dubctl.training.features import Features


@pytest.fixture()
def drafts(tmp_path: Path) -> Path:
    """Sixty clips of two voices, real and not; a draft counts the frames, a recording is one over or under it."""
    frames = np.array([50, 200] * 30)
    at = np.concatenate([np.arange(n) for n in frames])
    made = np.repeat(-at[:, None] / 100, 80, 1).astype(np.float16)
    noise = np.random.default_rng(0).normal(0, 0.05, made.shape)
    np.savez(tmp_path / "d.npz", frames=frames, speaker=np.array(["ls1", "mix2"] * 30), made=made,
             true=(made + 1 - 2 * (at % 5 % 2)[:, None] + noise).astype(np.float16),
             phone=(at % 5).astype(np.int16), into=np.full(len(at), 0.5), acted=np.arange(60) % 6 > 3,
             dvector=np.repeat(np.eye(256, dtype=np.float32)[:2], 30, 0))
    return tmp_path / "d.npz"


def test_drafts_and_recordings_are_cut_at_the_same_place(drafts: Path) -> None:
    data = recipe.Drafts(drafts)
    drawn = data.draw(64, np.random.default_rng(0))
    draft, lean = drawn.draft, drawn.lean[:, None]
    draft.mel, true, inside = draft.mel - lean * draft.mask[..., None], drawn.true, draft.mask
    true = true - lean * inside[..., None]
    assert torch.allclose(true[inside], draft.mel[inside] + 1 - 2 * (draft.phones[inside] % 2)[:, None], atol=0.3)
    assert torch.equal(draft.phones[inside], (-100 * draft.mel[inside][:, 0]).round().long() % 5)
    assert (true[~inside] == draft.mel[~inside]).all() and 0.3 < float(inside.all(1).float().mean()) < 0.7
    assert not (set(np.flatnonzero(data.learnt)) & set(np.flatnonzero(data.held)))


def test_a_row_says_of_each_frame_what_it_is() -> None:
    features = Features(np.full((6, 80), -3.0, np.float16), np.zeros(6, np.float16), np.eye(256, dtype=np.float32)[0])
    item = Item("a", "ls1", Tokens([3, 9, 7], [0, 0, 0]), features, durations=np.array([4, 0, 2]))
    row = recipe._row(item, torch.arange(8.0)[:, None].expand(8, 80), np.zeros(256))  # padded, as in a batch
    assert row["made"][:, 0].tolist() == [0, 1, 2, 3, 4, 5] and row["phone"].tolist() == [3, 3, 3, 3, 7, 7]
    assert row["into"].tolist() == [1 / 8, 3 / 8, 5 / 8, 7 / 8, 1 / 4, 3 / 4] and (row["true"] == -3).all()


def test_half_of_the_crops_lean_and_an_acted_one_is_drawn_in_its_share(drafts: Path) -> None:
    data = recipe.Drafts(drafts)
    drawn = data.draw(400, np.random.default_rng(0))
    assert float((drawn.lean != 0).any(1).float().mean()) == pytest.approx(recipe.LEANT, abs=0.1)
    assert float(drawn.plain.float().mean()) == pytest.approx(1 - recipe.ACTED, abs=0.1)
    assert data.learnt.sum() == pytest.approx(1) == data.held.sum()


def test_an_acted_draft_has_its_recordings_long_term_spectrum() -> None:
    rng = np.random.default_rng(0)
    made = torch.from_numpy(rng.normal(-3, 1, (300, 80))).float()
    colour = recipe.third_octaves(np.linspace(-1, 1, 18)).float()
    true = made + colour + 0.1
    made[200:] = true[200:] = -11.0  # a pause says nothing of the spectrum
    assert torch.allclose(recipe.leaning(true, made), colour + 0.1, atol=0.06)


def test_the_true_velocity_loses_nothing_and_leads_to_the_recording(drafts: Path) -> None:
    drawn = recipe.Drafts(drafts).draw(4, np.random.default_rng(0))
    draft, true = drawn.draft, drawn.true

    class Field(Refiner):
        def forward(self, x: torch.Tensor, time: torch.Tensor, draft: object) -> torch.Tensor:
            return ((true - drawn.draft.mel) - x) / (1 - time[:, None, None])

    field = Field(RefinerConfig(width=8, hidden=8, phone_width=4, dilations=(1,)))
    assert float(recipe.flow_loss(field, drawn)) == pytest.approx(0, abs=1e-6)
    assert torch.allclose(recipe.sounded(field, draft, 0.3), true, atol=1e-4)


def test_only_whole_plain_crops_that_were_told_their_voice_are_heard(drafts: Path) -> None:
    drawn = recipe.Drafts(drafts).draw(8, np.random.default_rng(0))
    drawn.campplus = torch.nn.functional.normalize(torch.ones(8, 192), dim=1)
    listeners = recipe.Listeners({"speaker": 1.0, "campplus": 0.5, "reader": 0.0})

    def heard(drawn: recipe.Drawn, mel: torch.Tensor) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        return listeners.terms(mel, drawn)

    found = heard(drawn, drawn.true)
    assert set(found) == {"speaker", "campplus"} and all(0 < float(term) < 2 for term in found.values())
    assert float(listeners.loss(found)) == pytest.approx(float(found["speaker"] + found["campplus"] / 2))
    straight = heard(replace(drawn, lean=torch.zeros_like(drawn.lean)), drawn.true - drawn.lean[:, None])
    for name, term in found.items():  # a spectrum that leans is no other voice
        assert float(term) == pytest.approx(float(straight[name]), abs=1e-4)
    assert not heard(replace(drawn, plain=torch.zeros(8, dtype=torch.bool)), drawn.true)
    drawn.draft.dvector = torch.zeros(8, 256)
    assert not heard(drawn, drawn.true)


def test_the_reader_hears_what_is_harder_to_read_than_its_recording(drafts: Path) -> None:
    rng, data = np.random.default_rng(0), recipe.Drafts(drafts)
    data.arrays["phone"] = data.arrays["phone"] % 2 + recipe.FIRST_SOUND  # a recording is over the draft, or under it
    listeners = recipe.Listeners({"reader": 1.0})
    for _ in range(60):
        listeners.learn(data.draw(8, rng))
    drawn = data.draw(8, rng)
    assert (drawn.spoken(drawn.true).phones[~drawn.draft.mask] == -1).all()
    same, blurred = (float(listeners.terms(mel, drawn)["reader"].detach()) for mel in (drawn.true, drawn.draft.mel))
    assert blurred > 0.2 > same


def test_some_crops_are_the_same_crops(drafts: Path) -> None:
    drawn = recipe.Drafts(drafts).draw(8, np.random.default_rng(0))
    part = drawn.some(torch.tensor([5, 1]))
    assert part.campplus is None and torch.equal(part.true, drawn.true[[5, 1]])
    assert torch.equal(part.draft.phones, drawn.draft.phones[[5, 1]]) and torch.equal(part.plain, drawn.plain[[5, 1]])


def test_what_is_trained_leads_towards_the_recording(drafts: Path, tmp_path: Path, monkeypatch) -> None:
    tiny = RefinerConfig(width=16, hidden=16, phone_width=4, dilations=(1,), share=1.0)
    monkeypatch.setattr(recipe, "Refiner", lambda: Refiner(tiny))
    out = tmp_path / "voice" / "refiner.safetensors"
    recipe.train(Namespace(drafts=drafts, out=out, init=None, minutes=9.0, steps=150, rate=1e-2, speaker=0.0,
                           campplus=0.0, reader=0.1, share=1.0, batch=8, seed=0, threads=1))
    refiner = load_refiner(out.parent)
    drawn = recipe.Drafts(drafts).draw(8, np.random.default_rng(1), held=True)
    draft, true = drawn.draft, drawn.true
    left = (refiner.refine(draft) - true)[draft.mask].abs().mean()
    assert left < 0.5 * (draft.mel - true)[draft.mask].abs().mean()


def test_what_is_left_is_a_share_of_what_was_learnt() -> None:
    tiny = RefinerConfig(width=16, hidden=16, phone_width=4, dilations=(1,))
    first, learnt = Refiner(tiny), Refiner(tiny)
    for name, value in recipe.on_the_way(first, learnt, 0.25).state_dict().items():
        assert torch.allclose(value, 0.75 * first.state_dict()[name] + 0.25 * learnt.state_dict()[name], atol=1e-6)
