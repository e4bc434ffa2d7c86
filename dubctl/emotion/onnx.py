"""ONNX sessions of the small vision models: one per file and thread count, CPU only."""

from __future__ import annotations

import functools
from pathlib import Path

import onnxruntime

from dubctl.errors import DependencyError

THREADS = 1  # the networks are so small that a second thread costs more than it gives


@functools.lru_cache(maxsize=8)
def session(path: Path, threads: int = THREADS) -> onnxruntime.InferenceSession:
    """A session for `path` with `threads` intra-op threads.

    Raises:
        DependencyError: the weights are damaged.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as err:  # onnxruntime's errors share no public base class
        raise DependencyError(f"cannot load {path}: {err}".splitlines()[0], "run `dubctl models verify`") from err
