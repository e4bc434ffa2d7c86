"""Fetching models of the paper profile into the Hugging Face cache: pinned, verified, resumable.

What is fetched: configuration, tokenizer and weights, safetensors where a repository has them. Every file is checked
against what the hub says of it (SHA-256 of large files, git's blob hash of small ones), against the catalogue's own
SHA-256 where it has one, and against the lock file. That lies beside the cache: the first download writes revision,
sizes and sums to it, and every later download, verification and loading is held to them. Another revision is taken
only where the user names it (`--revision`, or NAME@REVISION).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from dubctl.catalogue import RemoteModel, catalogue, find_remote
from dubctl.config import nearest
from dubctl.errors import DependencyError, UsageError
from dubctl.files import sha256_file, write_json, write_text
from dubctl.hub import cache_folder, first_line, lock_path, pinned, read_lock
from dubctl.hub_file import fetch_file

# code that a repository carries comes along; it runs under --trust-remote-code alone
TEXT = ("*.json", "*.txt", "*.model", "*.yaml", "*.jinja", "merges.*", "vocab.*", "*.tiktoken", "*.py")
SAFE, OLD = ("*.safetensors",), ("*.bin", "*.pt")
NEVER = ("flax_model*", "tf_model*", "*.onnx", "training_args.bin", "optimizer*", "*.msgpack", "*/*", "rng_state*",
         "scheduler.pt", "*.h5", "bigvgan_discriminator*")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Fetched:
    """What one download did: files and bytes that are there now, and the revision."""

    repo: str
    revision: str
    licence: str
    folder: Path
    files: tuple[str, ...]
    size: int


def wanted(name: str) -> RemoteModel:
    """The model to fetch.

    Raises:
        UsageError: neither in the catalogue nor `owner/model`.
    """
    model = find_remote(name)
    if model is None:
        names = [model.name for model in catalogue()]
        raise UsageError(f"no model is called '{name}'", f"{nearest(name, names)}; or owner/model of Hugging Face")
    return model


def download(model: RemoteModel, say: Say) -> list[Fetched]:
    """Fetch a model and what it cannot do without. Files that are there and whole are not fetched again.

    Raises:
        DependencyError: no network, switched off by HF_HUB_OFFLINE, no such repository or revision, access refused, a
            full disk, or a file that is not what the hub says.
    """
    _check_online(model.repo)
    return [_fetch(one, say) for one in (model, *(RemoteModel(repo, repo) for repo in model.also))]


def faults_of(repo: str) -> list[str]:
    """What is wrong with a downloaded repository's files, recomputing every SHA-256; empty when they are whole.

    Raises:
        UsageError: it was never downloaded.
    """
    lock = read_lock()
    if repo not in lock:
        raise UsageError(f"{repo} was not downloaded", f"dubctl models download {repo}")
    folder = cache_folder(repo) / "snapshots" / str(lock[repo]["revision"])
    found = []
    for name, facts in lock[repo]["files"].items():
        path = folder / name
        if not path.is_file():
            found.append(f"missing: {path}")
        elif path.stat().st_size != facts["size"] or sha256_file(path) != facts["sha256"]:
            found.append(f"changed: {path}")
    return found


def choose(names: Iterable[str], files: Sequence[str] = ()) -> list[str]:
    """Which of a repository's files are needed: those that the catalogue names, else text and one kind of weights."""
    names = sorted(names)
    if files:
        return [name for name in names if any(fnmatch(name, pattern) for pattern in files)]
    usable = [name for name in names if not any(fnmatch(name, pattern) for pattern in NEVER)]
    safe = [name for name in usable if _matches(name, SAFE)]
    weights = safe or [name for name in usable if _matches(name, OLD)]
    texts = [name for name in usable if _matches(name, TEXT) and not (safe and name.endswith(".bin.index.json"))]
    return sorted({*weights, *texts})


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _check_online(repo: str) -> None:
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise DependencyError(f"cannot download {repo}: HF_HUB_OFFLINE is set", "unset it, or copy the files of "
                              f"{repo} into a folder and name that folder in [paper]")


