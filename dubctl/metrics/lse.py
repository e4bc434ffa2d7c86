"""LSE-D and LSE-C (Prajwal et al. 2020, Wav2Lip): how far mouth and sound are apart in SyncNet's space.

Version 1, as Wav2Lip's `scores_LSE`: distances of 5-frame windows of the face and the sound at shifts of -15 … 15
frames, averaged over the clip; LSE-D is the smallest, LSE-C the median minus the smallest. Faces come from this
package's tracker instead of S3FD, which misses many drawn faces. A dub that could not be measured scores what
an indifferent one would: LSE-C 0, and no LSE-D (there is no worst distance). Clips without a face have no value.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from dubctl.errors import InputError
from dubctl.media.audio import load_audio
from dubctl.metrics.base import EvalItem, MeanMetric, NotAvailable, Score
from dubctl.metrics.faces import face_crops
from dubctl.metrics.stats import ratio

_KNOWN: dict[tuple[Any, ...], np.ndarray | None] = {}  # both metrics ask for the same distances
_LOCK = Lock()


class LipSyncError(MeanMetric):
    """Mean LSE-D (lower is better) or LSE-C (higher is better).

    Args:
        confidence: LSE-C instead of LSE-D; syncnet: checkpoint, None looks at `DUBCTL_SYNCNET`; device: where it runs.
    """

    needs = ("dub", "clip")

    def __init__(self, confidence: bool, syncnet: Path | None = None, device: str = "cpu") -> None:
        self.name, self.higher_is_better = ("lse-c", True) if confidence else ("lse-d", False)
        named = syncnet or os.environ.get("DUBCTL_SYNCNET")
        self.path, self.device, self.net = Path(named).expanduser() if named else None, device, None

    def prepare(self) -> None:
        from dubctl.metrics.syncnet import load_syncnet

        if self.path is None:
            raise NotAvailable(f"{self.name} needs a SyncNet checkpoint: --syncnet FILE (or DUBCTL_SYNCNET)")
        self.net = load_syncnet(self.path, self.device)

    def score(self, item: EvalItem) -> Score:
        found = self._distances(item)
        if found is None:
            return Score(item.id, None, 0.0, "", {"face": False})
        low, middle = float(found.min()), float(np.median(found))
        detail = {"face": True, "offset_frames": int(15 - found.argmin())}
        return Score(item.id, middle - low if self.higher_is_better else low, detail=detail)

    def worst(self, item: EvalItem, why: str) -> Score:
        value = 0.0 if self.higher_is_better else None
        return Score(item.id, value, 1.0 if self.higher_is_better else 0.0, why)

    def aggregate(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> Any:
        from dataclasses import replace

        reason = "" if self.path else f"{self.name} needs a SyncNet checkpoint"
        return replace(super().aggregate(items, scores), reason=reason)

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        return {"checkpoint": self.path.name if self.path else "",
                "coverage": ratio([float(s.detail.get("face", False)) for s in scores])}

    def _distances(self, item: EvalItem) -> np.ndarray | None:
        from dubctl.metrics.syncnet import RATE, distances

        assert item.dub is not None and item.clip is not None
        key = (item.dub, item.dub.stat().st_mtime_ns, item.clip, item.section, self.path)
        with _LOCK:  # the network is large: one clip at a time
            if key not in _KNOWN:
                faces = face_crops(item.clip, item.section)
                try:
                    _KNOWN[key] = None if faces is None else distances(self.net, faces, load_audio(item.dub, RATE),
                                                                       self.device)
                except ValueError as err:
                    raise InputError(str(err)) from err
            return _KNOWN[key]


lse_c = partial(LipSyncError, True)
lse_d = partial(LipSyncError, False)
