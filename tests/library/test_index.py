"""Annoy against the exact search, and what happens where Annoy or the index is not what it should be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dubctl.errors import DependencyError, InputError, UsageError
from dubctl.library import index as index_module
from dubctl.library.index import SearchIndex, build_index
from dubctl.library.query import Query
from dubctl.library.retrieve import retrieve
from dubctl.library.similarity import METRICS, scores, search_matrix
from dubctl.library.store import Library, write_library
from tests.library.conftest import write_random_library


@pytest.fixture
def big(tmp_path: Path) -> Library:
    """600 clips whose vectors differ in length too, so that the three metrics rank them differently."""
    library = write_random_library(tmp_path / "big", 600, seed=3)
    lengths = np.random.default_rng(5).uniform(0.3, 3, (600, 1)).astype(np.float32)
    vectors = {name: value * lengths for name, value in library.vectors.items()}
    write_library(library.path, library.rows, vectors, library.masks, library.spaces, "fake")
    return Library.open(library.path)


@pytest.mark.parametrize("metric", METRICS)
def test_recall_of_the_approximate_search(big: Library, metric: str) -> None:
    report = build_index(big, metric)
    assert report.clips["face"] == int(big.masks["face"].sum()) < report.clips["scene"] == 600
    assert min(report.recall.values()) > 0.95
    found = total = 0
    for place in range(0, 600, 30):
        query = Query.from_library(big, place)
        near, true = retrieve(big, query, 10), retrieve(big, query, 10, metric=metric, exact=True)
        found += len({(hit.modality, hit.id) for hit in near} & {(hit.modality, hit.id) for hit in true})
        total += len(true)
    assert found / total > 0.95 and total == 20 * 30 - 10 * sum(not big.masks["face"][p] for p in range(0, 600, 30))


def test_the_metrics_rank_differently(big: Library) -> None:
    first = {metric: [hit.id for hit in retrieve(big, Query.from_library(big, 0), 5, metric=metric)]
             for metric in METRICS}
    assert len({tuple(ids) for ids in first.values()}) == 3


def test_text_cosine_is_the_mean_of_two(big: Library) -> None:
    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    own, react = big.vectors["text_self"], big.vectors["text_react"]
    matrix = search_matrix(big, "text", "cosine")
    values = scores(matrix, matrix[3], "cosine")
    assert values[8] == pytest.approx((cosine(own[3], own[8]) + cosine(react[3], react[8])) / 2, abs=1e-5)


def test_index_files_are_reproducible(big: Library) -> None:
    build_index(big)
    before = {path.name: path.read_bytes() for path in (big.path / "index").iterdir()}
    build_index(big)
    assert before == {path.name: path.read_bytes() for path in (big.path / "index").iterdir()}
    assert set(before) == {"scene.ann", "face.ann", "text.ann", "index.json"}


def test_stale_index(library: Library) -> None:
    build_index(library)
    vectors = {**library.vectors, "scene": -library.vectors["scene"]}
    write_library(library.path, library.rows, vectors, library.masks, library.spaces, "fake")
    again = Library.open(library.path)
    with pytest.raises(InputError, match="other vectors") as caught:
        retrieve(again, Query.from_library(again, 0))
    assert "dubctl index" in caught.value.hint
    assert retrieve(again, Query.from_library(again, 0), exact=True)
    build_index(again)
    assert retrieve(again, Query.from_library(again, 0))


def test_damaged_index(library: Library) -> None:
    build_index(library)
    trees = library.path / "index" / "face.ann"
    trees.write_bytes(trees.read_bytes()[:-8])
    with pytest.raises(InputError, match="face.ann is damaged"):
        SearchIndex.open(Library.open(library.path))
    card = library.path / "index" / "index.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "modalities": {}}))
    with pytest.raises(InputError, match="cannot be read"):
        SearchIndex.open(Library.open(library.path))


def test_index_of_another_metric(library: Library) -> None:
    build_index(library, "euclidean")
    query = Query.from_library(library, 0)
    with pytest.raises(InputError, match="is for euclidean, not cosine"):
        retrieve(library, query, metric="cosine")
    assert all(hit.score < 0 for hit in retrieve(library, query))  # None means the index's own metric
    assert retrieve(library, query, metric="cosine", exact=True)[0].score <= 1


def test_bad_requests(library: Library) -> None:
    with pytest.raises(UsageError, match="no such metric: l3"):
        build_index(library, "l3")
    with pytest.raises(UsageError, match="at least one tree"):
        build_index(library, trees=0)


class LameAnnoy:
    """Annoy as a compiler with -ffast-math can make it: one neighbour, whatever is asked (spotify/annoy #682)."""

    def __init__(self, real: object) -> None:
        self.real = real

    def get_nns_by_vector(self, vector: object, count: int, search_k: int = -1) -> list[int]:
        return [0]

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def test_a_broken_annoy_is_named_when_building(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    grow = index_module._grow
    monkeypatch.setattr(index_module, "_grow", lambda *args: LameAnnoy(grow(*args)))
    with pytest.raises(DependencyError, match="only") as caught:
        build_index(library)
    assert "ANNOY_COMPILER_ARGS" in caught.value.hint and not (library.path / "index" / "index.json").exists()


def test_a_broken_annoy_does_not_shorten_answers(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    build_index(library)
    annoy = index_module._annoy
    monkeypatch.setattr(index_module, "_annoy", lambda dim, metric: LameAnnoy(annoy(dim, metric)))
    query = Query.from_library(library, 5)
    assert retrieve(library, query, 4) == retrieve(library, query, 4, exact=True)


def test_without_annoy_the_search_is_exact(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    build_index(library)
    expected = retrieve(library, Query.from_library(library, 5), 4, exact=True)
    monkeypatch.setitem(sys.modules, "annoy", None)
    again = Library.open(library.path)
    assert [hit.id for hit in retrieve(again, Query.from_library(again, 5), 4)] == [hit.id for hit in expected]
    with pytest.raises(DependencyError, match="Annoy is not installed"):
        build_index(again)
