"""Emotion vectors and references of the voice's training lines (part 2 of train_voice.py)."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from imagined_films import FACED, MOOD, SHOWN, WORDED, shoot
from safetensors.numpy import load_file
from text_corpora import xed

from dubctl.emotion.audio import FunctionalsExtractor
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.reaction import LiteReactionGenerator
from dubctl.emotion.rter import LiteTextEmotionEncoder
from dubctl.files import content_key
from dubctl.graph.build import MODALITIES
from dubctl.library.store import write_tensors
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE
from dubctl.training.emotion_data import EmotionSource, Films, ReferencePool

NEIGHBOURS = 6
PLAIN_MANNER = 5.0  # plain reading is no delivery of the acted set
FILMED_PLAIN = 250  # plain clips that take part in the imagined films, beside the acted set


@dataclass(frozen=True)
class Line:
    """A training line: what is said and how it was spoken: a name of `EMOTIONS`, and a number that is near for
    like deliveries of it; `filmed`: of the acted set."""

    id: str
    path: Path
    speaker: str
    text: str
    feeling: str
    manner: float
    filmed: bool

    @classmethod
    def acted(cls, row: dict[str, Any], folder: Path) -> Line:
        """Of a row of the acted set in `folder`."""
        return cls(row["id"], folder / row["audio"], row["speaker"], row["text"], row["emotion"], manner_of(row), True)


def manner_of(row: dict[str, Any]) -> float:
    """Of a row of the acted set: the typical delivery first, then the strength."""
    return 3.0 * row["delivery"] + row["strength"]


def labels_in(film: EmotionSource, row: int, feelings: Sequence[str], k: int) -> np.ndarray:
    """(3, 7) how a line's first `k` references of each modality are labelled, as `dubctl.dubbing.found.labels_of`;
    feelings: of all lines of the film."""
    found = np.zeros((len(MODALITIES), len(EMOTIONS)), int)
    for place, m in enumerate(MODALITIES):
        for other in film.neighbours[m][row][:k]:
            found[place, EMOTIONS.index(feelings[other])] += other >= 0
    return found


class Remembering:
    """A text encoder that reads no text twice."""

    def __init__(self, rter: LiteTextEmotionEncoder) -> None:
        self.rter, self.space = rter, rter.space
        self.known: dict[tuple[str, str], np.ndarray] = {}

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return self._recall("encode", texts)

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        return self._recall("classify", texts)

    def _recall(self, what: str, texts: Sequence[str]) -> np.ndarray:
        new = [t for t in dict.fromkeys(texts) if (what, t) not in self.known]
        if new:
            self.known |= {(what, t): row for t, row in zip(new, getattr(self.rter, what)(new), strict=True)}
        return np.stack([self.known[what, t] for t in texts])


@functools.lru_cache(maxsize=1)
def _encoder() -> Remembering:
    return Remembering(LiteTextEmotionEncoder())


def films(lines: Sequence[Line], words: Path, kept: Path, seed: int, count: int) -> EmotionSource:
    """`count` films of the same lines, see `emotion`."""
    return Films([emotion(lines, words, kept, seed + 100 * number) for number in range(count)])


def emotion(lines: Sequence[Line], words: Path, kept: Path, seed: int) -> EmotionSource:
    """Basic emotion of every line and its nearest footage in the imagined films (never itself or its own words).

    Args:
        words: folder of XED, whose labelled lines lend their feeling to some scripts.
        kept: file that keeps the films' audio functionals between runs; beside it the whole, by the lines' content.
    """
    key = content_key({"lines": [[line.id, line.text, line.feeling, line.manner, line.filmed] for line in lines],
                       "seed": seed, "plain": FILMED_PLAIN, "world": [MOOD, SHOWN, FACED, WORDED]})
    whole = kept.with_name(f"emotion-{key}.safetensors")
    if whole.is_file():
        return _read(whole)
    source = _imagine(lines, words, kept, seed)
    write_tensors(whole, {f"{group}.{m}": value for group, found in (
        ("basic", source.basic), ("neighbours", source.neighbours), ("footage", source.footage.vectors))
        for m, value in found.items()} | {"audio": source.footage.audio})
    return source


def _read(file: Path) -> EmotionSource:
    groups: dict[str, dict[str, np.ndarray]] = {"basic": {}, "neighbours": {}, "footage": {}}
    tensors = load_file(file)
    audio = tensors.pop("audio")
    for name, value in tensors.items():
        group, m = name.split(".")
        groups[group][m] = value
    shown = {m: np.ones(len(value), bool) for m, value in groups["basic"].items()}
    return EmotionSource(groups["basic"], shown, ReferencePool(groups["footage"], audio, np.ones(len(audio), bool)),
                         groups["neighbours"])


def _imagine(lines: Sequence[Line], words: Path, kept: Path, seed: int) -> EmotionSource:
    draw = random.Random(seed)
    rter = _encoder()
    plain = [i for i, line in enumerate(lines) if not line.filmed]
    extra = set(draw.sample(plain, min(FILMED_PLAIN, len(plain))))
    film = np.array([i for i, line in enumerate(lines) if line.filmed or i in extra])
    rest = np.array([i for i in plain if i not in extra], int)
    basic = {m: np.zeros((len(lines), rter.space.dim), np.float32) for m in ("scene", "face")}
    for part, number in ((film, seed), (rest, seed + 10)):
        if len(part):
            shot = shoot([lines[i].feeling for i in part], rter, number, [lines[i].manner for i in part])
            basic["scene"][part], basic["face"][part] = rter.encode(shot.scenes), rter.encode(shot.faces)
    basic["text"] = _texts(lines, rter, words, draw)
    audio = _audio([lines[i] for i in film], kept)
    footage = {m: basic[m][film] for m in basic}
    same = [lines[i].text.lower() for i in film]
    neighbours = {m: _nearest(basic[m], footage[m], [line.text.lower() for line in lines], same) for m in basic}
    shown = {m: np.ones(len(lines), bool) for m in basic}
    report(lines, film, neighbours)
    return EmotionSource(basic, shown, ReferencePool(footage, audio, np.ones(len(film), bool)), neighbours)


def _texts(lines: Sequence[Line], rter: Remembering, words: Path, draw: random.Random) -> np.ndarray:
    """[self ; react] of each line; for some acted ones, of another line whose label is how this one is spoken."""
    lent: dict[str, list[str]] = {name: [] for name in EMOTIONS}
    for text, share in xed(words, held_out=False):
        if share.max() == 1.0:
            lent[EMOTIONS[int(share.argmax())]].append(text)
    said = [draw.choice(lent[line.feeling]) if line.feeling != "neutral" and draw.random() < WORDED else line.text
            for line in lines]
    return np.concatenate([rter.encode(said), rter.encode(_reactions(tuple(said)))], 1).astype(np.float32)


_REACTIONS: dict[str, str] = {}


def _reactions(said: Sequence[str]) -> list[str]:
    new = [t for t in dict.fromkeys(said) if t not in _REACTIONS]
    if new:
        _REACTIONS.update(zip(new, LiteReactionGenerator().react(new), strict=True))
    return [_REACTIONS[t] for t in said]


def _audio(lines: Sequence[Line], kept: Path) -> np.ndarray:
    extractor = FunctionalsExtractor()
    found = load_file(kept) if kept.is_file() else {}
    for line in lines:
        if line.id not in found:
            found[line.id] = extractor.measure(load_audio(line.path, RATE), RATE)
    write_tensors(kept, found)
    return extractor.normalise(np.stack([found[line.id] for line in lines]), [line.speaker for line in lines])


def _nearest(queries: np.ndarray, footage: np.ndarray, said: list[str], same: list[str]) -> np.ndarray:
    def unit(x: np.ndarray) -> np.ndarray:
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-8)
    score = unit(queries) @ unit(footage).T
    number = {t: i for i, t in enumerate(dict.fromkeys(said + same))}
    score[np.array([number[t] for t in said])[:, None] == np.array([number[t] for t in same])[None]] = -np.inf
    return np.argsort(-score, 1, kind="stable")[:, :NEIGHBOURS]


def report(lines: Sequence[Line], film: np.ndarray, neighbours: dict[str, np.ndarray]) -> None:
    """How often references feel as the line that found them."""
    for m, found in neighbours.items():
        right = [np.mean([lines[film[j]].feeling == lines[i].feeling for j in found[i][:3]]) for i in film
                 if lines[i].feeling != "neutral"]
        print(f"{m}: {np.mean(right) if right else 0:.2f} of the references of acted lines feel alike", flush=True)
