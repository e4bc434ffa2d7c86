"""What the timbre adapter is taught with and by: who is cast, what learns and what stays, and the voice it leaves."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

from timbre_material import Line, Material, Recording, pieces
from train_timbre import Casting, Lessons, batch_of, beginning, own_voice

from dubctl.media.mel import RATE
from dubctl.synth.config import tiny_config
from dubctl.synth.model import Synthesizer
from dubctl.synth.symbols import Tokens
from dubctl.synth.voice_files import load_folder


def recording(rng: np.random.Generator) -> Recording:
    vectors = [np.abs(rng.normal(size=n)).astype(np.float32) for n in (256, 192)]
    d, c = (v / np.linalg.norm(v) for v in vectors)
    return Recording(d, c, rng.normal(-5, 1, (120, 80)).astype(np.float16), 5.0)


def line(speaker: str, rng: np.random.Generator, frames: int = 160, dev: bool = False) -> Line:
    return Line(speaker, Tokens([1, 20, 30, 40, 50, 1], [0, 1, 0, 2, 0, 0]),
                rng.normal(-5, 1, (frames, 80)).astype(np.float16), np.full(frames, 150, np.float16),
                np.array([10, 30, 30, 30, frames - 110, 10], np.int64), recording(rng), dev)


@pytest.fixture()
def found() -> Material:
    """Thirteen real speakers, two of them warped too, and two synthetic ones; each but one has a line."""
    rng = np.random.default_rng(0)
    names = [f"ls{i:02}" for i in range(13)] + ["ls00x1.1", "ls05x0.9"]
    real = {name: [recording(rng) for _ in range(3)] for name in names}
    lines = [line(name, rng) for name in [*names[1:], "a", "a", "b", "b"]]
    return Material([*lines, line("alone", rng), line("a", rng, dev=True), line("a", rng, frames=900)], real)


def test_held_out_speakers_are_never_cast_nor_what_is_held_out_or_too_long(found: Material) -> None:
    casting = Casting(found, np.random.default_rng(1))
    kept = {"ls00", "ls12"}
    assert casting.kept == kept and set(casting.unseen) == {"ls00", "ls12", "ls00x1.1"}
    assert not any(one.dev or len(one.mel) > 800 or one.speaker.split("x")[0] in kept for one in casting.lines)
    cast = [casting.voice(one) for _ in range(40) for one in casting.some(4)]
    assert {"a", "b", "ls05x0.9"} <= {told.speaker for told in cast}
    assert not any(told.speaker.split("x")[0] in kept for told in cast)
    assert {casting.unseen_voice(casting.lines[0]).speaker for _ in range(40)} == set(casting.unseen)


def test_a_voice_is_wanted_as_all_its_recordings_say_and_an_unseen_one_as_the_others(found: Material) -> None:
    casting = Casting(found, np.random.default_rng(1))
    for _ in range(20):
        unseen = casting.unseen_voice(casting.lines[0])
        others = np.sum([r.campplus for r in casting.unseen[unseen.speaker] if r is not unseen.by], 0)
        assert unseen.campplus == pytest.approx(others / np.linalg.norm(others), abs=1e-6)
        told = casting.voice(casting.lines[-5])
        if told.speaker in casting.real:
            whole = np.sum([r.dvector for r in casting.real[told.speaker]], 0)
            assert told.dvector == pytest.approx(whole / np.linalg.norm(whole), abs=1e-6)
            assert any(told.by is r for r in casting.real[told.speaker])


def test_one_who_has_a_single_recording_is_told_and_wanted_by_it(found: Material) -> None:
    casting = Casting(found, np.random.default_rng(1))
    (alone,) = [one for one in casting.lines if one.speaker == "alone"]
    told = [told for _ in range(20) if (told := casting.voice(alone)).speaker == "alone"]
    assert told and all(t.by is alone.recording and np.array_equal(t.dvector, alone.recording.dvector) for t in told)


@pytest.mark.parametrize(("seconds", "count"), [(4, 1), (5.5, 2), (8, 2), (10, 3), (30, 4)])
def test_a_recording_is_cut_into_pieces_without_loss(seconds: float, count: int) -> None:
    wav = np.arange(int(seconds * RATE), dtype=np.float32)
    cut = pieces(wav)
    assert len(cut) == count and np.array_equal(np.concatenate(cut), wav)


@pytest.fixture()
def shipped(tmp_path: Path) -> Path:
    """A voice of before there were timbre adapters."""
    torch.manual_seed(0)
    network = Synthesizer(tiny_config(scene_dim=8, face_dim=8, text_dim=16, audio_dim=6))
    settings = network.config.as_dict() | {"timbre": False}
    folder = tmp_path / "voice"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model": settings, "step": 3}))
    (folder / "refiner.safetensors").write_bytes(b"taught")
    save_file({n: t.half() for n, t in network.state_dict().items() if not n.startswith("timbre.")},
              folder / "model.safetensors")
    return folder


def settings(share: float = 1.0) -> argparse.Namespace:
    return argparse.Namespace(lr=1e-2, bf16=False, speaker=0.5, campplus=0.5, clear=0.1, share=share)


def test_what_learns_is_the_adapter_and_the_decoder_and_the_voice_is_left_as_a_folder(
        found: Material, shipped: Path, tmp_path: Path) -> None:
    casting, network = Casting(found, np.random.default_rng(1)), beginning(shipped)
    before = {n: t.clone() for n, t in network.state_dict().items()}
    lessons = Lessons(network, settings())
    lines = casting.some(3)
    b = batch_of(network, lines, casting.voice, casting.rng)
    plain = network.decoder(b.adapted, b.durations, b.frames, b.condition)
    assert torch.equal(lessons.draw(b), plain), "an adapter adds nothing at first"
    lessons.school(b)
    for _ in range(3):
        terms = lessons.learn(b, 0.0)
    assert set(terms) == {"mel", "speaker", "contrast", "campplus", "clear"} and np.isfinite(list(terms.values())).all()
    moved = {n.split(".")[0] for n, t in network.state_dict().items() if not torch.equal(t, before[n])}
    assert moved == {"timbre", "decoder"}
    assert all(-1 <= cosine <= 1 for cosine in lessons.likeness([b]))
    lessons.save(shipped, tmp_path / "out")
    left = load_folder(tmp_path / "out")[0]
    assert left.timbre is not None and (tmp_path / "out" / "refiner.safetensors").read_bytes() == b"taught"
    mean = lessons.mean["timbre.out.weight"]
    assert torch.allclose(left.timbre.out.weight, mean, atol=1e-3) and float(mean.abs().max()) > 0
    assert torch.equal(left.voice.net[0].weight, before["voice.net.0.weight"].half().float())
    assert json.loads((tmp_path / "out" / "config.json").read_text())["step"] == 3
    lessons.args.share = 0.5
    lessons.save(shipped, tmp_path / "half")
    half = load_folder(tmp_path / "half")[0]
    assert half.timbre is not None
    assert torch.allclose(half.timbre.out.weight, mean / 2, atol=1e-3)
    assert torch.allclose(half.timbre.into.weight, left.timbre.into.weight)
    way = before["decoder.out.weight"], lessons.mean["decoder.out.weight"]
    assert torch.allclose(half.decoder.out.weight, (way[0] + way[1]) / 2,
                          atol=1e-3)


def test_taught_on_it_goes_on_from_its_adapter(found: Material, shipped: Path, tmp_path: Path) -> None:
    lessons = Lessons(beginning(shipped), settings())
    torch.nn.init.normal_(lessons.mean["timbre.out.weight"])
    lessons.save(shipped, tmp_path / "out")
    again = beginning(tmp_path / "out")
    assert again.timbre is not None
    assert torch.allclose(again.timbre.out.weight, lessons.mean["timbre.out.weight"], atol=1e-2)


def test_a_line_in_its_own_voice_is_held_to_what_was_recorded(found: Material, shipped: Path) -> None:
    casting, network = Casting(found, np.random.default_rng(1)), beginning(shipped)
    own = batch_of(network, casting.lines[:2], own_voice, casting.rng)
    assert own.own.tolist() == [True, True]
    assert own.x.dvector[0].numpy() == pytest.approx(casting.lines[0].recording.dvector)
    assert own.mel.shape == (2, 160, 80) and own.durations.sum(1).tolist() == own.frames.tolist() == [160, 160]
