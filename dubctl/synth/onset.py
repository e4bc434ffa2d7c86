"""A first vowel that is heard: "I" or "Oh" at the start of a sentence, as long and loud as the line's other vowels.

The speech that the voice learned from starts sentences softly, at times inaudibly (a recogniser misses the first "I" of
a third of the recordings); the network learned that too. A director wants every word.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from dubctl.synth.decoder import Prosody
from dubctl.synth.symbols import EDGE, INDEX, PUNCTUATION, SPACE, VOWEL_IDS, Tokens

FRAMES = 8  # 93 ms
REDUCED = frozenset("əɐᵻᵊɚ")  # "a", "another": these are short on purpose
FULL = VOWEL_IDS - {i for s, i in INDEX.items() if s[0] in REDUCED}
STARTS = frozenset(INDEX[s] for s in (EDGE, *PUNCTUATION))


def clear_onsets(prosody: Prosody, tokens: Tokens) -> Prosody:
    """Log-durations and energies (1, L), raised where a full vowel opens the line or follows a punctuation mark: to
    `FRAMES` frames and to the median energy of the line's vowels. All else stays."""
    phones = tokens.phones
    full = torch.tensor([p in FULL for p in phones], device=prosody.energy.device)
    opens = torch.tensor([opening(phones, i) for i in range(len(phones))], device=full.device) & full
    if not bool(opens.any()):
        return prosody
    longer = prosody.log_duration.clamp(min=float(np.log(FRAMES + 1)))
    louder = torch.maximum(prosody.energy, prosody.energy[:, full].median(1, keepdim=True).values)
    return dataclasses.replace(prosody, log_duration=torch.where(opens, longer, prosody.log_duration),
                               energy=torch.where(opens, louder, prosody.energy))


def opening(phones: list[int], place: int) -> bool:
    """True if the sound at `place` is the first after the line's edge or a punctuation mark."""
    before = [p for p in phones[max(0, place - 2): place] if p != INDEX[SPACE]]
    return bool(before) and before[-1] in STARTS
