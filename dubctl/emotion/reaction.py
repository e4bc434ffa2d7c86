"""COMET lite: a line -> how one who hears it feels, in words ("The listener feels hurt and angry.").

COMET (Bosselut et al., 2019) writes ATOMIC's reactions word by word. Reactions are short and few, so here a small
trained network weighs a few hundred of ATOMIC's own reaction phrases and the strongest become the sentence
(`models/reaction`, see its card).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from safetensors.numpy import load_file

from dubctl.assets import model_file
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.rter import LiteTextEmotionEncoder
from dubctl.errors import DependencyError

MODEL = "reaction"
MOST = 3  # phrases in a reaction
NEAR = 0.5  # a further phrase needs this share of the strongest one's weight
SURPRISE = 0.65  # share of the prior taken out: annotators call most events "happy", whatever the line
IDLE = 0.55  # from here on "no reaction" is believed, if the line itself is neutral as well
INDIFFERENT = "The listener feels calm and neutral."


class LiteReactionGenerator:
    """Weighs reaction phrases for each line from the text-emotion encoder's features. Deterministic.

    Args:
        rter: the encoder to read lines with; loaded when not given.

    Raises:
        DependencyError: the weights are missing or belong to another text-emotion encoder.
    """

    def __init__(self, rter: LiteTextEmotionEncoder | None = None) -> None:
        self._rter = rter or LiteTextEmotionEncoder()
        config = json.loads(model_file(MODEL, "config.json").read_text(encoding="utf-8"))
        weights = model_file(MODEL, "model.safetensors")
        if config["encoder"] != self._rter.space.revision:
            raise DependencyError(f"{weights}: made for text encoder {config['encoder']}, not {self._rter.space}",
                                  "reinstall dubctl, or train the reaction generator again")
        self.phrases: list[str] = config["phrases"]
        self._kin: list[int] = config["kin"]
        self._sign: list[int] = config["sign"]
        self._weights = {name: value.astype(np.float32) for name, value in load_file(str(weights)).items()}

    def weigh(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of the phrases (N, P), and of no reaction at all (N,)."""
        x = self._rter.features(texts)
        given = self._weights
        hidden = np.tanh(((x - given["mean"]) / given["std"]) @ given["hidden.weight"].T + given["hidden.bias"])
        logits = hidden @ given["phrases.weight"].T + given["phrases.bias"]
        none = hidden @ given["none.weight"][0] + given["none.bias"][0]
        odds = np.exp(logits - logits.max(-1, keepdims=True))
        return odds / odds.sum(-1, keepdims=True), 1 / (1 + np.exp(-none))

    def react(self, texts: Sequence[str]) -> list[str]:
        """One sentence for each line: up to three feelings, strongest first, of one sign, each another meaning."""
        if not texts:
            return []
        weights, none = self.weigh(texts)
        weights = weights / self._weights["prior"] ** SURPRISE
        neutral = self._rter.classify(texts).argmax(-1) == EMOTIONS.index("neutral")
        return [INDIFFERENT if calm and idle > IDLE else sentence(self._strongest(row))
                for row, idle, calm in zip(weights, none, neutral, strict=True)]

    def _strongest(self, row: np.ndarray) -> list[str]:
        """Up to MOST phrases, one of each kin group (scared/afraid), none pleasant beside an unpleasant one."""
        order = np.argsort(-row, kind="stable")
        chosen, groups, sign = [], set(), self._sign[order[0]]
        for number in order[:20]:
            if row[number] < NEAR * row[order[0]] or len(chosen) == MOST:
                break
            if self._kin[number] not in groups and self._sign[number] * sign >= 0:
                sign = sign or self._sign[number]
                groups.add(self._kin[number])
                chosen.append(self.phrases[number])
        return chosen


def sentence(feelings: Sequence[str]) -> str:
    """["hurt", "angry"] -> "The listener feels hurt and angry."."""
    *first, last = feelings
    return f"The listener feels {', '.join(first)} and {last}." if first else f"The listener feels {last}."
