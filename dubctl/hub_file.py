"""One file of a Hugging Face repository into the cache, going on where an earlier download of it broke off.

The hub's own `hf_hub_download` starts a file anew after every interruption (it did not always), which is no way to get
the 15 GB of a video LLM over an unsteady line. Here the part that has come stays beside its blob until it is whole;
the layout of the cache is the hub's, so every other program finds the files.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlparse

from dubctl.errors import DependencyError
from dubctl.hub import cache_folder


def fetch_file(repo: str, name: str, commit: str) -> Path:
    """Path of a repository's file of one commit in the cache, fetched where it is not there yet.

    Raises:
        DependencyError: another process is fetching the same file.
        Exception: whatever the hub's client raises for a failed connection or a missing file.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    pointer = cache_folder(repo) / "snapshots" / commit / name
    if pointer.is_file():
        return pointer
    url = hf_hub_url(repo, name, revision=commit, endpoint=os.environ.get("HF_ENDPOINT") or None)
    headers = build_hf_headers()
    about = get_hf_file_metadata(url, headers=headers)
    if not about.etag:
        raise OSError(f"the server says nothing of {name} that it could be kept under")
    blob = cache_folder(repo) / "blobs" / about.etag
    blob.parent.mkdir(parents=True, exist_ok=True)
    if not blob.is_file():
        if urlparse(about.location).netloc != urlparse(url).netloc:
            headers.pop("authorization", None)  # the file's own server needs no token, and must not get it
        _fill(blob, about.location, headers, about.size)
    _point(pointer, blob)
    return pointer


def _fill(blob: Path, url: str, headers: dict[str, str], size: int | None) -> None:
    """Write a blob, from where `BLOB.part` ends."""
    import fcntl

    from huggingface_hub.file_download import http_get

    part = blob.with_name(f"{blob.name}.part")
    with part.open("r+b" if part.exists() else "w+b") as sink:
        try:
            fcntl.flock(sink, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise DependencyError(f"another process is fetching {part}", "wait for it, then run this again") from err
        here = sink.seek(0, os.SEEK_END)
        if size is not None and here > size:  # of an interrupted write: not what was sent
            here = sink.seek(0)
            sink.truncate()
        if size is None or here < size:
            http_get(url, sink, resume_size=here, headers=headers, expected_size=size)
        sink.flush()
        os.fsync(sink.fileno())
        os.replace(part, blob)


def _point(pointer: Path, blob: Path) -> None:
    """The name of a blob in a snapshot: a relative link, or the file itself where the disk has no links."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.unlink(missing_ok=True)
    try:
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:
        os.replace(blob, pointer)
