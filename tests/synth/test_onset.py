"""A full vowel that opens a sentence is long and loud enough to be heard; nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dubctl.synth.decoder import Prosody
from dubctl.synth.frontend import tokens_of
from dubctl.synth.onset import FRAMES, clear_onsets
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
