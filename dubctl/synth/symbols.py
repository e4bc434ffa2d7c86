"""The phone inventory: espeak IPA in misaki's one-character notation, with stress and length taken off the symbols.

A token is (phone id, stress id). Id 0 is padding and nothing else (the released code's padding id was a real phoneme).
"""

from __future__ import annotations

from dataclasses import dataclass

PAD, EDGE, SPACE = "<pad>", "<sil>", " "
PUNCTUATION = ",.!?;:—…"
VOWELS = "aiueæɑɐɒɔəɚɛɜɪʊʌᵻAIOQWYoᵊ"
_LONG = "aiueɑɔɜæɒ"
_CONSONANTS = "bdfhjklmnpstvwzðŋɡɹɾʃʒʤʧθʔxc"
SYMBOLS: tuple[str, ...] = (PAD, EDGE, SPACE, *PUNCTUATION, *VOWELS, *(v + "ː" for v in _LONG), *_CONSONANTS)
INDEX: dict[str, int] = {s: i for i, s in enumerate(SYMBOLS)}
VOWEL_IDS = frozenset(i for s, i in INDEX.items() if s[0] in VOWELS)
STRESSES = {"": 0, "ˌ": 1, "ˈ": 2}
# What espeak writes that the inventory spells otherwise.
_ALIAS = {"r": "ɹ", "g": "ɡ", "ɬ": "l", "ɫ": "l", "ʲ": "", "ɨ": "ɪ", "ɵ": "ə", "ɝ": "ɜ", "ç": "h", "S": "ʃ", "T": "t",
          "–": "—", "-": "—", "ʰ": "", "y": "i", "ø": "ɜ", "ɲ": "n", "β": "b", "ɣ": "ɡ", "ʎ": "l", "q": "k", "ɥ": "w"}


def is_sound(phone: int) -> bool:
    """Whether a phone id is spoken: no padding, edge, space or punctuation."""
    return SYMBOLS[phone][0].isalpha()


@dataclass(frozen=True)
class Tokens:
    """Phone ids, stress ids (both length L) of one line, with a silence token at each edge."""

    phones: list[int]
    stress: list[int]

    def __len__(self) -> int:
        return len(self.phones)

    def text(self) -> str:
        """The tokens as one IPA string, for reports."""
        marks = {v: k for k, v in STRESSES.items()}
        return "".join(marks[s] + SYMBOLS[p] for p, s in zip(self.phones[1:-1], self.stress[1:-1], strict=True))


def tokenise(phonemes: str) -> Tokens:
    """Tokens of an IPA string with stress marks; unknown characters are left out.

    A punctuation mark swallows the spaces beside it, so that a pause is one token.
    """
    phones, stress, pending = [INDEX[EDGE]], [0], 0
    for char in phonemes:
        char = _ALIAS.get(char, char)
        if char in ("ˈ", "ˌ"):
            pending = STRESSES[char]
        elif char == "ː":
            long = SYMBOLS[phones[-1]] + "ː"
            phones[-1] = INDEX.get(long, phones[-1])
        elif char == SPACE or (char and char in PUNCTUATION):
            _add_pause(phones, stress, char)
        elif char in INDEX:
            phones.append(INDEX[char])
            stress.append(pending if char in VOWELS else 0)
            pending = pending if char not in VOWELS else 0
    if phones[-1] == INDEX[SPACE]:
        phones.pop()
        stress.pop()
    return Tokens([*phones, INDEX[EDGE]], [*stress, 0])


def _add_pause(phones: list[int], stress: list[int], char: str) -> None:
    last = SYMBOLS[phones[-1]]
    if last == EDGE:
        return
    if last == SPACE:
        phones[-1] = INDEX[char]
    elif last in PUNCTUATION:
        if char in "?!" and last in ",.;:":
            phones[-1] = INDEX[char]
    else:
        phones.append(INDEX[char])
        stress.append(0)
