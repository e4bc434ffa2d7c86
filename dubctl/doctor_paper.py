"""Doctor's checks of the paper profile: the packages and weights that its parts ask for."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from dubctl.doctor_check import Check
from dubctl.emotion.paper.parts import LITE, PaperParts
from dubctl.errors import DubctlError
from dubctl.hub import find_weights, need_package

PACKAGES = {"torchvision": "the video processors of transformers", "yaml": "emotion2vec's configuration"}


def paper_checks(parts: PaperParts) -> list[Check]:
    """One check a part that is not "lite", each by finding all of its files; none raises."""
    return [*(_guarded(f"paper: {module}", lambda module=module, why=why: _package(module, why))
              for module, why in _packages(parts).items()),
            *(_guarded(f"paper: {part}", lambda part=part, find=find: Check(f"paper: {part}", "ok", find()))
              for part, find in _weights(parts).items())]


def _packages(parts: PaperParts) -> dict[str, str]:
    return {**PACKAGES, **({"accelerate": f"--device-map {parts.device_map}"} if parts.device_map else {})}


def _package(module: str, why: str) -> Check:
    need_package(module, why)
    return Check(f"paper: {module}", "ok", "installed")


def _weights(parts: PaperParts) -> dict[str, Callable[[], str]]:
    """Part -> what finds its weights, or raises."""
    from dubctl.emotion.paper.emotion2vec import CHECKPOINTS as EMOTION2VEC
    from dubctl.emotion.paper.video_llm import video_llm_name
    from dubctl.synth.bigvgan import CHECKPOINTS as BIGVGAN

    needs = {"rter": None, "comet": None, "audio": ("config.yaml", EMOTION2VEC), "vocoder": ("config.json", BIGVGAN)}
    found: dict[str, Callable[[], str]] = {}
    if "caption" in (parts.scene, parts.face):
        found["video-llm"] = lambda: _where(video_llm_name(parts.video_llm))
    for part, files in needs.items():
        name = getattr(parts, part)
        if name != LITE:
            found[part] = lambda name=name, files=files: _where(name, files)
    return found


def _where(name: str, needs: tuple | None = None) -> str:
    weights = find_weights(name) if needs is None else find_weights(name, needs)
    if "videollama2" in name.lower() and not find_spec("videollama2"):
        need_package("videollama2", name, "pip install 'git+https://github.com/DAMO-NLP-SG/VideoLLaMA2'")
    return f"{weights.label}@{weights.revision}"


def _guarded(name: str, probe: Callable[[], Check]) -> Check:
    try:
        return probe()
    except DubctlError as err:
        return Check(name, "missing", err.message, err.hint)
