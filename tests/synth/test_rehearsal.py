"""A silent rehearsal moves what is asked for up the slope of what is heard, and speaks for the piece it says."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
import torch.nn.functional as F

from dubctl.media.mel import RATE
from dubctl.speaker import cosine
from dubctl.synth.chunks import chunk_tokens
from dubctl.synth.inputs import Lips
from dubctl.synth.prompt import read_prompt, second_encoder
from dubctl.synth.rehearsal import STEPS, Laid, Spoken, lean, likeness
from dubctl.synth.voice import Voice

WAV, WAV_RATE = sf.read(Path(__file__).parents[2] / "examples" / "voice.wav", dtype="float32")
PROMPT = read_prompt(WAV, WAV_RATE)
LINE = "The house by the river was empty when they came home."
LONG = " ".join(["We waited for hours in the rain, and nobody came.", "The trains had stopped, so we walked home.",
                 "It was nearly morning when we saw the lights of the town, and heard the bells."])


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice.load(vocoder="lite")


def spoken(voice: Voice, text: str = LINE) -> Spoken:
    laid = Laid.longest(text, voice.perform(text, PROMPT, None).durations, None)
    return Spoken(voice.model, voice.refiner, voice._understand(laid.tokens, PROMPT, None, None), laid, PROMPT.log_f0)


def unit(rng: np.random.Generator) -> np.ndarray:
    vector = np.maximum(rng.normal(0.3, 1, 256), 0)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_what_is_asked_for_turns_as_a_network_that_turns_voices_needs() -> None:
    rng = np.random.default_rng(0)
    wanted, order = unit(rng), torch.from_numpy(rng.permutation(256))
    def turned(asked: torch.Tensor) -> torch.Tensor:
        return (F.normalize(0.8 * asked + 0.2 * asked[order], dim=0) @ torch.from_numpy(wanted))[None]
    asked, heard = lean(turned, wanted)
    likenesses = [step["likeness"] for step in heard]
    assert len(heard) == len(STEPS) and float(turned(torch.from_numpy(asked))) > max(likenesses[1:]) > likenesses[0]
    assert all(step["rehearsal"] and step["silent"] and "campplus" not in step for step in heard)
    assert asked.dtype == np.float32 and asked.min() >= 0 and np.linalg.norm(asked) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(asked - wanted) <= sum(STEPS)


def test_a_voice_that_does_not_follow_is_asked_for_as_it_was() -> None:
    wanted = unit(np.random.default_rng(1))
    asked, heard = lean(lambda asked: torch.zeros(2) + 0 * asked.sum(), wanted)
    assert asked == pytest.approx(wanted, abs=1e-6)
    assert heard[0] == {"likeness": 0.0, "campplus": 0.0, "rehearsal": True, "silent": True}


def test_it_hears_the_mel_that_is_performed(voice: Voice) -> None:
    done, said = voice.perform(LINE, PROMPT, None), spoken(voice)
    with torch.no_grad():
        mel = said(torch.from_numpy(PROMPT.dvector)) + said.refinement(PROMPT.dvector)
    apart = np.abs(mel.numpy() - done.mel).mean(1)
    assert mel.shape == done.mel.shape and np.median(apart) < 1e-3  # pauses and bursts are cleared afterwards


def test_both_ears_have_a_slope_and_a_prompt_without_campplus_is_heard_by_one(voice: Voice) -> None:
    said, asked = spoken(voice), torch.from_numpy(PROMPT.dvector).requires_grad_()
    both = likeness(said, PROMPT)(asked)
    for heard in both:
        assert float(torch.autograd.grad(heard, asked, retain_graph=True)[0].norm()) > 0
    alone = likeness(said, dataclasses.replace(PROMPT, campplus=None))(asked)
    assert both.shape == (2,) and alone.shape == (1,) and alone[0].item() == pytest.approx(both[0].item(), abs=1e-5)


def test_what_it_asks_for_is_heard_in_the_sound(voice: Voice) -> None:
    asked, heard = voice.rehearse(LINE, PROMPT, None)
    before, after = (second_encoder().embed(voice.sound(voice.perform(LINE, p, None)), RATE) for p in (PROMPT, asked))
    assert cosine(after, PROMPT.campplus) > cosine(before, PROMPT.campplus)
    assert heard[-1]["likeness"] + heard[-1]["campplus"] > heard[0]["likeness"] + heard[0]["campplus"]


def test_how_the_line_is_read_stays(voice: Voice) -> None:
    asked, _ = voice.rehearse(LINE, PROMPT, None)
    assert asked.dvector is PROMPT.dvector and asked.mel is PROMPT.mel and asked.asked is not None
    before, after = (voice.perform(LINE, p, None) for p in (PROMPT, asked))
    assert after.durations == before.durations and after.pitch_hz == pytest.approx(before.pitch_hz, rel=1e-6)
    assert np.abs(after.mel - before.mel).max() > 0.1


def test_of_a_long_line_the_longest_piece_is_read_with_its_part_of_the_lips(voice: Voice) -> None:
    pieces = chunk_tokens(LONG)
    lips = Lips(np.arange(400, dtype=np.float32)[:, None].repeat(voice.model.config.lip_features, 1),
                np.ones(400, bool))
    durations = voice.perform(LONG, PROMPT, None).durations
    laid = Laid.longest(LONG, durations, lips)
    assert len(pieces) > 1 and len(laid.tokens) == len(laid.durations) == max(len(piece) for piece in pieces)
    assert laid.lips is not None
    assert len(laid.lips.features) == pytest.approx(400 * laid.durations.sum() / sum(durations), abs=2)
    asked, _ = voice.rehearse(LONG, PROMPT, None, lips=lips)
    assert np.isfinite(asked.sought).all()


def test_a_word_is_rehearsed_too(voice: Voice) -> None:
    asked, heard = voice.rehearse("No!", PROMPT, None)
    assert np.isfinite(asked.sought).all() and len(heard) == len(STEPS)


def test_the_more_is_acted_the_less_it_leans(voice: Voice) -> None:
    leant = [np.linalg.norm(voice.rehearse(LINE, PROMPT, None, acted=acted)[0].sought - PROMPT.dvector)
             for acted in (0.0, 0.5, 1.0, 2.0)]
    assert leant[0] > leant[1] > leant[2] == leant[3] == 0
