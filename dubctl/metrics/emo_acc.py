"""Emotion accuracy: does a recogniser of real acted speech hear the emotion the scene asks for? `emo-acc`, `:prompt`.

Version 1. The recogniser is TIM-Net (Ye et al. 2023) as shipped in models/ser: trained on acted speech that the
synthesizer never saw and used for nothing else. A dub is right if the likeliest of its seven classes is the scene's.
Value: accuracy over the dubs whose label is one of the seven. A failed dub is a wrong answer. Beside it: unweighted
recall (UAR), macro-F1 and the confusion; the same for the original actor's recordings (`reference`), which is as much
as this recogniser can hear in real sound; always answering the commonest class; and chance.

No released variant: the papers of this family name "a pre-trained SER" and publish neither its code nor its weights,
so their EMO-ACC cannot be recomputed. (Its ground truth of 99.96 % says that it had heard the test recordings, and on
V2C's test list the constant answer "neutral" scores 46.78 %, the best system 47.21 %.)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.labels import emotion_class
from dubctl.errors import DubctlError
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE
from dubctl.metrics.base import EvalItem, MeanMetric, Score, speakers
from dubctl.metrics.classification import named_figures


class EmotionAccuracy(MeanMetric):
    """Share of dubs in which the scene's emotion is heard.

    Args:
        recogniser: has `probabilities(wav) -> (7,)` and `name`; None loads the shipped one.
    """

    name, version = "emo-acc", "1"
    needs: tuple[str, ...] = ("dub", "emotion")
    shipped = "ser"

    def __init__(self, recogniser: Any = None) -> None:
        self.recogniser = recogniser
        self._truth: dict[str, int | None] = {}
        self._lock = Lock()

    def prepare(self) -> None:
        if self.recogniser is None:
            from dubctl.ser.recogniser import Recogniser

            self.recogniser = Recogniser.load(shipped=self.shipped)

    def score(self, item: EvalItem) -> Score:
        assert item.dub is not None
        self._hear_reference(item)
        return self._score(item, self._heard(item, item.dub))

    def _heard(self, item: EvalItem, sound: Path) -> np.ndarray:
        """(7,) of one of the item's recordings."""
        return self.recogniser.probabilities(load_audio(sound, RATE))

    def worst(self, item: EvalItem, why: str) -> Score:
        self._hear_reference(item)
        return self._score(item, None, why)

    def aggregate(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> Any:
        result = super().aggregate(items, scores)
        self._truth = {}
        return result

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        judged = [(item, s) for item, s in zip(items, scores, strict=True) if s.value is not None]
        groups = speakers([item for item, _ in judged])
        found = {"recogniser": getattr(self.recogniser, "name", ""), "classes": list(EMOTIONS),
                 "unlabelled": len(items) - len(judged),
                 **named_figures([(s.detail["label"], s.detail["answer"]) for _, s in judged], groups)}
        truth = [(item, s) for item, s in judged if item.id in self._truth]
        if truth:
            pairs = [(s.detail["label"], _name(self._truth[item.id])) for item, s in truth]
            found["ground_truth"] = named_figures(pairs, speakers([item for item, _ in truth]))
        return found

    def _hear_reference(self, item: EvalItem) -> None:
        if item.reference is None or not Path(item.reference).is_file():
            return
        try:
            answer: int | None = int(self._heard(item, item.reference).argmax())
        except DubctlError:
            answer = None
        with self._lock:
            self._truth[item.id] = answer

    def _score(self, item: EvalItem, heard: np.ndarray | None, why: str = "") -> Score:
        label = emotion_class(item.emotion)
        if label is None:  # "others": nothing this recogniser could answer would be right
            return Score(item.id, None, 0.0, why, {"label": item.emotion, "answer": None})
        answer = int(heard.argmax()) if heard is not None else None
        detail: dict[str, Any] = {"label": EMOTIONS[label], "answer": _name(answer)}
        if heard is not None:
            detail["probabilities"] = {e: round(float(p), 4) for e, p in zip(EMOTIONS, heard, strict=True)}
        return Score(item.id, float(answer == label), 1.0, why, detail)


class EmotionBesidePrompt(EmotionAccuracy):
    """`emo-acc:prompt`: the same question to a recogniser that hears a dub as a departure from its prompt.

    Version 1. A recogniser that hears one clip alone takes the sound of an unheard voice for a feeling; this one
    (models/ser-prompt: the same network and data, speakers normalised by their neutral speech as in Busso et al. 2013)
    is told what the voice is like by the prompt. So it asks for prompts that are spoken plainly: a prompt that shouts
    makes every dub seem calm, and where the prompt is the target's own recording (setting 1.0) it says nothing. The
    recordings (`ground_truth`) are heard beside the same prompt: believe them where it is the actor's own (2.0).
    """

    name, shipped = "emo-acc:prompt", "ser-prompt"
    needs = ("dub", "emotion", "prompt")

    def _heard(self, item: EvalItem, sound: Path) -> np.ndarray:
        assert item.prompt is not None
        return self.recogniser.probabilities(load_audio(sound, RATE), load_audio(item.prompt, RATE))


def _name(answer: int | None) -> str | None:
    return None if answer is None else EMOTIONS[answer]
