"""DNSMOS P.835 (Reddy et al. 2022): predicted listening quality of the speech, 1 to 5, without a reference.

Only the weights of the `speechmos` package (MIT, Microsoft) are used, through onnxruntime: its own code also imports
librosa, requests and pandas. The arithmetic is its own: clips looped to 9.01 s, one window a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from dubctl.errors import DependencyError, InputError
from dubctl.media.audio import load_audio
from dubctl.metrics.base import EvalItem, MeanMetric, Score
from dubctl.metrics.stats import ratio

RATE = 16000
WINDOW = 9.01  # seconds
# speechmos' fit from the net's output to the scale of listeners
_FIT = {"sig": (-0.08397278, 1.22083953, 0.0052439), "bak": (-0.13166888, 1.60915514, -0.39604546),
        "ovrl": (-0.06766283, 1.11546468, 0.04602535)}


class DnsMos(MeanMetric):
    """Mean overall quality (OVRL); an item that could not be measured scores 1, the bottom of the scale."""

    name, version, worst_value = "dnsmos", "1", 1.0

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self.session: Any = None

    def prepare(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        self.session = onnxruntime.InferenceSession(str(_weights()), options, providers=["CPUExecutionProvider"])

    def score(self, item: EvalItem) -> Score:
        assert item.dub is not None
        marks = self.rate(load_audio(item.dub, RATE))
        return Score(item.id, marks["ovrl"], detail=marks)

    def rate(self, wav: np.ndarray) -> dict[str, float]:
        """Predicted marks {sig, bak, ovrl} of mono speech (S,) at 16 kHz. Raises InputError for an empty recording."""
        if not len(wav):
            raise InputError("no samples to rate")
        window = int(WINDOW * RATE)
        while len(wav) < window:
            wav = np.append(wav, wav)
        hops = int(np.floor(len(wav) / RATE) - WINDOW) + 1
        pieces = [wav[i * RATE:int((i + WINDOW) * RATE)] for i in range(hops)]
        raw = [self.session.run(None, {"input_1": piece[None].astype(np.float32)})[0][0]
               for piece in pieces if len(piece) >= window]
        return {kind: float(np.mean([np.polyval(fit, row[i]) for row in raw]))
                for i, (kind, fit) in enumerate(_FIT.items())}

    def detail(self, items: Sequence[EvalItem], scores: Sequence[Score]) -> dict[str, Any]:
        return {kind: ratio([s.detail.get(kind, self.worst_value) for s in scores]) for kind in ("sig", "bak")}


def _weights() -> Path:
    spec = find_spec("speechmos")  # found, not imported
    if spec is None or spec.origin is None:
        raise DependencyError("dnsmos needs the package speechmos", "pip install 'dubctl[mos]'")
    path = Path(spec.origin).parent / "dnsmos_models" / "sig_bak_ovr.onnx"
    if not path.is_file():
        raise DependencyError(f"speechmos has no {path.name}", "pip install --force-reinstall speechmos")
    return path
