"""A silent rehearsal moves what is asked for up the slope of what is heard, and speaks for the piece it says."""

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
from dubctl.synth.prompt import read_prompt, speaker_encoder
from dubctl.synth.rehearsal import STEPS, Laid, lean, mel_ear, reading
from dubctl.synth.voice import Voice

WAV, WAV_RATE = sf.read(Path(__file__).parents[2] / "examples" / "voice.wav", dtype="float32")
PROMPT = read_prompt(WAV, WAV_RATE)
LINE = "The house by the river was empty when they came home."
LONG = " ".join(["We waited for hours in the rain, and nobody came.", "The trains had stopped, so we walked home.",
                 "It was nearly morning when we saw the lights of the town, and heard the bells."])


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice.load(vocoder="lite")


def unit(rng: np.random.Generator) -> np.ndarray:
    vector = np.maximum(rng.normal(0.3, 1, 256), 0)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_what_is_asked_for_turns_as_a_network_that_turns_voices_needs() -> None:
    rng = np.random.default_rng(0)
    wanted, order = unit(rng), torch.from_numpy(rng.permutation(256))
    turned = lambda asked: F.normalize(0.8 * asked + 0.2 * asked[order], dim=0)  # noqa: E731
    asked, heard = lean(turned, wanted, wanted)
    after = float(turned(torch.from_numpy(asked)) @ torch.from_numpy(wanted))
    assert len(heard) == len(STEPS) and after > heard[-1] > heard[0]
    assert asked.dtype == np.float32 and asked.min() >= 0 and np.linalg.norm(asked) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(asked - wanted) <= sum(STEPS)


def test_a_voice_that_does_not_follow_is_asked_for_as_it_was() -> None:
    wanted, deaf = unit(np.random.default_rng(1)), torch.zeros(256)
    asked, heard = lean(lambda asked: deaf + 0 * asked, wanted, wanted)
    assert asked == pytest.approx(wanted, abs=1e-6) and heard == [0.0, 0.0]


def test_it_hears_the_mel_that_is_performed(voice: Voice) -> None:
    done = voice.perform(LINE, PROMPT, None)
    read = reading(voice.model, voice.refiner, Laid.longest(LINE, done.durations, None), PROMPT, "cpu")
    with torch.no_grad():
        heard = read(torch.from_numpy(PROMPT.dvector)).numpy()
    assert cosine(heard, mel_ear()(torch.from_numpy(done.mel)).numpy()) > 0.98  # pauses and bursts apart


def test_what_it_asks_for_is_heard_in_the_sound(voice: Voice) -> None:
    asked, heard = voice.rehearse(LINE, PROMPT, None)
    before, after = (speaker_encoder().embed(voice.sound(voice.perform(LINE, p, None)), RATE) for p in (PROMPT, asked))
    assert cosine(after, PROMPT.dvector) > cosine(before, PROMPT.dvector)
    assert heard[-1] > heard[0] and asked.mel is PROMPT.mel and asked.log_f0 == PROMPT.log_f0


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
    assert np.isfinite(asked.dvector).all()


def test_a_word_is_rehearsed_too(voice: Voice) -> None:
    asked, heard = voice.rehearse("No!", PROMPT, None)
    assert np.isfinite(asked.dvector).all() and len(heard) == len(STEPS)


def test_the_more_is_acted_the_less_it_leans(voice: Voice) -> None:
    leant = [np.linalg.norm(voice.rehearse(LINE, PROMPT, None, acted=acted)[0].dvector - PROMPT.dvector)
             for acted in (0.0, 0.5, 1.0, 2.0)]
    assert leant[0] > leant[1] > leant[2] == leant[3] == 0
