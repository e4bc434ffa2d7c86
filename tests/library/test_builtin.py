"""The library that ships: it opens, it is balanced, it answers; and a wrong one is a broken installation."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from dubctl.emotion.base import EMOTIONS, EmotionSpace
from dubctl.errors import DependencyError, InputError
from dubctl.library.builtin import NAME, builtin_library, builtin_path, open_library
from dubctl.library.index import SearchIndex
from dubctl.library.query import Query
from dubctl.library.retrieve import retrieve
from dubctl.library.store import Library
from tests.library.conftest import write_random_library


@pytest.fixture(scope="module")
def shipped() -> Library:
    return builtin_library()


def test_it_is_small_balanced_and_says_what_is_synthetic(shipped: Library) -> None:
    files = [file for file in builtin_path().rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 4e6
    assert {file.suffix for file in files} <= {".json", ".jsonl", ".safetensors", ".ann", ".md", ""}  # no media
    spoken = Counter(row.emotion for row in shipped.rows if row.film == "kokoro-mix")
    assert set(spoken) == set(EMOTIONS) and max(spoken.values()) < 2 * min(spoken.values())
    sources = {(row.film, row.extra["captions_source"]) for row in shipped.rows}
    assert sources == {("kokoro-mix", "synthetic"), ("GRID", "measured")}
    assert {row.split for row in shipped.rows} == {"train"} and not any(row.video or row.audio for row in shipped.rows)


def test_it_belongs_to_the_shipped_weights(shipped: Library) -> None:
    from dubctl.emotion.profiles import load_profile

    assert len(builtin_library(load_profile("lite").spaces())) == len(shipped)


def test_it_comes_indexed_and_its_index_agrees_with_the_exact_search(shipped: Library) -> None:
    index = SearchIndex.open(shipped)
    assert index is not None and index.metric == "cosine"
    same = total = 0
    for place in range(0, len(shipped), 20):
        query = Query.from_library(shipped, place)
        near, true = (retrieve(shipped, query, 5, exact=exact) for exact in (False, True))
        assert all(hit.id != shipped.rows[place].id and hit.library == NAME for hit in near)
        same += sum(one.score >= other.score - 1e-4 for one, other in zip(near, true, strict=True))
        total += len(true)
    assert total > 100 and same / total > 0.95


def test_other_weights_are_a_broken_installation() -> None:
    with pytest.raises(DependencyError, match="roberta") as caught:
        builtin_library({"scene": EmotionSpace("roberta", "1", 1024)})
    assert "--library" in caught.value.hint


def test_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUBCTL_MODELS", str(tmp_path))
    with pytest.raises(DependencyError, match="weights missing"):
        builtin_library()


def test_libraries_by_name(shipped: Library, tmp_path: Path) -> None:
    assert open_library(None).rows == open_library(NAME).rows == shipped.rows
    own = write_random_library(tmp_path / "own", 10)
    assert open_library(own.name).rows == own.rows
    shutil.rmtree(own.path)
    with pytest.raises(InputError, match="no reference library"):
        open_library(own.path)
