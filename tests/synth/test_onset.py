"""What opens a sentence is heard, and at once: a full vowel long and loud enough, a consonant not too long."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from dubctl.synth.decoder import Prosody
from dubctl.synth.frontend import tokens_of
from dubctl.synth.onset import FRAMES, FULL, LONGEST, clear_onsets, opening
from dubctl.synth.symbols import INDEX


def soft(count: int) -> Prosody:
    """Every token two frames long; energies rise along the line."""
    return Prosody(torch.full((1, count), float(np.log(3))), torch.zeros(1, count), torch.linspace(-1, 1, count)[None])


@pytest.mark.parametrize(("text", "changed"), [("I can't see it.", [1]), ("Can I see it?", []), ("A man came.", []),
                                               ("So. I could do that.", None)])
def test_only_full_vowels_that_open_a_sentence_are_raised(text: str, changed: list[int] | None) -> None:
    tokens = tokens_of(text)
    before = soft(len(tokens))
    after = clear_onsets(before, tokens)
    moved = (after.log_duration != before.log_duration)[0].nonzero().flatten().tolist()
    if changed is None:  # the vowel after the full stop, one space on
        changed = [tokens.phones.index(INDEX["I"])]
        assert changed[0] > 2
    assert moved == changed
    for place in moved:
        assert float(after.log_duration[0, place].exp()) == pytest.approx(FRAMES + 1)
        assert float(after.energy[0, place]) >= float(before.energy[0, place])


def test_an_onset_that_is_clear_already_stays() -> None:
    tokens = tokens_of("I can't see it.")
    loud = Prosody(torch.full((1, len(tokens)), 3.0), torch.zeros(1, len(tokens)), torch.zeros(1, len(tokens)))
    after = clear_onsets(loud, tokens)
    assert torch.equal(after.log_duration, loud.log_duration) and torch.equal(after.energy, loud.energy)


@pytest.mark.parametrize(("text", "sound", "frames"), [
    ("Come on.", "k", 8), ("Well, come on.", "k", 8), ("Bad luck.", "b", 12), ("Me too.", "m", LONGEST),
    ("She did.", "ʃ", 13)])
def test_a_consonant_that_opens_a_sentence_is_no_longer_than_people_make_it(text: str, sound: str,
                                                                            frames: float) -> None:
    tokens = tokens_of(text)
    drawn = Prosody(torch.full((1, len(tokens)), 3.4), torch.zeros(1, len(tokens)), torch.zeros(1, len(tokens)))
    after = clear_onsets(drawn, tokens)
    place = tokens.phones.index(INDEX[sound])
    assert float(after.log_duration[0, place].expm1()) == pytest.approx(frames)
    moved = (after.log_duration != drawn.log_duration)[0].nonzero().flatten().tolist()
    assert all(opening(tokens.phones, i) and tokens.phones[i] not in FULL for i in moved)
    assert torch.equal(after.energy, drawn.energy)
    short = dataclasses.replace(drawn, log_duration=torch.full((1, len(tokens)), 1.0))
    assert float(clear_onsets(short, tokens).log_duration[0, place]) == 1.0
