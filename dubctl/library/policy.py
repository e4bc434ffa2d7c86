"""How references are chosen for a whole library: the settings that the paper's Figures 4 to 6 vary, and imported lists.

A library may carry retrieval lists of other code (`LIB/retrieval/scene.jsonl`, `face.jsonl`, `text.jsonl`; rows
{"id", "hits": [ids, best first]}), so that two programs can be compared on the same references.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dubctl.files import read_jsonl, write_jsonl
from dubctl.library.hits import Hit
from dubctl.library.query import Query
from dubctl.library.retrieve import allowed_rows, retrieve, same_footage
from dubctl.library.schema import QUERY_MODALITIES
from dubctl.library.store import Library
from dubctl.library.table import neighbour_table

LISTS = "retrieval"
HIDDEN = frozenset({"test", "eval", "unlisted"})  # never anybody's reference
EVALUATED = HIDDEN | {"dev", "val", "validation"}  # nor a test line's: they were not there to study


@dataclass(frozen=True)
class Retrieval:
    """Which references.

    k: references per modality when dubbing (training has its own, `[train] k`). metric: similarity (Fig. 6). speakers:
    "any" is the paper's speaker-agnostic retrieval, "same" its speaker-specific one (Fig. 4). fraction: share of the
    library that is searched (Fig. 5). lists: use the library's imported lists; by default where it has them and
    nothing else here is changed.
    """

    k: int = 3
    metric: Literal["cosine", "dot", "euclidean"] = "cosine"
    speakers: Literal["any", "same", "others"] = "any"
    fraction: float = 1.0
    lists: bool | None = None

    def uses_lists(self, library: Library) -> bool:
        """Whether imported lists answer instead of a search."""
        if self.lists is None:
            plain = (self.metric, self.speakers, self.fraction) == ("cosine", "any", 1.0)
            return plain and any((library.path / LISTS).glob("*.jsonl"))
        return self.lists


def write_lists(library: Library, lists: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Keep imported lists with a library: modality -> query id -> ids, best first."""
    for modality in QUERY_MODALITIES:
        file = library.path / LISTS / f"{modality}.jsonl"
        if modality in lists:
            write_jsonl(file, ({"id": id, "hits": list(hits)} for id, hits in sorted(lists[modality].items())))
        else:
            file.unlink(missing_ok=True)  # of an earlier import


def read_lists(library: Library) -> dict[str, dict[str, list[str]]]:
    """The lists that `write_lists` wrote, by modality and query id; kept with the opened library."""
    if LISTS not in library.cache:
        library.cache[LISTS] = {
            name: {row["id"]: row["hits"] for row in read_jsonl(file, drop_cut_line=False)}
            if (file := library.path / LISTS / f"{name}.jsonl").is_file() else {} for name in QUERY_MODALITIES}
    return library.cache[LISTS]


def neighbours(library: Library, most: int, usable: np.ndarray, policy: Retrieval) -> dict[str, np.ndarray]:
    """Rows (N, most) int32 of each clip's references by modality, best first, -1 behind the last; never itself.

    Args:
        usable: rows (N,) bool that may be references.
    """
    if policy.uses_lists(library):
        return {name: _table(library, name, most, usable) for name in QUERY_MODALITIES}
    usable = usable & allowed_rows(library, fraction=policy.fraction)
    same = {"any": None, "same": True, "others": False}[policy.speakers]
    found = neighbour_table(library, most, metric=policy.metric, allowed=usable, same_speaker=same)
    return {name: places for name, (places, _) in found.items()}


def references(library: Library, place: int, policy: Retrieval,
               exclude_splits: Collection[str] = EVALUATED) -> list[Hit]:
    """References of a clip of the library itself, by exact search or out of imported lists."""
    if policy.uses_lists(library):
        return _listed(library, place, policy.k, exclude_splits)
    speaker = library.rows[place].speaker
    others = {row.speaker for row in library.rows} - {speaker} if policy.speakers == "others" else set()
    only = {speaker} if policy.speakers == "same" else others
    return retrieve(library, Query.from_library(library, place), policy.k, metric=policy.metric, exact=True,
                    exclude_splits=exclude_splits, only_speakers=only, fraction=policy.fraction)


def _listed(library: Library, place: int, k: int, exclude_splits: Collection[str]) -> list[Hit]:
    row, hits = library.rows[place], list[Hit]()
    usable = allowed_rows(library, exclude_splits=exclude_splits)
    usable[list(same_footage(library, Query.from_library(library, place)))] = False
    for modality, of in read_lists(library).items():
        places = [p for id in of.get(row.id, ()) if usable[p := library.lookup(id)] and library.masks[modality][p]]
        for rank, found in enumerate(places[:k], 1):
            other = library.rows[found]
            hits.append(Hit(modality, rank, other.id, 0.0, False, other.speaker, other.text, other.emotion,
                            dict(other.captions), library=library.name))  # lists carry no similarity: none is claimed
    return hits


def _table(library: Library, modality: str, most: int, usable: np.ndarray) -> np.ndarray:
    out = np.full((len(library), most), -1, np.int32)
    footage = usable & library.masks[modality]
    for id, hits in read_lists(library)[modality].items():
        query = library.lookup(id)
        itself = same_footage(library, Query.from_library(library, query))
        places = [p for hit in hits if footage[p := library.lookup(hit)] and p not in itself][:most]
        out[query, :len(places)] = places
    return out
