"""A long recording as several short ones, cut in its pauses (train_voice.py --parts).

Most of LibriSpeech's voices have one clip here. Whole, its prompt is the line itself, and the d-vector that the network
is told is that of the very seconds it must speak; in parts, a voice is met as it is in use: from other seconds of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.synth.symbols import EDGE, INDEX, PUNCTUATION, SYMBOLS, Tokens, is_sound
from dubctl.training.data import Item
from dubctl.training.features import Features

LEAST = 3.0  # seconds of a part: GE2E tells less from less, and a prompt has as much
PAUSE = 10  # frames that a pause has at least where it is cut
KEPT = 3  # of them stay on either side, 35 ms, as where silence is cut from a recording's ends


def cut(item: Item, durations: np.ndarray,
        voices: Callable[[int, int], tuple[np.ndarray, np.ndarray]]) -> Iterator[Item]:
    """The parts of an item; itself, with its durations, where no pause of it will do.

    Args:
        item: plain, with a `noisy` pair whose mel is that of the recording.
        durations: (L,) mel frames of its tokens.
        voices: the d-vectors (256,) that GE2E asks for and that the recording has, of frames [first, last).
    """
    assert item.noisy is not None
    for number, (tokens, known, first, last) in enumerate(_parts(item.tokens, durations)):
        mel, f0 = item.features.mel[first:last], item.features.f0[first:last]
        asked, heard = voices(first, last)
        yield replace(item, id=f"{item.id}_{number}", tokens=tokens, durations=known,
                      features=Features(mel, f0, asked, campplus=item.features.campplus),
                      noisy=(item.noisy[0][first:last], heard))


def _parts(tokens: Tokens, durations: np.ndarray) -> Iterator[tuple[Tokens, np.ndarray, int, int]]:
    """Tokens and durations of each part, its first frame and the one behind its last."""
    ends = np.cumsum(durations)
    starts = ends - durations
    for a, b in _ranges(tokens, durations, 0, len(tokens)):
        phones, stress, known = tokens.phones[a:b], tokens.stress[a:b], list(durations[a:b])
        first, last = int(starts[a]), int(ends[b - 1])
        if a > 0:
            phones, stress, known, first = [INDEX[EDGE], *phones], [0, *stress], [KEPT, *known], first - KEPT
        if b < len(tokens):
            mark, edge = tokens.phones[b], INDEX[EDGE]
            tail, kept = ([mark, edge], [KEPT - 1, 1]) if SYMBOLS[mark] in PUNCTUATION else ([edge], [KEPT])
            phones, stress, known, last = [*phones, *tail], [*stress, *(0 for _ in tail)], [*known, *kept], last + KEPT
        yield Tokens(phones, stress), np.array(known, np.int64), first, last


def _ranges(tokens: Tokens, durations: np.ndarray, a: int, b: int) -> list[tuple[int, int]]:
    """Token ranges [a, b) without the pauses between them, the longest of which is cut first."""
    ends = np.cumsum(durations)
    least = LEAST * FRAMES_PER_SECOND
    fit = [i for i in range(a + 1, b - 1)
           if not is_sound(tokens.phones[i]) and durations[i] >= PAUSE
           and ends[i - 1] - (ends[a] - durations[a]) >= least and ends[b - 1] - ends[i] >= least]
    if not fit:
        return [(a, b)]
    at = max(fit, key=lambda i: durations[i])
    return [*_ranges(tokens, durations, a, at), *_ranges(tokens, durations, at + 1, b)]
