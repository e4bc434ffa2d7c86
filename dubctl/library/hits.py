"""Retrieved references: as rows that commands pipe to each other, as lines for people, as arrays for the graphs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dubctl.emotion.base import EMOTIONS
from dubctl.errors import InputError
from dubctl.library.query import Query
from dubctl.library.schema import QUERY_MODALITIES
from dubctl.library.store import Library

_ROWS = "give rows of `dubctl retrieve`"


@dataclass(frozen=True)
class Hit:
    """One reference: the clip at `rank` (1 is first) of the search by `modality`, with its similarity.

    profile: the clip's 7 emotion probabilities of that modality, or empty. library: name of the library.
    """

    modality: str
    rank: int
    id: str
    score: float
    pinned: bool = False
    speaker: str = ""
    text: str = ""
    emotion: str = ""
    captions: dict[str, str] = field(default_factory=dict)
    profile: list[float] = field(default_factory=list)
    library: str = ""

    def as_row(self) -> dict[str, Any]:
        """The JSON object of this hit."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any], where: str = "references", line: int | None = None) -> Hit:
        """Build from a JSON object; only modality, rank, id and score are needed.

        Raises:
            InputError: a field is missing or wrong (names file, line and field).
        """
        place = f"{where}, line {line}" if line else where
        for name, kinds in _HIT_FIELDS.items():
            value = row.get(name)
            if value is None and name in _NEEDED:
                raise InputError(f"{place}: the row has no `{name}`", _ROWS, line)
            if value is not None and (not isinstance(value, kinds) or isinstance(value, bool) != (kinds is bool)):
                raise InputError(f"{place}: `{name}` is {value!r:.60}", _ROWS, line)
        if row["modality"] not in QUERY_MODALITIES or row["rank"] < 1 or not math.isfinite(row["score"]):
            raise InputError(f"{place}: modality {row['modality']!r:.20}, rank {row['rank']}, score {row['score']}",
                             f"modality is one of {', '.join(QUERY_MODALITIES)}, rank starts at 1", line)
        return cls(**{name: row[name] for name in _HIT_FIELDS if row.get(name) is not None})


_NEEDED = ("modality", "rank", "id", "score")
_HIT_FIELDS: dict[str, Any] = {
    "modality": str, "rank": int, "id": str, "score": (int, float), "pinned": bool, "speaker": str, "text": str,
    "emotion": str, "captions": dict, "profile": list, "library": str}


def parse_references(text: str, name: str = "references") -> dict[str, list[Hit]]:
    """Hits by modality, by rank, from JSONL `text` as `dubctl retrieve` prints it; `name` appears in messages.

    Raises:
        InputError: a bad row (with its line), a clip or rank given twice for one modality, or no row at all.
    """
    rows: list[tuple[int, Any]] = []
    for line, words in enumerate(text.split("\n"), 1):
        if words.strip():
            try:
                rows.append((line, json.loads(words)))
            except json.JSONDecodeError as err:
                raise InputError(f"{name}, line {line}: not JSON ({err.msg})", _ROWS, line) from err
    return group_references(rows, name)


def group_references(rows: Iterable[tuple[int, Any]], name: str = "references") -> dict[str, list[Hit]]:
    """As `parse_references`, from (line number, JSON object) pairs."""
    hits: dict[str, list[Hit]] = {modality: [] for modality in QUERY_MODALITIES}
    for line, row in rows:
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {line}: not a JSON object", _ROWS, line)
        hit = Hit.from_row(row, name, line)
        if any(other.id == hit.id or other.rank == hit.rank for other in hits[hit.modality]):
            raise InputError(f"{name}, line {line}: {hit.modality} has `{hit.id}` or rank {hit.rank} twice",
                             "give the rows of one `dubctl retrieve`", line)
        hits[hit.modality].append(hit)
    if not any(hits.values()):
        raise InputError(f"{name}: no references", _ROWS)
    return {modality: sorted(found, key=lambda hit: hit.rank) for modality, found in hits.items()}


