"""Vocoder: natural-log mel -> waveform, through onnxruntime (1.4-2x faster than torch on a CPU).

Two ship: HiFi-GAN universal, and `lite`, the same with most of its convolutions in 8 bits, which takes about half of
its time where the processor has instructions for that (see their cards).
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dubctl.assets import model_file
from dubctl.cores import threads as usual_threads
from dubctl.errors import DependencyError

SHIPPED = {"lite": "vocoder-lite", "hifigan": "vocoder-hifigan"}
DEFAULT = "hifigan"
HOP = 256  # samples a mel frame; dubctl.media.mel has it too, but imports torch


class Vocoder(Protocol):
    """mel (T, 80) float32 natural log -> samples (256 T,) float32 in -1..1 at 22,050 Hz."""

    def __call__(self, mel: np.ndarray) -> np.ndarray: ...


_LOADING = threading.Lock()


def vocoder_session(name: str = DEFAULT, threads: int = 0) -> Any:
    """The onnxruntime session of a shipped vocoder, made once a process. `threads` 0: all cores, or `OMP_NUM_THREADS`.

    Raises:
        DependencyError: the weights are missing or onnxruntime cannot load them.
    """
    with _LOADING:
        return _session(name, threads or usual_threads())


@functools.lru_cache(maxsize=2)
def _session(name: str, threads: int) -> Any:
    import onnxruntime as ort

    path = model_file(SHIPPED[name], "model.onnx")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as err:
        raise DependencyError(f"the vocoder does not load: {path} ({err})", "run `dubctl models verify`") from err


class ShippedVocoder:
    """HiFi-GAN V1 "universal" (Kong et al. 2020) or the same in 8 bits. `model.onnx` reads its weights out of
    the safetensors beside it.

    Args:
        name: of `SHIPPED`.

    Attributes:
        weights: the file that decides the sound.

    Raises:
        DependencyError: the weights are missing or onnxruntime cannot load them.
    """

    def __init__(self, name: str = DEFAULT, threads: int = 0) -> None:
        self.name, self.session = name, vocoder_session(name, threads)

    @property
    def weights(self) -> Path:
        return model_file(SHIPPED[self.name], "model.safetensors")

    def __call__(self, mel: np.ndarray) -> np.ndarray:
        """See `Vocoder`; an empty mel gives no samples."""
        if len(mel) == 0:
            return np.zeros(0, np.float32)
        wav = self.session.run(None, {"mel": np.ascontiguousarray(mel[None], np.float32)})[0].reshape(-1)
        return wav[: len(mel) * HOP]
