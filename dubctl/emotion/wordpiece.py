"""BERT's uncased WordPiece tokenizer in plain Python: importing `transformers` for it would cost seconds."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

MAX_WORD = 64  # a longer "word" is one unknown token, as in BERT


class WordPiece:
    """Text -> token ids `[CLS] … [SEP]`.

    Args:
        vocab: one token per id; needs `[UNK]`, `[CLS]`, `[SEP]`; continuation pieces start with `##`.
    """

    def __init__(self, vocab: Sequence[str]) -> None:
        self.ids = {token: number for number, token in enumerate(vocab)}
        self.unknown, self.start, self.end = (self.ids[name] for name in ("[UNK]", "[CLS]", "[SEP]"))
        self._pieces = lru_cache(maxsize=20_000)(self._split)

    def encode(self, text: str, limit: int) -> list[int]:
        """Ids of `text`, at most `limit` with the two special tokens."""
        ids: list[int] = []
        for word in words(text):
            ids += self._pieces(word)
            if len(ids) >= limit - 2:
                break
        return [self.start, *ids[: limit - 2], self.end]

    def _split(self, word: str) -> tuple[int, ...]:
        """Greedy longest-match pieces of one word."""
        if len(word) > MAX_WORD:
            return (self.unknown,)
        pieces, begin = [], 0
        while begin < len(word):
            prefix = "##" if begin else ""
            for end in range(len(word), begin, -1):
                piece = self.ids.get(prefix + word[begin:end])
                if piece is not None:
                    break
            else:
                return (self.unknown,)
            pieces.append(piece)
            begin = end
        return tuple(pieces)


def words(text: str) -> list[str]:
    """Lower-case words without accents; every punctuation mark is a word."""
    spaced: list[str] = []
    for char in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(char)
        if kind == "Mn" or (kind.startswith("C") and not char.isspace()):
            continue  # accents and control characters
        if char.isspace():
            spaced.append(" ")
        elif _stands_alone(char, kind):
            spaced += (" ", char, " ")
        else:
            spaced.append(char)
    return "".join(spaced).split()


def _stands_alone(char: str, kind: str) -> bool:
    """Punctuation, the ASCII symbols BERT counts as such, and CJK ideographs."""
    ascii_symbol = char.isascii() and not char.isalnum()
    return ascii_symbol or kind.startswith("P") or "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"
