"""From retrieved footage to the emotion batch of one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dubctl.dubbing.acted import Feeling
from dubctl.dubbing.scene_reading import Reading
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.labels import emotion_class
from dubctl.graph.build import MODALITIES, EmotionBatch
from dubctl.library.footage import footage_digests
from dubctl.library.hits import Hit, gather_references
from dubctl.library.query import Query
from dubctl.library.retrieve import retrieve
from dubctl.library.store import Library

BLANK = 0.05  # contrast and motion of a picture with nothing in it
FULL = 2.0  # the strength of footage that is acted strongly


def query_of(reading: Reading, clip: Path | None = None, script: str = "",
             section: tuple[float, float] | None = None) -> Query:
    """The target's basic emotion as a retrieval query; `clip`, the `section` of it and `script` keep it from finding
    itself."""
    start, end = section or (None, None)
    return Query.of(reading.scene, reading.face, reading.text, text=script,
                    digests=footage_digests(clip, start=start, end=end) if clip is not None else None)


def find(library: Library, reading: Reading, k: int, rows: Sequence[dict[str, Any]] | None,
         clip: Path | None = None, script: str = "", feeling: Feeling | None = None,
         section: tuple[float, float] | None = None) -> list[Hit]:
    """The given reference rows (of `dubctl retrieve`), else the top `k` of each modality.

    A feeling that the director asks for is looked up among the footage that is labelled so, where there is any.
    """
    if rows is not None:
        return [Hit.from_row(row, line=number) for number, row in enumerate(rows, 1)]
    if not k:
        return []
    asked = feeling is not None and feeling.blend > 0
    fitting = labelled(library, feeling.name) if feeling is not None and asked else np.zeros(0, bool)
    others = [row.id for row, fits in zip(library.rows, fitting, strict=True) if not fits] if fitting.any() else []
    return retrieve(library, query_of(reading, clip, script, section), k, exclude=others)


def labelled(library: Library, name: str) -> np.ndarray:
    """(N,) True where a clip's label means the feeling `name` (of `EMOTIONS`)."""
    wanted = EMOTIONS.index(name)
    return np.array([emotion_class(row.emotion) == wanted for row in library.rows], bool)


def emotion_batch(library: Library, reading: Reading, hits: Sequence[Hit],
                  feeling: Feeling | None = None) -> EmotionBatch:
    """Basic emotion and references of one line as tensors with a batch of one.

    With a feeling, what the references sounded like counts by its strength: at `FULL` as it is, below nearer to the
    library's neutral clips.
    """
    k = max([1, *(sum(h.modality == m for h in hits) for m in MODALITIES)])
    found = gather_references(library, list(hits), k)
    if feeling is not None and feeling.name != "neutral":
        _weaken(found.audio, library, feeling.strength / FULL)
    told = feeling is not None and feeling.blend > 0  # then the scene's vector is the director's word
    text = np.concatenate([reading.text.self_vector, reading.text.react_vector])
    face = reading.face.vector
    basic = {"scene": reading.scene.vector, "face": face if face is not None else np.zeros_like(reading.scene.vector),
             "text": text}
    def tensor(value: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(value))[None]
    return EmotionBatch({m: tensor(basic[m].astype(np.float32)) for m in MODALITIES},
                        torch.tensor([[told or _shows(reading.scene.stats), face is not None, True]]),
                        {m: tensor(found.indirect[m]) for m in MODALITIES},
                        {m: tensor(found.audio[m]) for m in MODALITIES},
                        torch.stack([torch.from_numpy(found.mask[m] & found.audio_mask[m]) for m in MODALITIES])[None])


def _shows(stats: dict[str, float]) -> bool:
    """Whether there is a picture: a black or blank frame says "gloomy" or "bright", but nothing of the scene."""
    return any(stats.get(name, 1.0) > BLANK for name in ("contrast", "motion"))


def _weaken(audio: dict[str, np.ndarray], library: Library, share: float) -> None:
    """Audio vectors (K, d) moved to `share` of their distance from the mean neutral clip, in place."""
    neutral = labelled(library, "neutral") & library.masks["audio"]
    if not neutral.any():
        return
    middle = library.vectors["audio"][neutral].mean(0)
    for m in audio:
        audio[m] = (middle + share * (audio[m] - middle)).astype(np.float32)
