"""Model weights by name: a folder, or a Hugging Face repository that lies in the local cache (`HF_HOME` respected).

Nothing here uses the network: `dubctl models download NAME` fetches (`dubctl.download`), everything else reads what is
there. Weights are safetensors, or older `.bin`/`.pt` files read with `weights_only=True`; code that a repository
carries runs only where the user said `--trust-remote-code`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dubctl.catalogue import REPO, catalogue
from dubctl.errors import DependencyError

HEX = re.compile(r"[0-9a-f]{7,40}")  # a commit, or the first digits of one
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
EDGE = 1 << 20  # bytes hashed at each end of a file for a folder's fingerprint


@dataclass(frozen=True)
class Weights:
    """Weights found on this machine. name: as the user wrote it; revision: the commit, or a folder's fingerprint."""

    name: str
    folder: Path
    revision: str

    @property
    def label(self) -> str:
        """The repository, or a folder's own name: what a space is called on every machine."""
        return self.folder.name if Path(self.name).expanduser().is_dir() else self.name.partition("@")[0]

    def file(self, name: str) -> Path:
        """One file of the folder.

        Raises:
            DependencyError: it is not there (the message names it and the command that gets it).
        """
        path = self.folder / name
        if not path.is_file():
            raise missing(self.name, path)
        return path


