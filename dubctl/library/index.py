"""Annoy indexes over a library (paper, "Emotion-Similarity-based Retrieval-Augmentation"): one per query modality.

    scene.ann, face.ann, text.ann   trees over the clips that have the modality; item i is `rows[i]` of the library
    index.json                      metric, trees, seed, row maps, digests of the trees and of the vectors indexed

Annoy 1.17.3 comes as source and is compiled with `-march=native -ffast-math`. Under some compilers the latter breaks
the infinite priorities that its search starts from, and every query returns one neighbour (spotify/annoy issues 679,
682, 693). `build_index` therefore measures the recall of what it built and refuses such a build by name; and a search
that gets too few neighbours is answered exactly instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dubctl.errors import DependencyError, InputError, UsageError
from dubctl.files import atomic_path, sha256_file, write_json
from dubctl.library.schema import QUERY_MODALITIES
from dubctl.library.similarity import check_metric, scores, search_matrix
from dubctl.library.store import Library

INDEX_VERSION = 1
TREES, SEED = 32, 20
ANNOY_METRICS = {"cosine": "angular", "dot": "dot", "euclidean": "euclidean"}
EFFORT = 5000  # nodes a search looks at, at least: about 10 ms on 2048-d vectors
NEIGHBOURS, PROBES, BROKEN_RECALL = 10, 50, 0.5
REBUILD = ('compile it without -ffast-math: ANNOY_COMPILER_ARGS="-O3,-std=c++14,-DANNOYLIB_MULTITHREADED_BUILD" pip '
           "install --force-reinstall --no-cache-dir --no-binary annoy annoy; or search with --exact")


@dataclass(frozen=True)
class IndexReport:
    """What was indexed: clips per modality, and the share of the true 10 nearest that the trees find (measured)."""

    path: Path
    metric: str
    clips: dict[str, int]
    recall: dict[str, float]


class SearchIndex:
    """The opened indexes of one library. `metric` is what they were built for."""

    def __init__(self, metric: str, trees: int, maps: Mapping[str, list[int]], files: Mapping[str, Any]) -> None:
        self.metric, self.trees = metric, trees
        self._maps, self._files = {name: np.asarray(rows, np.int64) for name, rows in maps.items()}, files

    def __repr__(self) -> str:
        return f"SearchIndex({self.metric!r}, {({name: len(rows) for name, rows in self._maps.items()})})"

    def size(self, modality: str) -> int:
        """Clips indexed."""
        return len(self._maps[modality])

    def candidates(self, modality: str, query: np.ndarray, count: int) -> np.ndarray:
        """Row numbers of about `count` nearest clips to a prepared query (D,); fewer where Annoy finds fewer."""
        count = min(count, self.size(modality))
        effort = max(EFFORT, 2 * self.trees * count)
        found = self._files[modality].get_nns_by_vector(query, count, search_k=effort) if count else []
        return self._maps[modality][np.asarray(found, np.int64)]

    @classmethod
    def open(cls, library: Library) -> SearchIndex | None:
        """The library's index, kept with it; None where it has none.

        Raises:
            InputError: it was built from other vectors, or is damaged.
            DependencyError: Annoy is not installed.
        """
        if "index" not in library.cache:
            library.cache["index"] = _open(library)
        return library.cache["index"]


def build_index(library: Library, metric: str = "cosine", trees: int = TREES, seed: int = SEED) -> IndexReport:
    """Build and save the indexes of `library`. Equal vectors, metric, trees and seed give equal files on one machine.

    Raises:
        UsageError: an unknown metric, or fewer than one tree.
        DependencyError: Annoy is not installed, or this build of it does not find what is there.
    """
    check_metric(metric)
    if trees < 1:
        raise UsageError(f"an index needs at least one tree, not {trees}", f"the default is {TREES}")
    folder, entries = library.path / "index", dict[str, dict[str, Any]]()
    files, recall = {}, {}
    for modality in QUERY_MODALITIES:
        matrix = search_matrix(library, modality, metric)
        rows = np.flatnonzero(library.masks[modality] & (matrix.any(axis=1) | (metric != "cosine")))
        files[modality] = _grow(matrix[rows], metric, trees, seed)
        recall[modality] = _recall(files[modality], matrix[rows], metric, trees)
        if recall[modality] < BROKEN_RECALL:
            raise DependencyError(f"Annoy as it was compiled on this machine finds only {recall[modality]:.0%} of the "
                                  f"nearest clips", REBUILD)
        file = f"{modality}.ann"
        with atomic_path(folder / file) as part:
            files[modality].save(str(part))
        entries[modality] = {"file": file, "sha256": sha256_file(folder / file), "dim": int(matrix.shape[1]),
                             "recall_at_10": round(recall[modality], 4), "rows": rows.tolist()}
    write_json(folder / "index.json", {
        "schema_version": INDEX_VERSION, "metric": metric, "trees": trees, "seed": seed,
        "vectors_sha256": library.digest, "modalities": entries})
    library.cache.pop("index", None)
    return IndexReport(folder, metric, {name: len(entry["rows"]) for name, entry in entries.items()}, recall)


def _annoy(dim: int, metric: str) -> Any:
    try:
        from annoy import AnnoyIndex
    except ImportError as err:
        raise DependencyError("Annoy is not installed", "pip install annoy (needs a C++ compiler); or --exact") from err
    return AnnoyIndex(dim, ANNOY_METRICS[metric])


def _grow(vectors: np.ndarray, metric: str, trees: int, seed: int) -> Any:
    index = _annoy(vectors.shape[1], metric)
    index.set_seed(seed)
    for place, vector in enumerate(vectors):
        index.add_item(place, vector)
    index.build(trees, n_jobs=1)  # more jobs share the random numbers in an order that differs each time
    return index


def _recall(index: Any, vectors: np.ndarray, metric: str, trees: int) -> float:
    """Share of the true nearest that are found, over some of the clips themselves. Equals count: a hit is any clip as
    near as the tenth nearest, for captions repeat and their vectors with them."""
    if not len(vectors):
        return 1.0
    wanted, found = min(NEIGHBOURS, len(vectors)), 0.0
    probes = np.unique(np.linspace(0, len(vectors) - 1, min(PROBES, len(vectors))).astype(int))
    for probe in probes:
        near = index.get_nns_by_vector(vectors[probe], wanted, search_k=max(EFFORT, 2 * trees * wanted))
        values = scores(vectors, vectors[probe], metric)
        found += np.sum(values[near] >= np.sort(values)[-wanted] - 1e-5) / wanted
    return float(found / len(probes))


def _open(library: Library) -> SearchIndex | None:
    folder = library.path / "index"
    card = folder / "index.json"
    if not card.is_file():
        return None
    again = f"run `dubctl index {library.path}`"
    try:
        meta = json.loads(card.read_text(encoding="utf-8"))
        if meta["schema_version"] != INDEX_VERSION:
            raise InputError(f"{card}: index version {meta['schema_version']}, not {INDEX_VERSION}", again)
        if meta["vectors_sha256"] != library.digest:
            raise InputError(f"the index of {library.path} was built from other vectors than it holds now", again)
        metric, entries = check_metric(meta["metric"]), meta["modalities"]
        files, maps = {}, {}
        for name in QUERY_MODALITIES:
            entry, file = entries[name], folder / f"{name}.ann"
            if sha256_file(file) != entry["sha256"]:  # Annoy maps the file into memory: a damaged one would crash it
                raise InputError(f"{file} is damaged, or writing it was cut off", again)
            files[name] = _annoy(int(entry["dim"]), metric)
            files[name].load(str(file))
            maps[name] = entry["rows"]
        return SearchIndex(metric, int(meta["trees"]), maps, files)
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise InputError(f"{card} cannot be read ({err!r:.80})", again) from err
