"""A reference footage library as training material: items with features, and its emotion vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubctl.campplus import Campplus
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.lips import lip_features
from dubctl.errors import DubctlError
from dubctl.library.lip_features import LANDMARKS, lip_features_of
from dubctl.library.policy import HIDDEN, Retrieval, neighbours
from dubctl.library.schema import ClipRow
from dubctl.library.store import Library
from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.progress import Progress
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.frontend import tokens_of
from dubctl.synth.symbols import tokenise
from dubctl.training.data import Item
from dubctl.training.emotion_data import EmotionSource, ReferencePool
from dubctl.training.features import Features, cached

HELD_OUT = frozenset({"dev", "val", "validation"})
NEVER = HIDDEN
NEIGHBOURS = 10
# The names datasets use for the seven classes (RAVDESS, EmoryNLP, V2C, XED …).
_LABELS = {"angry": "anger", "mad": "anger", "disgusted": "disgust", "fearful": "fear", "scared": "fear",
           "afraid": "fear", "happy": "joy", "happiness": "joy", "joyful": "joy", "calm": "neutral", "sad": "sadness",
           "surprised": "surprise"}


@dataclass
class Corpus:
    """Training and held-out items, and (id, reason) of the clips that cannot be trained on."""

    train: list[Item]
    held: list[Item]
    left_out: list[tuple[str, str]]


def label_index(emotion: str) -> int:
    """Index in `EMOTIONS` of a dataset's label, -1 where it names none of the seven."""
    name = emotion.strip().lower()
    name = _LABELS.get(name, name)
    return EMOTIONS.index(name) if name in EMOTIONS else -1


def build_corpus(library: Library, longest: float, progress: Progress, lip_width: int = LANDMARKS,
                 timbre: bool = False) -> Corpus:
    """Features of every usable clip (kept in LIB/features), split by the rows' own `split`; test rows never train.

    lip_width: the network's `lip_features`; other than the landmarks', a download's lip-reading features are read.
    timbre: CAM++ hears every clip too.
    """
    encoders = SpeakerEncoder().eval(), Campplus() if timbre else None
    corpus = Corpus([], [], [])
    for place, row in enumerate(library.rows):
        progress(place, len(library.rows), f"features {row.id}")
        reason = _unusable(row, library, place)
        if reason:
            corpus.left_out.append((row.id, reason))
            continue
        try:
            item = _item(library, place, row, encoders, lip_width)
        except DubctlError as err:
            corpus.left_out.append((row.id, err.message))
            continue
        if not item.fits(longest):
            corpus.left_out.append((row.id, f"{item.frames / FRAMES_PER_SECOND:.1f} s for {len(item.tokens)} sounds"))
            continue
        (corpus.held if row.split.lower() in HELD_OUT else corpus.train).append(item)
    return corpus


def _unusable(row: ClipRow, library: Library, place: int) -> str:
    if row.status != "ok":
        return row.error or "failed in extract"
    if row.split.lower() in NEVER:
        return f"{row.split.lower()} split"
    if not row.text.strip():
        return "no text"
    media = _sound(library, place)
    return "" if media is not None and media.is_file() else "no sound"


def _sound(library: Library, place: int) -> Path | None:
    return library.media(place, "audio") or library.media(place, "video")


def _item(library: Library, place: int, row: ClipRow, encoders: tuple[SpeakerEncoder, Campplus | None],
          lip_width: int) -> Item:
    sound = _sound(library, place)
    assert sound is not None  # `_unusable` has looked
    features = cached(library.path / "features", sound, encoders[0], row.start, row.end, encoders[1])
    given = row.extra.get("phonemes")
    tokens = tokenise(given) if isinstance(given, str) and given else tokens_of(row.text)
    return Item(row.id, row.speaker or row.id, tokens, features, _lips(library, place, features, lip_width), place,
                label_index(row.emotion))


def _lips(library: Library, place: int, features: Features, width: int) -> np.ndarray | None:
    start = float(features.start)
    end = start + len(features.mel) / FRAMES_PER_SECOND
    if width != LANDMARKS:
        given = lip_features_of(library, place, width, start, end)
        return np.zeros((0, width), np.float32) if given is None else given  # empty: no landmarks in their place
    track = library.lips(place)
    if track is None:
        return None
    values, visible = lip_features(track, start, end)
    return values if len(values) > 1 and visible.mean() > 0.8 else None


def emotion_source(library: Library, retrieval: Retrieval | None = None) -> EmotionSource:
    """The library's vectors and each clip's references (test rows are never anybody's)."""
    v, m = library.vectors, library.masks
    usable = np.array([r.status == "ok" and r.split.lower() not in NEVER for r in library.rows])
    basic = {"scene": v["scene"], "face": v["face"], "text": np.concatenate([v["text_self"], v["text_react"]], 1)}
    found = neighbours(library, NEIGHBOURS, usable & m["audio"], retrieval or Retrieval())
    pool = ReferencePool(basic, v["audio"], m["audio"])
    return EmotionSource(basic, {name: m[name] for name in basic}, pool, found)
