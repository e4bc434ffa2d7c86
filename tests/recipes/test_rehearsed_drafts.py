"""Drafts after a silent rehearsal: plain ones are led to their voice, acted ones lean as their recording does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

import rehearsed_drafts as recipe
from train_refiner import Drafts, leaning, write_drafts
from train_timbre import batch_of, own_voice

from dubctl.synth.config import tiny_config
from dubctl.synth.model import Synthesizer
from dubctl.training.speaker_loss import SpeakerLoss
from tests.recipes.test_train_timbre import line


@pytest.fixture()
def network() -> Synthesizer:
    torch.manual_seed(0)
    network = Synthesizer(tiny_config()).eval().requires_grad_(False)
    for weights in network.decoder.parameters():
        weights += 0.1 * torch.randn_like(weights)  # untrained, it draws every voice alike
    return network


def test_a_rehearsal_leads_each_line_to_where_it_is_heard_as_its_voice(network: Synthesizer, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    lines = [line(name, rng) for name in ("a", "b")]
    speaking = recipe.Rehearsing(network, SpeakerLoss(), rng)
    b = batch_of(network, lines, own_voice, rng)

    def likeness(condition: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        mel = speaking.draw(b, condition)
        return 2 * (speaking.ears.heard(mel, b.frames) * b.dvector).sum() - 2 * speaking.ears.second(mel, b.frames,
                                                                                                    b.campplus)

    first = speaking.condition(b)
    monkeypatch.setattr(recipe, "SHARES", (1.0,))
    led = speaking.led(b, first)
    assert ((led - first).norm(dim=1) / first.norm(dim=1)).numpy() == pytest.approx(sum(recipe.STEPS), abs=0.2)
    assert likeness(led) > likeness(first)
    monkeypatch.setattr(recipe, "SHARES", (0.0,))
    assert torch.equal(speaking.led(b, first), first)


def test_drafts_are_what_the_refiner_is_trained_on(network: Synthesizer, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    plain, acted = [line(name, rng, frames) for name, frames in (("ls1", 160), ("b", 140))], [line("c", rng)]
    rows = recipe.drafts(network, plain, acted, 0)
    assert {str(row["speaker"]): bool(row["acted"]) for row in rows} == {"ls1": False, "b": False, "c": True}
    write_drafts(tmp_path / "d.npz", rows)
    drawn = Drafts(tmp_path / "d.npz").draw(6, rng, held=True)
    assert drawn.campplus is not None and drawn.campplus.norm(dim=1).numpy() == pytest.approx(1, abs=1e-3)


def test_an_acted_draft_leans_as_its_recording_does(network: Synthesizer, monkeypatch) -> None:
    monkeypatch.setattr(recipe, "SHARES", (0.0,))
    rng = np.random.default_rng(0)
    dull = line("c", rng)
    dull.mel += np.linspace(2, -2, 80, dtype=np.float16)
    speaking = recipe.Rehearsing(network, SpeakerLoss(), rng)

    def lean(acted: bool) -> float:
        (row,) = speaking.rows([dull], acted)
        made, true = (torch.from_numpy(row[n].astype(np.float32)) for n in ("made", "true"))
        return float(leaning(true, made).abs().mean())

    assert lean(True) < 0.3 * lean(False)


def test_acted_speech_that_cannot_be_taught_is_left_out(tmp_path: Path) -> None:
    sound = 0.3 * np.sin(np.arange(22050) * 0.05) * np.random.default_rng(0).uniform(0.5, 1, 22050)
    sf.write(tmp_path / "a.wav", sound, 22050)
    rows = [{"id": "1", "audio": "a.wav", "speaker": "x", "text": "You came back to me."},
            {"id": "2", "audio": "a.wav", "speaker": "x", "text": "Go."},
            {"id": "3", "audio": "a.wav", "speaker": "x", "text": "...", "phonemes": ""}]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = recipe.acted_lines(tmp_path)
    assert [one.speaker for one in found][:1] == ["x"] and len(found) < 3
