"""Speech that follows the mouth inside its window: lips close where they are seen to, and sound swells as they open.

The network reads the lips too (paper 3.3), but hardly minds single sounds. Here the durations it predicted are bent
towards what is seen, by dynamic programming: a frame costs by how far the mouth is from where the phone has it
(`mouth_openness.json`, measured on 32 talkers), and a phone by the logarithm of its stretch. Beyond the paper.

L tokens, T mel frames of speech, V video frames.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np

from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.synth.symbols import SYMBOLS

FPS = 25.0
LEAD = 0.04  # seconds by which lips go before the sound
TRUST = 0.1  # what a frame of a mouth that is wholly elsewhere costs, beside a phone that is e times as long (1)
SHORTEST, LONGEST = 0.45, 2.2  # of the predicted duration
MORE_PAUSE = 6  # frames by which a gap between words may grow beyond that
SWELL_DB = 3.0  # between a mouth that is closed and one wide open; real talkers' loudness follows theirs about so
LEAST_SEEN = 8  # video frames
LEAST_RANGE = 0.2  # of the clip's own range of opening: a mouth that moves less says nothing


def opening_at(opening: np.ndarray, visible: np.ndarray, late: float, frames: int, lead: float = 0.0) -> np.ndarray:
    """How far the mouth is open (T,) at each mel frame of speech, 0 (10th percentile of the window) to 1 (95th); nan
    where it is not seen, nowhere if it is hardly seen at all.

    Args:
        opening: (V,) at 25 fps; visible (V,): where that was seen.
        late: seconds from the first video frame's start to the speech's.
        lead: look so many seconds ahead.
    """
    nothing = np.full(frames, np.nan)
    if int(visible.sum()) < LEAST_SEEN:
        return nothing
    low, high = np.percentile(opening[visible], [10, 95])
    if high - low < LEAST_RANGE:
        return nothing
    shown = np.clip((opening - low) / (high - low), -0.3, 1.3)
    at = late + lead + (np.arange(frames) + 0.5) / FRAMES_PER_SECOND
    middles = (np.flatnonzero(visible) + 0.5) / FPS
    seen = np.interp(at, middles, shown[visible])
    frame = np.floor(at * FPS).astype(int)
    inside = (frame >= 0) & (frame < len(visible))
    return np.where(inside & visible[np.clip(frame, 0, len(visible) - 1)], seen, np.nan)


def follow(durations: np.ndarray, phones: list[int], opening: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Durations (L,) int bent towards the mouth; their sum stays, and so do tokens that are `held` (L,) bool.

    Args:
        durations: predicted frames a token, >= 1, that sum to T.
        opening: (T,) of `opening_at`; frames that are nan do not count.
    """
    wanted = openness()[phones]
    misfit = np.nan_to_num(TRUST * np.square(wanted[:, None] - opening[None]))  # (L, T)
    if not misfit.any():
        return durations
    before = np.concatenate([np.zeros((len(phones), 1)), np.cumsum(misfit, 1)], 1)
    total = int(durations.sum())
    best, chosen = np.full(total + 1, np.inf), np.zeros((len(phones), total + 1), np.int64)
    best[0] = 0.0
    for i, usual in enumerate(durations):
        ends = np.full(total + 1, np.inf)
        for length in _lengths(int(usual), bool(np.isnan(wanted[i])), bool(held[i])):
            if length > total:
                break
            cost = best[: total + 1 - length] + before[i, length:] - before[i, : total + 1 - length]
            cost = cost + np.log(length / usual) ** 2
            better = cost < ends[length:]
            ends[length:][better] = cost[better]
            chosen[i, length:][better] = length
        best = ends
    return _traced(chosen)


def _lengths(usual: int, gap: bool, held: bool) -> range:
    """Frames that a token may take."""
    if held:
        return range(usual, usual + 1)
    longest = max(usual, int(np.ceil(usual * LONGEST)))
    return range(max(1, int(usual * SHORTEST)), max(longest, usual + MORE_PAUSE if gap else 0) + 1)


def _traced(chosen: np.ndarray) -> np.ndarray:
    """The durations (L,) of the cheapest way to the last frame: `chosen` (L, T + 1) has each token's on its way."""
    at, found = chosen.shape[1] - 1, np.zeros(len(chosen), np.int64)
    for i in reversed(range(len(chosen))):
        found[i] = chosen[i, at]
        at -= found[i]
    return found


def swell_db(opening: np.ndarray) -> np.ndarray:
    """Decibels (T,) by which the speech is louder as the mouth opens, 0 on average and where it is not seen."""
    seen = ~np.isnan(opening)
    if not seen.any():
        return np.zeros(len(opening))
    return np.where(seen, SWELL_DB * (np.nan_to_num(opening) - opening[seen].mean()), 0.0)


@functools.lru_cache(maxsize=1)
def openness() -> np.ndarray:
    """How far the mouth is open in each symbol, 0 to 1; nan of silences and of phones that are not known."""
    path = Path(__file__).with_name("mouth_openness.json")
    known: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))["openness"]
    alike = {symbol[0]: value for symbol, value in known.items()}  # "u" is as "uː" is
    return np.array([known.get(symbol, alike.get(symbol[0], np.nan)) for symbol in SYMBOLS])
