"""A script in pieces that the network can speak, and where silence may go in them."""

from __future__ import annotations

import numpy as np

from dubctl.synth.frontend import sentences, spoken_tokens, tokens_of
from dubctl.synth.shaping import silent_end
from dubctl.synth.symbols import INDEX, Tokens

SENTENCE_ENDS = frozenset(INDEX[s] for s in ".!?;—…")
CHUNK_TOKENS = 110  # about seven seconds: the lengths the network was trained on


def chunk_tokens(text: str) -> list[Tokens]:
    """The script in pieces short enough for the network, cut between sentences (then commas)."""
    tokens_of(text)  # refuses a script with nothing to speak
    pieces, current = [], ""
    for sentence in sentences(text):
        joined = f"{current} {sentence}".strip()
        if current and len(spoken_tokens(joined)) > CHUNK_TOKENS:
            pieces.append(current)
            joined = sentence
        current = joined
    pieces.append(current)
    return [spoken_tokens(p) for p in pieces if any(c.isalnum() for c in p)]


def ends_inside(tokens: Tokens) -> np.ndarray:
    """(L,) True where a sentence ends before the last token but one: where extra silence may go."""
    marks = np.array([p in SENTENCE_ENDS for p in tokens.phones])
    marks[silent_end(tokens):] = False
    return marks