def _fetch(model: RemoteModel, say: Say) -> Fetched:
    revision = model.asked or pinned(model.repo) or model.revision
    info = _asked(model.repo, lambda: _api().model_info(model.repo, revision=revision or None, files_metadata=True))
    licence = str((info.card_data or {}).get("license") or "") or model.licence or "none stated: see its page"
    about = {file.rfilename: file for file in info.siblings}
    names = choose(about, model.files)
    if not names:
        raise DependencyError(f"{model.repo}@{info.sha[:12]} has none of the files that are needed", "name another")
    size = sum(about[name].size or 0 for name in names)
    say(f"{model.repo}@{info.sha[:12]}: {len(names)} files, {size / 1e6:.0f} MB; licence: {licence}; "
        f"https://huggingface.co/{model.repo}")
    facts: dict[str, Any] = {}
    sums = _known_sums(model, info.sha)
    for name in names:
        path = Path(_asked(model.repo, lambda name=name: fetch_file(model.repo, name, info.sha)))
        facts[name] = {"size": path.stat().st_size, "sha256": _checked(path, about[name], sums.get(name, ""))}
        say(f"  {name}: {facts[name]['size'] / 1e6:.1f} MB, SHA-256 {facts[name]['sha256'][:12]} right")
    lock = read_lock()
    before = lock.get(model.repo, {})
    asked = model.asked or (before.get("asked", "") if before.get("revision") == info.sha else "")
    lock[model.repo] = {"revision": info.sha, "asked": asked, "licence": licence, "files": facts}
    write_json(lock_path(), {"schema_version": 1, "models": lock})
    _name_revision(model.repo, revision, info.sha)
    return Fetched(model.repo, info.sha, licence, cache_folder(model.repo) / "snapshots" / info.sha, tuple(names),
                   sum(fact["size"] for fact in facts.values()))


def _known_sums(model: RemoteModel, commit: str) -> dict[str, str]:
    """SHA-256 by file name that this commit must have: as first downloaded, and as the catalogue says."""
    locked = read_lock().get(model.repo, {})
    first = locked["files"] if locked.get("revision") == commit else {}
    return {name: str(fact["sha256"]) for name, fact in first.items()} | model.sha256


def _name_revision(repo: str, revision: str, commit: str) -> None:
    """Note in the cache, as the hub's own client does, which commit a branch or tag was: files are fetched by commit,
    but a package that loads its parts by name (VideoLLaMA 2 its CLIP) looks for `main`."""
    if revision != commit and not (revision and commit.startswith(revision)):
        write_text(cache_folder(repo) / "refs" / (revision or "main"), commit)


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)


def _checked(path: Path, about: Any, known: str) -> str:
    """SHA-256 of a fetched file.

    Raises:
        DependencyError: it is not what the hub or the catalogue says; the file is removed.
    """
    found = sha256_file(path)
    lfs = getattr(about, "lfs", None)
    right = found == lfs.sha256 if lfs else not about.blob_id or git_blob(path) == about.blob_id
    if right and known in ("", found):
        return found
    path.resolve().unlink()
    path.unlink(missing_ok=True)
    raise DependencyError(f"{path.name} arrived damaged or was changed: SHA-256 {found[:12]}, wanted "
                          f"{(known or (lfs.sha256 if lfs else about.blob_id))[:12]}; it was removed",
                          "run the same command again")


def git_blob(path: Path) -> str:
    """Git's name of a file's content, which the hub gives for small files."""
    body = path.read_bytes()
    return hashlib.sha1(f"blob {len(body)}\0".encode() + body).hexdigest()


def _asked(repo: str, ask: Callable[[], Any]) -> Any:
    """What `ask` answers; whatever goes wrong on the way is one line."""
    from huggingface_hub import errors

    try:
        return ask()
    except DependencyError:
        raise
    except errors.RevisionNotFoundError as err:
        raise DependencyError(f"{repo} has no such revision: {first_line(err)}", "check the name after @") from err
    except errors.GatedRepoError as err:
        raise DependencyError(f"{repo} must be agreed to on its page first", f"open https://huggingface.co/{repo}, "
                              "then: hf auth login") from err
    except errors.RepositoryNotFoundError as err:
        raise DependencyError(f"no such repository, or it is private: {repo}", "check the name; hf auth login") from err
    except Exception as err:  # the hub's clients raise what their transports raise
        raise DependencyError(f"cannot download {repo}: {first_line(err)}", "check the network (a proxy needs "
                              "HTTPS_PROXY); the same command goes on where it stopped") from err
