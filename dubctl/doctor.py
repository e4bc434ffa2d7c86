"""Checks of this machine, each by doing the thing once rather than by looking whether it might work."""

from __future__ import annotations

import importlib
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from dubctl.config import Settings
from dubctl.doctor_check import Check
from dubctl.errors import DependencyError, DubctlError

if TYPE_CHECKING:
    from dubctl.emotion.paper.parts import PaperParts

REINSTALL = "python -m pip install --force-reinstall --no-deps {}"
# Modules whose name is not their package's; the other packages are imported by their own name.
_MODULES = {"opencv-python-headless": "cv2", "phonemizer-fork": "phonemizer", "swift-f0": "swift_f0"}
WHISPER_HINT = "name a local Whisper folder, or a repository in the cache, with --asr or DUBCTL_ASR"


def checks(settings: Settings, parts: PaperParts | None = None) -> list[Check]:
    """All checks; `parts` of the paper profile are required where they are given. None raises."""
    found = [_python(), *_packages()]
    probes: tuple[tuple[str, Callable[[], Check], str], ...] = (
        ("ffmpeg", _ffmpeg, REINSTALL.format("imageio-ffmpeg")),
        ("espeak-ng", _espeak, REINSTALL.format("espeakng-loader misaki phonemizer-fork")),
        ("device", lambda: _device(settings.device), "use --device cpu"),
        ("annoy recall", _annoy, "python -m pip install annoy (it compiles: apt-get install g++)"),
        ("weights", _weights, "reinstall dubctl"),
        ("temporary files", _temporary, "free some space, or set TMPDIR to a writable folder"),
    )
    found += [_guarded(name, probe, fix) for name, probe, fix in probes]
    if parts is not None:
        from dubctl.doctor_paper import paper_checks

        found += paper_checks(parts)
    asr = str(settings.asr or "") or (parts.asr if parts is not None else "")
    return [*found, _whisper(asr), _tensorboard()]


def _guarded(name: str, probe: Callable[[], Check], fix: str) -> Check:
    try:
        return probe()
    except Exception as err:  # whatever breaks, doctor's job is to say so and go on
        return Check(name, "missing", " ".join(str(err).split())[:200] or type(err).__name__,
                     getattr(err, "hint", "") or fix)


def _python() -> Check:
    wanted = metadata.metadata("dubctl")["Requires-Python"] if _version("dubctl") else ""
    return Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
                 + (f" (needs {wanted})" if wanted else ""))


def _packages() -> list[Check]:
    """One check a required package: it imports, and its version. The list is the wheel's own."""
    if not _version("dubctl"):
        return [Check("packages", "missing", "dubctl itself is not installed", "python -m pip install .")]
    names = [re.match(r"[A-Za-z0-9._-]+", line).group()  # type: ignore[union-attr]
             for line in metadata.requires("dubctl") or [] if "extra ==" not in line and "python_version" not in line]
    return [_package(name) for name in names]


def _package(name: str) -> Check:
    try:
        importlib.import_module(_MODULES.get(name, name.replace("-", "_")))
    except Exception as err:  # a package may be there and yet not load: a missing libGL, a wrong numpy
        return Check(name, "missing", f"does not import: {' '.join(str(err).split())[:120]}",
                     f"python -m pip install {name}")
    return Check(name, "ok", _version(name) or "version unknown")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _ffmpeg() -> Check:
    import imageio_ffmpeg

    exe = imageio_ffmpeg.get_ffmpeg_exe()
    first = subprocess.run([exe, "-version"], capture_output=True, text=True, check=True, timeout=30).stdout
    return Check("ffmpeg", "ok", f"{' '.join(first.split()[:3])} at {exe}")


def _espeak() -> Check:
    from dubctl.synth.frontend import phonemise

    return Check("espeak-ng", "ok", f"'hello there' is {phonemise('hello there')}")


def _device(name: str) -> Check:
    import torch

    from dubctl.device import resolve_device

    cuda = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    mps = "yes" if torch.backends.mps.is_available() else "no"
    return Check("device", "ok", f"{resolve_device(name)}, {torch.get_num_threads()} CPU threads, "
                 f"CUDA: {', '.join(cuda) or 'none'}, MPS: {mps}")


def _annoy() -> Check:
    """Recall of ten nearest among 300 vectors: a badly built annoy answers quickly and wrongly."""
    import numpy as np
    from annoy import AnnoyIndex

    points = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    index = AnnoyIndex(16, "angular")
    index.set_seed(0)
    for i, point in enumerate(points):
        index.add_item(i, point.tolist())
    index.build(20, 1)
    exact = np.argsort(-(points[:30] @ points.T), axis=1)[:, :10]
    hits = [len(set(index.get_nns_by_item(i, 10)) & set(exact[i].tolist())) for i in range(30)]
    recall = sum(hits) / 300
    if recall < 0.7:
        from dubctl.library.index import REBUILD

        raise DependencyError(f"annoy finds only {recall:.0%} of the nearest vectors: it was built wrongly", REBUILD)
    return Check("annoy recall", "ok", f"{recall:.0%} of the ten nearest of 300 vectors")


def _weights() -> Check:
    from dubctl.model_registry import faults, shipped_models

    models = shipped_models()
    broken = [fault for model in models for fault in faults(model)]
    if broken:
        raise RuntimeError("; ".join(broken))
    return Check("weights", "ok", f"{len(models)} models, {sum(m.size for m in models) / 1e6:.0f} MB, SHA-256 right")


def _temporary() -> Check:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"dubctl")
        file.flush()
        os.fsync(file.fileno())
    return Check("temporary files", "ok", tempfile.gettempdir())


def _whisper(named: str) -> Check:
    """The recogniser that wer would transcribe with: a folder, a checkpoint, or a repository in the cache."""
    from dubctl.catalogue import REPO
    from dubctl.hub import find_weights, hub_name

    version = _version("faster-whisper")
    have = f", faster-whisper {version}" if version else ""
    path = Path(named).expanduser()
    if not named:
        said = f"faster-whisper {version}, but no model folder" if version else "not installed"
        hint = WHISPER_HINT if version else f"pip install faster-whisper, and {WHISPER_HINT}"
        return Check("whisper", "optional", f"{said}: dubctl eval --metrics wer cannot run", hint)
    if path.is_dir() or path.is_file():
        return Check("whisper", "ok", f"{named}{have}")
    if not REPO.fullmatch(hub_name(named)):
        return Check("whisper", "optional", f"no such folder: {named}", WHISPER_HINT)
    try:
        weights = find_weights(named)
    except DubctlError as err:
        return Check("whisper", "optional", f"{err.message}: dubctl eval --metrics wer cannot run", err.hint)
    return Check("whisper", "ok", f"{weights.label}@{weights.revision}, in {weights.folder}")


def _tensorboard() -> Check:
    version = _version("tensorboard")
    if version:
        return Check("tensorboard", "ok", version)
    return Check("tensorboard", "optional", "not installed: train writes losses.jsonl only", "pip install tensorboard")
