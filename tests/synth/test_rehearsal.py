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
from dubctl.synth.direction import PLAIN
from dubctl.synth.inputs import Lips
from dubctl.synth.prompt import Prompt, read_prompt, second_encoder, speaker_encoder
from dubctl.synth.rehearsal import STEPS, Spoken, lean, likeness
from dubctl.synth.voice import Voice

WAV, WAV_RATE = sf.read(Path(__file__).parents[2] / "examples" / "voice.wav", dtype="float32")
PROMPT = read_prompt(WAV, WAV_RATE)
LINE = "The house by the river was empty when they came home."
LINES = (LINE, "We waited for hours in the rain, and nobody came.",
         "She told me that the road was closed until the morning.", "Nobody knows where the old man keeps his money.")
LONG = " ".join(["We waited for hours in the rain, and nobody came.", "The trains had stopped, so we walked home.",
                 "It was nearly morning when we saw the lights of the town, and heard the bells."])


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice.load(vocoder="lite")


def spoken(voice: Voice, text: str = LINE) -> Spoken:
    with torch.no_grad():
        (piece,), _ = voice._lay(text, PROMPT, None, None, None, PLAIN)
    return Spoken(voice.model, voice.refiner, piece.understood, piece.tokens, piece.fit.durations)


def test_a_condition_moves_to_where_its_voice_is_heard_as_wanted() -> None:
    rng = np.random.default_rng(0)
    condition, wanted = rng.normal(0, 1, (2, 256)).astype(np.float32)
    order = torch.from_numpy(rng.permutation(256))
    def hear(condition: torch.Tensor) -> torch.Tensor:
        return (F.normalize(0.8 * condition + 0.2 * condition[order], dim=0) @ torch.from_numpy(wanted) / 16)[None]
    leant, heard = lean(hear, condition)
    likenesses = [step["likeness"] for step in heard]
    assert len(heard) == len(STEPS) and float(hear(torch.from_numpy(leant))) > max(likenesses[1:]) > likenesses[0]
    assert all(step["rehearsal"] and step["silent"] and "campplus" not in step for step in heard)
    assert leant.dtype == np.float32
    assert np.linalg.norm(leant - condition) <= sum(STEPS) * np.linalg.norm(condition) * 1.001


def test_a_voice_that_does_not_follow_stays_as_it_was() -> None:
    condition = np.random.default_rng(1).normal(0, 1, 256).astype(np.float32)
    leant, heard = lean(lambda condition: torch.zeros(2) + 0 * condition.sum(), condition)
    assert leant == pytest.approx(condition, abs=1e-6)
    assert heard[0] == {"likeness": 0.0, "campplus": 0.0, "rehearsal": True, "silent": True}


def test_a_voice_without_a_sound_stays_as_it_was_too() -> None:
    condition = np.ones(256, np.float32)
    leant, heard = lean(lambda condition: torch.full((2,), torch.inf) - torch.inf * condition.sum(), condition)
    assert leant is condition and heard == []


def test_it_hears_the_mel_that_is_performed(voice: Voice) -> None:
    done, said = voice.perform(LINE, PROMPT, None), spoken(voice)
    with torch.no_grad():
        mel = said(said.understood.condition[0]) + said.refinement(PROMPT.dvector)
    apart = np.abs(mel.numpy() - done.mel).mean(1)
    assert mel.shape == done.mel.shape and np.median(apart) < 1e-3  # pauses and bursts are cleared afterwards


def test_both_ears_have_a_slope_and_a_prompt_without_campplus_is_heard_by_one(voice: Voice) -> None:
    said = spoken(voice)
    condition = said.understood.condition[0].detach().clone().requires_grad_()
    both = likeness(said, PROMPT)(condition)
    for heard in both:
        assert float(torch.autograd.grad(heard, condition, retain_graph=True)[0].norm()) > 0
    alone = likeness(said, dataclasses.replace(PROMPT, speech=None))(condition)
    assert both.shape == (2,) and alone.shape == (1,) and alone[0].item() == pytest.approx(both[0].item(), abs=1e-5)


def test_where_it_leads_is_heard_in_the_sound_of_some_lines(voice: Voice) -> None:
    def alike(line: str, prompt: Prompt) -> tuple[float, float]:
        wav = voice.sound(voice.perform(line, prompt, None))
        return (cosine(speaker_encoder().embed(wav, RATE), PROMPT.dvector),
                cosine(second_encoder().embed(wav, RATE), PROMPT.campplus))
    gains = []
    for line in LINES:
        led, heard = voice.rehearse(line, PROMPT, None)
        assert heard[-1]["likeness"] + heard[-1]["campplus"] > heard[0]["likeness"] + heard[0]["campplus"]
        gains.append(np.subtract(alike(line, led), alike(line, PROMPT)))
    ge2e, campplus = np.mean(gains, 0)  # of a single line CAM++ may hear as much before
    assert ge2e > 0 and campplus > 0


def test_how_the_line_is_read_stays(voice: Voice) -> None:
    led, _ = voice.rehearse(LINE, PROMPT, None)
    assert led.dvector is PROMPT.dvector and led.mel is PROMPT.mel and led.lean is not None
    before, after = (voice.perform(LINE, p, None) for p in (PROMPT, led))
    assert after.durations == before.durations and after.pitch_hz == pytest.approx(before.pitch_hz, rel=1e-6)
    assert np.abs(after.mel - before.mel).max() > 0.1


def test_of_a_long_line_the_longest_piece_is_read_with_its_part_of_the_lips(voice: Voice,
                                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Spoken] = []
    monkeypatch.setattr("dubctl.synth.voice.likeness", lambda said, prompt: read.append(said) or likeness(said, prompt))
    lips = Lips(np.arange(400, dtype=np.float32)[:, None].repeat(voice.model.config.lip_features, 1),
                np.ones(400, bool))
    led, _ = voice.rehearse(LONG, PROMPT, None, lips=lips)
    pieces = chunk_tokens(LONG)
    (said,) = read
    assert len(pieces) > 1 and len(said.tokens) == len(said.durations) == max(len(piece) for piece in pieces)
    seen = said.understood.lip_attention.shape[-1]
    assert seen == pytest.approx(400 * said.durations.sum() / sum(voice.perform(LONG, PROMPT, None).durations), abs=8)
    assert led.lean is not None and np.isfinite(led.lean).all()


def test_who_speaks_without_gradients_is_rehearsed_as_well(voice: Voice) -> None:
    led, _ = voice.rehearse(LINE, PROMPT, None)
    with torch.inference_mode():
        again, _ = voice.rehearse(LINE, PROMPT, None)
    assert led.lean is not None and np.array_equal(led.lean, again.lean)


def test_a_word_is_rehearsed_too(voice: Voice) -> None:
    led, heard = voice.rehearse("No!", PROMPT, None)
    assert np.isfinite(led.lean).all() and len(heard) == len(STEPS)


def test_the_more_is_acted_the_less_it_leans(voice: Voice) -> None:
    leant = [0.0 if led.lean is None else np.linalg.norm(led.lean)
             for led, _ in (voice.rehearse(LINE, PROMPT, None, acted=acted) for acted in (0.0, 0.5, 1.0, 2.0))]
    assert leant[0] > leant[1] > leant[2] == leant[3] == 0
