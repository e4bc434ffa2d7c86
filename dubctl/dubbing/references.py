"""From retrieved footage to the emotion batch of one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dubctl.dubbing.scene_reading import Reading
from dubctl.graph.build import MODALITIES, EmotionBatch
from dubctl.library.footage import footage_digests
from dubctl.library.hits import Hit, gather_references
from dubctl.library.retrieve import Query, retrieve
from dubctl.library.store import Library


def query_of(reading: Reading, clip: Path | None = None, script: str = "") -> Query:
    """The target's basic emotion as a retrieval query; `clip` and `script` keep it from finding itself."""
    return Query.of(reading.scene, reading.face, reading.text, text=script,
                    digests=footage_digests(clip) if clip is not None else None)


def find(library: Library, reading: Reading, k: int, rows: Sequence[dict[str, Any]] | None,
         clip: Path | None = None, script: str = "") -> list[Hit]:
    """The given reference rows (of `dubctl retrieve`), else the top `k` of each modality."""
    if rows is not None:
        return [Hit.from_row(row, line=number) for number, row in enumerate(rows, 1)]
    return retrieve(library, query_of(reading, clip, script), k) if k else []


def emotion_batch(library: Library, reading: Reading, hits: Sequence[Hit]) -> EmotionBatch:
    """Basic emotion and references of one line as tensors with a batch of one."""
    k = max([1, *(sum(h.modality == m for h in hits) for m in MODALITIES)])
    found = gather_references(library, list(hits), k)
    text = np.concatenate([reading.text.self_vector, reading.text.react_vector])
    face = reading.face.vector
    basic = {"scene": reading.scene.vector, "face": face if face is not None else np.zeros_like(reading.scene.vector),
             "text": text}
    def tensor(value: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(value))[None]
    return EmotionBatch({m: tensor(basic[m].astype(np.float32)) for m in MODALITIES},
                        torch.tensor([[True, face is not None, True]]),
                        {m: tensor(found.indirect[m]) for m in MODALITIES},
                        {m: tensor(found.audio[m]) for m in MODALITIES},
                        torch.stack([torch.from_numpy(found.mask[m] & found.audio_mask[m]) for m in MODALITIES])[None])
