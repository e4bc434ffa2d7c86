"""Front end: a script line -> phone tokens. G2P is espeak-ng through misaki: no download, unknown words by rule."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable

from dubctl.errors import DependencyError, InputError
from dubctl.synth.dialogue import check_letters, with_sounds
from dubctl.synth.normalise import normalise
from dubctl.synth.symbols import PUNCTUATION, Tokens, tokenise

ACCENTS = ("en-us", "en-gb")


_LOADING = threading.Lock()


def g2p(accent: str) -> Callable[[str], tuple[str, object]]:
    """The espeak-ng front end of an accent, made once a process.

    Raises:
        DependencyError: it does not load.
    """
    with _LOADING:
        return _g2p(accent)


@functools.lru_cache(maxsize=2)
def _g2p(accent: str) -> Callable[[str], tuple[str, object]]:
    try:
        from misaki import espeak

        return espeak.EspeakG2P(language=accent)
    except Exception as err:  # a missing shared library shows up as RuntimeError, OSError or ImportError
        raise DependencyError(f"the espeak-ng front end does not load: {err}",
                              "pip install --force-reinstall espeakng-loader misaki phonemizer-fork") from err


def phonemise(text: str, accent: str = "en-us") -> str:
    """IPA with stress (misaki notation) of a written line."""
    return _ipa(normalise(text), accent)


def _ipa(spoken: str, accent: str) -> str:
    """Clauses are done apart so that punctuation survives."""
    out: list[str] = []
    for part in re.split(rf"([{PUNCTUATION}]+)", spoken):
        if part and part[0] in PUNCTUATION:
            out.append(part[0] + " ")
            continue
        out += [words if sound else g2p(accent)(words.strip())[0]
                for words, sound in with_sounds(part) if words.strip()]
    return re.sub(r"\s+([,.!?;:—…])", r"\1", " ".join(p.strip() for p in out if p.strip()))


def tokens_of(text: str, accent: str = "en-us") -> Tokens:
    """Phone tokens of a script line.

    Raises:
        InputError: nothing in it can be spoken, or it has words of another alphabet.
    """
    check_letters(text)
    return spoken_tokens(normalise(text), accent, text)


def spoken_tokens(spoken: str, accent: str = "en-us", written: str = "") -> Tokens:
    """Phone tokens of a line in its spoken form, as `sentences` gives it: that is not read a second time.

    Raises:
        InputError: nothing in it can be spoken.
    """
    tokens = tokenise(_ipa(spoken, accent))
    if len(tokens) <= 2:
        raise InputError(f"the script has nothing to speak: {written or spoken!r}", "give at least one English word")
    return tokens


def sentences(text: str, longest: int = 180) -> list[str]:
    """Split a script into spoken-form sentences; a sentence over `longest` characters is split further at commas."""
    spoken = normalise(text)  # first: "Mr." ends no sentence once it is "mister"
    found = [s.strip() for s in re.split(r"(?<=[.!?…])\s+", spoken) if s.strip()]
    out: list[str] = []
    for sentence in found:
        while len(sentence) > longest and (cut := sentence.rfind(", ", 40, longest)) > 0:
            out.append(sentence[: cut + 1])
            sentence = sentence[cut + 2:]
        out.append(sentence)
    return out
