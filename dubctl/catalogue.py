"""Models of the paper profile that a user may download, by short name (`catalogue.json`).

`revision` is a commit; where it is "" the one that was current at the first download is written to the lock file beside
the cache and used from then on. Where `sha256` of a file is known it is checked, and always what the hub itself says.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

REPO = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")  # a repository of the hub, at a revision if one is given


@dataclass(frozen=True)
class RemoteModel:
    """One downloadable repository. files: names or patterns to fetch, () = weights, configuration and tokenizer;
    also: repositories it cannot do without; sha256: of files by name, where known; asked: the revision that the user
    named, "" where the catalogue or the first download decides."""

    name: str
    repo: str
    part: str = ""
    revision: str = ""
    what: str = ""
    licence: str = ""
    files: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    sha256: dict[str, str] = field(default_factory=dict)
    asked: str = ""


@functools.lru_cache(maxsize=1)
def catalogue() -> tuple[RemoteModel, ...]:
    """All known models, as listed."""
    rows = json.loads((Path(__file__).parent / "catalogue.json").read_text(encoding="utf-8"))["models"]
    return tuple(RemoteModel(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
                 for row in rows)


def find_remote(name: str) -> RemoteModel | None:
    """The model of that short name or repository, at another revision where `@revision` says so; another
    `owner/model[@revision]` is taken as it is; else None."""
    repo, _, revision = name.partition("@")
    for model in catalogue():
        if repo in (model.name, model.repo):
            return at_revision(model, revision) if revision else model
    return RemoteModel(repo, repo, revision=revision, asked=revision) if REPO.fullmatch(name) else None


def at_revision(model: RemoteModel, revision: str) -> RemoteModel:
    """A model at the revision that the user asks for; the catalogue's sums are of its own revision alone."""
    return replace(model, revision=revision, asked=revision,
                   sha256=model.sha256 if revision == model.revision else {})