def find_weights(name: str, needs: Sequence[str | Sequence[str]] = ("config.json", WEIGHTS)) -> Weights:
    """The weights called `name`: a folder, or `owner/model[@revision]` in the Hugging Face cache.

    Args:
        needs: files that must be there; of a tuple of names any one. The shards that an index names must be as well.

    Raises:
        DependencyError: not on this machine, or not all of it; one line with the file and the command that gets it.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        _check(name, folder, needs)
        return Weights(name, folder, fingerprint(folder))
    name = hub_name(name)
    if not REPO.fullmatch(name):
        raise DependencyError(f"no such weights: {name}", "give a folder, or owner/model as Hugging Face calls it")
    repo, _, revision = name.partition("@")
    found = snapshot(repo, revision or pinned(repo))
    if found is None:
        raise missing(name, cache_folder(repo) / "snapshots" / (revision or pinned(repo) or "main") / _first(needs))
    _check(name, found, needs)
    return Weights(name, found, found.name[:12])


def is_here(name: str) -> bool:
    """Whether a model lies on this machine with configuration and weights, every shard of them: a download that broke
    off does not count."""
    try:
        find_weights(name, needs=(("config.json", "config.yaml"), (*WEIGHTS, "model.pt", "bigvgan_generator.pt")))
    except DependencyError:
        return False
    return True


def hub_name(name: str) -> str:
    """`owner/model[@revision]` for a short name of the catalogue ("rter", "bigvgan-22k@v2"); others as they are."""
    short, at, revision = name.partition("@")
    return next((f"{model.repo}{at}{revision}" for model in catalogue() if model.name == short), name)


def snapshot(repo: str, revision: str = "") -> Path | None:
    """Folder of a repository's files in the cache: those of `revision` (a commit or its first digits, branch or tag),
    of `main` if ""."""
    folder = cache_folder(repo)
    ref = folder / "refs" / (revision or "main")
    commit = ref.read_text(encoding="utf-8").strip() if ref.is_file() else revision
    if commit and (folder / "snapshots" / commit).is_dir():
        return folder / "snapshots" / commit
    if commit and not HEX.fullmatch(commit):
        return None
    only = sorted(path for path in (folder / "snapshots").glob(f"{commit}*") if path.is_dir())
    return only[0] if len(only) == 1 else None


def cache_folder(repo: str) -> Path:
    """Where the Hugging Face cache keeps a repository (`HF_HUB_CACHE`, `HF_HOME`, else ~/.cache/huggingface)."""
    home = Path(os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface")
    root = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    return root / f"models--{repo.replace('/', '--')}"


def lock_path() -> Path:
    """What `dubctl models download` has fetched: revision, sizes and SHA-256, beside the cached repositories."""
    return cache_folder("x/x").parent / "dubctl.lock.json"


def read_lock() -> dict[str, Any]:
    """repository -> {"revision", "asked", "licence", "files": {name: {"size", "sha256"}}}; empty before the first
    download. "asked" is the revision that the user named, "" where none was.

    Raises:
        DependencyError: the file is there but unreadable.
    """
    path = lock_path()
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["models"])
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise DependencyError(f"cannot read {path}: {err}", "delete it and run `dubctl models download` again") from err


def pinned(repo: str) -> str:
    """The revision in use: one that the user downloaded by name, else the catalogue's, else the one first downloaded,
    else "" (the cache's `main`)."""
    locked = read_lock().get(repo, {})
    known = next((model.revision for model in catalogue() if model.repo == repo), "")
    return str((locked.get("asked") and locked["revision"]) or known or locked.get("revision", ""))


def missing(name: str, path: Path) -> DependencyError:
    """The error for weights that are not here."""
    if Path(name).expanduser().is_dir():
        return DependencyError(f"weights missing: {path}", "complete that folder, or name other weights")
    return DependencyError(f"weights of {name} are missing: {path}", f"dubctl models download {name}")


def cannot_load(weights: Weights, err: Exception) -> DependencyError:
    """The error for weights that are here and do not load; `err` is what transformers said."""
    message = f"cannot load {weights.name} from {weights.folder}: {first_line(err)}"
    if "trust_remote_code" in str(err):
        return DependencyError(message, "it runs code that its repository carries: read that, then give the flag "
                               "--trust-remote-code")
    return DependencyError(message, f"dubctl models download {weights.name}, or a newer transformers")


def fingerprint(folder: Path) -> str:
    """12 hex digits from names, sizes and both ends of a folder's files: enough to tell two trainings apart, and
    quick for the tens of gigabytes of a video LLM."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")
                       and p.suffix not in (".md", ".txt~")):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as source:
            digest.update(source.read(EDGE))
            if size > EDGE:
                source.seek(max(EDGE, size - EDGE))
                digest.update(source.read(EDGE))
    return digest.hexdigest()[:12]


def need_package(module: str, why: str, install: str = "pip install 'dubctl[paper]'") -> None:
    """Raise a DependencyError that names the package unless `module` can be imported."""
    if find_spec(module) is None:
        raise DependencyError(f"{why} needs the package {module}", install)


def quiet() -> None:
    """Keep transformers' own progress bars off stderr, where dubctl's is."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def load_tensors(path: Path) -> dict[str, Any]:
    """Tensors of a `.safetensors` file, or of a torch file read with `weights_only=True`.

    Raises:
        DependencyError: unreadable, or a file that holds more than tensors and plain values.
    """
    import pickle

    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(str(path))
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as err:
        raise DependencyError(f"{path} holds Python objects besides its tensors and is not loaded",
                              "save its state_dict with safetensors in a place where you trust it") from err
    except (RuntimeError, OSError, ValueError, EOFError) as err:
        raise DependencyError(f"cannot read {path}: {first_line(err)}", "download it again") from err


def first_line(err: BaseException) -> str:
    """The first line of an exception's text, or its type."""
    return str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__


def _first(needs: Sequence[str | Sequence[str]]) -> str:
    return needs[0] if isinstance(needs[0], str) else needs[0][0]


def _check(name: str, folder: Path, needs: Sequence[str | Sequence[str]]) -> None:
    for need in needs:
        names = (need,) if isinstance(need, str) else need
        there = next((folder / one for one in names if (folder / one).is_file()), None)
        if there is None:
            raise missing(name, folder / names[0])
        if there.name.endswith(".index.json"):
            for shard in sorted(set(json.loads(there.read_text(encoding="utf-8"))["weight_map"].values())):
                if not (folder / shard).is_file():
                    raise missing(name, folder / shard)
