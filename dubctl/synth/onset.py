"""A first sound that is heard, and at once.

A first vowel: "I" or "Oh" at the start of a sentence, as long and loud as the line's other vowels. The speech that the
voice learned from starts sentences softly, at times inaudibly (a recogniser misses the first "I" of a third of the
recordings); the network learned that too. A director wants every word.

A first consonant: no longer than people make it. Many of those recordings begin with silence, which the alignment gave
to their first sound; the network learned to open a line with one of up to 0.4 s, silence and then breath. That is late,
and "Come on" was heard as "Some on".
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from dubctl.synth.decoder import Prosody
from dubctl.synth.symbols import EDGE, INDEX, PUNCTUATION, SPACE, VOWEL_IDS, Tokens, is_sound

FRAMES = 8  # 93 ms
LONGEST = 10.0  # frames of an opening consonant, but for those:
LONGEST_OF = ({INDEX[s]: 8.0 for s in "ptkɡ"} | {INDEX[s]: 12.0 for s in "bd"}
              | {INDEX[s]: 13.0 for s in "sʃʧθf"})
REDUCED = frozenset("əɐᵻᵊɚ")  # "a", "another": these are short on purpose
FULL = VOWEL_IDS - {i for s, i in INDEX.items() if s[0] in REDUCED}
STARTS = frozenset(INDEX[s] for s in (EDGE, *PUNCTUATION))


def clear_onsets(prosody: Prosody, tokens: Tokens) -> Prosody:
    """Log-durations and energies (1, L): where a full vowel opens the line or follows a punctuation mark, raised to
    `FRAMES` frames and to the median energy of the line's vowels; of a consonant there, at most `LONGEST` frames. All
    else stays."""
    phones = tokens.phones
    opening_here = [opening(phones, i) for i in range(len(phones))]
    shorter = prosody.log_duration.minimum(_longest(phones, opening_here).to(prosody.log_duration))
    prosody = dataclasses.replace(prosody, log_duration=shorter)
    full = torch.tensor([p in FULL for p in phones], device=prosody.energy.device)
    opens = torch.tensor(opening_here, device=full.device) & full
    if not bool(opens.any()):
        return prosody
    longer = prosody.log_duration.clamp(min=float(np.log(FRAMES + 1)))
    louder = torch.maximum(prosody.energy, prosody.energy[:, full].median(1, keepdim=True).values)
    return dataclasses.replace(prosody, log_duration=torch.where(opens, longer, prosody.log_duration),
                               energy=torch.where(opens, louder, prosody.energy))


def _longest(phones: list[int], opens: list[bool]) -> torch.Tensor:
    """Log-durations (1, L) that the sounds may have at most; infinite of all but opening consonants."""
    frames = [LONGEST_OF.get(p, LONGEST) if here and is_sound(p) and p not in VOWEL_IDS else np.inf
              for p, here in zip(phones, opens, strict=True)]
    return torch.tensor(frames)[None].log1p()


def opening(phones: list[int], place: int) -> bool:
    """True if the sound at `place` is the first after the line's edge or a punctuation mark."""
    before = [p for p in phones[max(0, place - 2): place] if p != INDEX[SPACE]]
    return bool(before) and before[-1] in STARTS
