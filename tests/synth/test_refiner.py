"""The refiner of mels: where it starts and ends, what it is told, its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.errors import DubctlError
from dubctl.media.mel import HIGHEST, HOP, LOWEST
from dubctl.synth.config import tiny_config
from dubctl.synth.direction import Direction
from dubctl.synth.model import Synthesizer
from dubctl.synth.prompt import Prompt
from dubctl.synth.refiner import (
    FILE,
    Draft,
    Refiner,
    RefinerConfig,
    draft_of,
    load_refiner,
    save_refiner,
)
from dubctl.synth.voice import Voice
from dubctl.synth.voice_files import RUN_VOICE, UNSCHOOLED

TINY = {"width": 16, "hidden": 24, "phone_width": 4, "dilations": (1, 2)}
DVECTOR = np.full(256, 1 / 16, np.float32)


def refiner(**settings: object) -> Refiner:
    torch.manual_seed(0)
    net = Refiner(RefinerConfig(**TINY | settings))
    torch.nn.init.normal_(net.out.weight, std=0.1)
    return net.eval()


def draft(frames: int = 12, level: float = -4.0) -> Draft:
    return draft_of(torch.full((frames, 80), level), [3, 7], np.array([4, frames - 4]), DVECTOR)


def test_a_frame_knows_its_phone_and_how_far_it_is_into_it() -> None:
    told = draft_of(torch.zeros(6, 80), [3, 9, 7], np.array([4, 0, 2]), DVECTOR)
    assert told.phones.tolist() == [[3, 3, 3, 3, 7, 7]] and bool(told.mask.all())
    assert told.into[0].tolist() == pytest.approx([1 / 8, 3 / 8, 5 / 8, 7 / 8, 1 / 4, 3 / 4])


def test_it_goes_the_asked_share_of_the_way() -> None:
    half, whole, none = (refiner(share=share).refine(draft()) for share in (0.5, 1.0, 0.0))
    assert torch.equal(none, draft().mel)
    assert torch.allclose(refiner(share=1.0).refine(draft(), 0.5), half, atol=1e-5)
    assert torch.allclose(half - none, (whole - none) / 2, atol=1e-5) and (whole - none).abs().mean() > 0.01


def test_the_same_seed_makes_the_same_mel_and_nothing_leaves_the_range() -> None:
    net = refiner(share=1.0, noise=1.0)
    first, again, other = (net.refine(draft(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    net.spread.fill_(100.0)
    far = net.refine(draft())
    assert float(far.min()) == pytest.approx(LOWEST) and float(far.max()) == HIGHEST


def test_it_follows_the_velocity_from_noise_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that points at 2 from wherever one is leads there, in however many steps."""
    for steps in (1, 3, 8):
        net = refiner(steps=steps, share=1.0)
        monkeypatch.setattr(net, "forward", lambda x, time, _: (2 - x) / (1 - time[:, None, None]))
        assert torch.allclose(net.refine(draft()), torch.full((1, 12, 80), -2.0), atol=1e-4)


def test_what_lies_beyond_a_line_s_end_does_not_change_it() -> None:
    net, long = refiner(), draft(20)
    long.mask[:, 12:] = False
    short = Draft(long.mel[:, :12], long.phones[:, :12], long.into[:, :12], long.dvector, long.mask[:, :12])
    x, time = torch.randn(1, 20, 80), torch.tensor([0.4])
    assert torch.allclose(net(x, time, long)[:, :12], net(x[:, :12], time, short), atol=1e-5)


def test_its_file_keeps_weights_and_settings(tmp_path: Path) -> None:
    assert load_refiner(tmp_path) is None
    net = refiner(steps=3, share=0.7)
    save_refiner(net, tmp_path / FILE)
    found = load_refiner(tmp_path)
    assert found is not None and found.config == net.config and not found.training
    assert torch.allclose(found.refine(draft()), net.refine(draft()), atol=0.02)  # float16
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(DubctlError, match="no refiner of mels"):
        load_refiner(tmp_path)


def test_a_voice_speaks_through_its_refiner_as_long_as_without() -> None:
    torch.manual_seed(0)
    model, told = Synthesizer(tiny_config()), []
    net = refiner(share=1.0)
    monkey = net.refine
    net.refine = lambda draft, part: told.append((draft, part)) or monkey(draft, part)  # type: ignore[method-assign]
    prompt = Prompt(DVECTOR, 5.0, np.zeros((20, 80), np.float32), 3.0, True)
    def said(net: Refiner | None, **asked: float) -> np.ndarray:
        voice = Voice(model, lambda mel: np.zeros(len(mel) * HOP, np.float32), refiner=net)
        return voice.perform("Hello there.", prompt, 80, direction=Direction(**asked)).mel
    plain, refined = said(None), said(net)
    assert plain.shape == refined.shape and np.abs(plain - refined).max() > 0.05
    assert np.array_equal(said(net, acted=1.0), plain) and not np.array_equal(said(net, acted=0.25), plain)
    said(net, tilt_db_per_octave=6.0)
    (draft, whole), (_, part), (bright, _) = told  # a feeling at its full strength is left as it is
    assert (whole, part) == (1.0, 0.75**2)
    assert draft.mel.shape == (1, *plain.shape) and np.allclose(draft.dvector[0], DVECTOR)
    leant = (bright.mel - draft.mel)[0].mean(0)  # what is refined leans already: it was taught such spectra
    assert float(leant[-1] - leant[0]) > 2


def test_the_shipped_voice_has_one() -> None:
    assert Voice.load(vocoder="lite").refiner is not None


def test_a_runs_checkpoint_speaks_through_its_voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubctl.synth.voice.load_checkpoint", lambda _: (Synthesizer(tiny_config()), UNSCHOOLED))
    run = tmp_path / "checkpoint.safetensors"
    run.touch()
    assert Voice.load(run, vocoder="lite").refiner is None
    save_refiner(refiner(share=0.7), tmp_path / RUN_VOICE / FILE)
    found = Voice.load(run, vocoder="lite").refiner
    assert found is not None and found.config.share == 0.7