def explain(hits: Iterable[Hit], query: Query | None = None) -> list[str]:
    """Lines for people: per modality what the query feels like, then each reference with score, caption and profile."""
    by_modality: dict[str, list[Hit]] = {}
    for hit in hits:
        by_modality.setdefault(hit.modality, []).append(hit)
    lines = []
    for modality, found in by_modality.items():
        asked = ""
        if query is not None:
            caption = query.text if modality == "text" else query.captions.get(modality, "")
            asked = f": {_quoted(caption)}{_feeling(query.profiles.get(modality, ()))}"
        lines.append(f"{modality}{asked}")
        for hit in found:
            caption = hit.text if modality == "text" else hit.captions.get(modality, "")
            who = ", ".join(word for word in (hit.speaker, hit.emotion) if word)
            lines.append(f"  {hit.rank}. {hit.score:+.3f}  {hit.id}{f' ({who})' if who else ''}"
                         f"{'  pinned' if hit.pinned else ''}  {_quoted(caption)}{_feeling(hit.profile)}")
            if modality == "text" and hit.captions.get("reaction"):
                lines.append(f"       reaction: {_quoted(hit.captions['reaction'])}")
    return lines


def _quoted(text: str) -> str:
    return f'"{text}"' if text else "(no caption)"


def _feeling(profile: Sequence[float]) -> str:
    """The two strongest emotions of a profile: " [joy 61 %, surprise 20 %]"."""
    if len(profile) != len(EMOTIONS):
        return ""
    best = sorted(zip(profile, EMOTIONS, strict=True), reverse=True)[:2]
    return " [" + ", ".join(f"{name} {share:.0%}" for share, name in best) + "]"


@dataclass(frozen=True)
class ReferenceSet:
    """K references per query modality, ready for the graphs; each field is a dict by modality (scene, face, text).

    indirect: (K, d) scene or face vectors, (K, 2d) [T_self ; T_react] for text. audio: (K, d_a) of the same clips.
    mask: (K,) bool, a reference is there. audio_mask: (K,) bool, and it was heard. scores: (K,) float32. ids: up to K.
    Rows behind the last reference are zero.
    """

    indirect: dict[str, np.ndarray]
    audio: dict[str, np.ndarray]
    mask: dict[str, np.ndarray]
    audio_mask: dict[str, np.ndarray]
    scores: dict[str, np.ndarray]
    ids: dict[str, list[str]]


def gather_references(library: Library, hits: Iterable[Hit] | Mapping[str, Sequence[Hit]],
                      k: int | Mapping[str, int] | None = None) -> ReferenceSet:
    """Vectors of the references, K rows per modality; hits beyond K are left out. k None: as many as there are.

    Raises:
        InputError: a hit names a clip that is not in `library`, or one without the modality it stands for.
    """
    flat = [hit for found in hits.values() for hit in found] if isinstance(hits, Mapping) else list(hits)
    out = ReferenceSet({}, {}, {}, {}, {}, {})
    for modality in QUERY_MODALITIES:
        found = sorted((hit for hit in flat if hit.modality == modality), key=lambda hit: hit.rank)
        count = len(found) if k is None else k if isinstance(k, int) else k.get(modality, 0)
        _gather(out, library, modality, found[:count], count)
    return out


def _gather(out: ReferenceSet, library: Library, modality: str, hits: Sequence[Hit], count: int) -> None:
    places = np.array([library.lookup(hit.id) for hit in hits], np.int64)
    for hit, place in zip(hits, places, strict=True):
        if not library.masks[modality][place]:
            raise InputError(f"clip `{hit.id}` of library {library.path} has no {modality}", "retrieve again")
    vectors = library.vectors
    source = (np.concatenate([vectors["text_self"][places], vectors["text_react"][places]], axis=1)
              if modality == "text" else vectors[modality][places])

    def padded(values: np.ndarray) -> np.ndarray:
        rows = np.zeros((count, *values.shape[1:]), values.dtype)
        rows[:len(places)] = values
        return rows

    out.indirect[modality], out.audio[modality] = padded(source), padded(vectors["audio"][places])
    out.mask[modality] = padded(np.ones(len(places), bool))
    out.audio_mask[modality] = padded(library.masks["audio"][places])
    out.scores[modality] = padded(np.array([hit.score for hit in hits], np.float32))
    out.ids[modality] = [hit.id for hit in hits]
