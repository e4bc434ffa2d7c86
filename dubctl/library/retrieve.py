"""Which footage the director shows (paper, "Emotion-Similarity-based Retrieval-Augmentation").

Scene, face and text of the clip to dub are three separate queries; each finds the K clips that feel most alike in that
modality, and those clips' sound comes with them. The clip itself is never among them: a training clip that found
itself would be shown its own answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from dubctl.errors import DependencyError, InputError, UsageError
from dubctl.library.hits import Hit
from dubctl.library.index import SearchIndex
from dubctl.library.query import Query
from dubctl.library.schema import QUERY_MODALITIES, ClipRow
from dubctl.library.similarity import (
    check_metric,
    check_modality,
    ranked,
    scores,
    search_matrix,
)
from dubctl.library.store import Library

MOST_REFERENCES = 10  # the graphs take 0 to 10 references per modality (paper, K study)


def retrieve(library: Library, query: Query, k: int | Mapping[str, int] = 3, *, metric: str | None = None,
             exact: bool = False, exclude_speakers: Collection[str] = (), exclude_films: Collection[str] = (),
             exclude_splits: Collection[str] = (), only_speakers: Collection[str] = (), pin: Sequence[str] = (),
             exclude: Collection[str] = (), fraction: float = 1.0, seed: int = 0,
             modalities: Sequence[str] = QUERY_MODALITIES) -> list[Hit]:
    """The K most alike clips per modality, best first, without the query itself.

    Args:
        k: references per modality, 0 to 10, or one number for each. Fewer come back where the library has fewer.
        metric: cosine, dot or euclidean (its score is minus the distance); None: the index's own, else cosine.
        exact: compare with every clip. A library without an index is always searched so.
        exclude_speakers, exclude_films, exclude_splits, exclude: never these; only_speakers: only these, if any.
        pin: ids that come first, in this order, whatever their score; they count towards K. A pinned clip that lacks
            a modality is left out of that modality.
        fraction, seed: search only this share of the library, drawn with the seed (smaller shares lie in larger ones).

    Raises:
        UsageError: K out of range, an unknown metric or modality, more pins than K, a pin that is excluded.
        InputError: an unknown id, vectors of another dimension, an index that is stale or for another metric.
    """
    counts = _counts(k, modalities)
    index = None if exact else _index(library, metric)
    metric = check_metric(metric or (index.metric if index else "cosine"))
    itself = same_footage(library, query)
    allowed = allowed_rows(library, exclude_speakers=exclude_speakers, exclude_films=exclude_films,
                           exclude_splits=exclude_splits, only_speakers=only_speakers, exclude=exclude,
                           fraction=fraction, seed=seed)
    allowed[list(itself)] = False
    pins = _pins(library, pin, exclude, itself, counts)
    hits: list[Hit] = []
    for modality, count in counts.items():
        vector = _checked(library, modality, query.vector(modality, metric))
        if vector is None or not count:
            continue
        mask = allowed & library.masks[modality]
        first = [place for place in pins if library.masks[modality][place]]
        mask[first] = False
        places = np.array([*first, *_nearest(library, modality, vector, count - len(first), mask, metric, index)], int)
        values = scores(search_matrix(library, modality, metric)[places], vector, metric)
        hits += [_hit(library, modality, rank, int(place), float(value), rank <= len(first))
                 for rank, (place, value) in enumerate(zip(places, values, strict=True), 1)]
    return hits


def _counts(k: int | Mapping[str, int], modalities: Sequence[str]) -> dict[str, int]:
    names = [name for name in QUERY_MODALITIES if name in {check_modality(modality) for modality in modalities}]
    if isinstance(k, Mapping):
        for name in k:
            check_modality(name)
    counts = {name: k if isinstance(k, int) else k.get(name, 0) for name in names}
    for count in counts.values():
        if not 0 <= count <= MOST_REFERENCES:
            raise UsageError(f"-k {count} is out of range", f"0 to {MOST_REFERENCES} references per modality")
    return counts


def _index(library: Library, metric: str | None) -> SearchIndex | None:
    try:
        index = SearchIndex.open(library)
    except DependencyError:  # no Annoy here: the exact search needs none
        return None
    if index is not None and metric is not None and index.metric != check_metric(metric):
        raise InputError(f"the index of {library.path} is for {index.metric}, not {metric}",
                         f"run `dubctl index {library.path} --metric {metric}`, or add --exact")
    return index


def same_footage(library: Library, query: Query) -> set[int]:
    """Rows that are the query itself: by id, by the file its sound came from, or by picture and words together.

    The last finds the clip whose sound was removed for dubbing; the picture alone would also find every other line
    spoken over one still image.
    """
    if "footage" not in library.cache:
        known: dict[tuple[str, ...], list[int]] = {}
        for place, row in enumerate(library.rows):
            for name in _names(row.id, row.digests, row.text):
                known.setdefault(name, []).append(place)
        library.cache["footage"] = known
    known = library.cache["footage"]
    return {place for name in _names(query.id, query.digests, query.text) for place in known.get(name, ())}


def _names(id: str | None, digests: Mapping[str, str], text: str) -> list[tuple[str, ...]]:
    """Everything that a clip can be recognised by."""
    words = " ".join(re.findall(r"\w+", text.lower()))
    names = [("id", id)] if id else []
    if source := digests.get("source"):
        names.append(("source", source))
    if (picture := digests.get("picture")) and words:
        names.append(("picture", picture, words))
    return names


def allowed_rows(library: Library, *, exclude_speakers: Collection[str] = (), exclude_films: Collection[str] = (),
                 exclude_splits: Collection[str] = (), only_speakers: Collection[str] = (),
                 exclude: Collection[str] = (), fraction: float = 1.0, seed: int = 0) -> np.ndarray:
    """Rows (N,) bool that a search may return. See `retrieve`.

    Raises:
        UsageError: a fraction outside 0..1.
    """
    if not 0 < fraction <= 1:
        raise UsageError(f"library fraction {fraction} is out of range", "a number above 0, up to 1")
    for id in exclude:
        library.lookup(id)  # a misspelt id would exclude nothing, unnoticed

    def fits(row: ClipRow) -> bool:
        return (row.status == "ok" and row.speaker not in exclude_speakers and row.film not in exclude_films
                and row.split not in exclude_splits and row.id not in exclude
                and (not only_speakers or row.speaker in only_speakers))

    allowed = np.array([fits(row) for row in library.rows], bool)
    if fraction < 1:
        drawn = np.random.default_rng(seed).permutation(len(library))[round(fraction * len(library)):]
        allowed[drawn] = False
    return allowed


def _pins(library: Library, pin: Sequence[str], exclude: Collection[str], itself: set[int],
          counts: Mapping[str, int]) -> list[int]:
    places = list(dict.fromkeys(library.lookup(id) for id in pin))
    for place in places:
        row = library.rows[place]
        if row.id in exclude:
            raise UsageError(f"clip `{row.id}` is both pinned and excluded", "leave one of the two out")
        if place in itself:
            raise UsageError(f"clip `{row.id}` is the clip to dub itself and cannot be pinned", "pin another clip")
        if row.status != "ok":
            raise InputError(f"clip `{row.id}` could not be extracted and cannot be pinned: {row.error}")
    if any(0 < count < len(places) for count in counts.values()):
        raise UsageError(f"{len(places)} clips are pinned but -k is {min(c for c in counts.values() if c)}",
                         f"use -k {len(places)} or more")
    return places


def _checked(library: Library, modality: str, vector: np.ndarray | None) -> np.ndarray | None:
    if vector is None:
        return None
    wanted = 2 * library.spaces["text"].dim if modality == "text" else library.spaces[modality].dim
    if vector.shape != (wanted,) or not np.isfinite(vector).all():
        raise InputError(f"the {modality} query has shape {vector.shape}, library {library.path} holds ({wanted},)",
                         "use the profile that the library was made with")
    return vector


def _nearest(library: Library, modality: str, vector: np.ndarray, count: int, mask: np.ndarray, metric: str,
             index: SearchIndex | None) -> Iterable[int]:
    """Up to `count` rows of `mask`, best first; through the index until enough are left, else by comparing all."""
    matrix, wanted = search_matrix(library, modality, metric), min(count, int(mask.sum()))
    asked = 4 * count + 32
    while index is not None and wanted > 0:
        found = index.candidates(modality, vector, asked)
        left = found[mask[found]]
        if len(left) >= wanted:
            return ranked(left, scores(matrix[left], vector, metric))[:wanted]
        if asked >= index.size(modality):
            break
        asked *= 4
    left = np.flatnonzero(mask)
    return ranked(left, scores(matrix[left], vector, metric))[:wanted]


def _hit(library: Library, modality: str, rank: int, place: int, score: float, pinned: bool) -> Hit:
    row = library.rows[place]
    return Hit(modality, rank, row.id, score, pinned, row.speaker, row.text, row.emotion, dict(row.captions),
               list(row.profiles.get(modality, [])), library.name)
