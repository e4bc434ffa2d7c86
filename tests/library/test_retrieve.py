"""What the director shows, what is never shown, and how references travel between commands."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubctl.errors import InputError, UsageError
from dubctl.library.hits import Hit, explain, gather_references, parse_references
from dubctl.library.index import build_index
from dubctl.library.query import Query
from dubctl.library.retrieve import allowed_rows, retrieve
from dubctl.library.store import Library, write_library
from dubctl.library.table import neighbour_table
from tests.library import fakes
from tests.library.conftest import write_random_library


def ids(hits: list[Hit], modality: str) -> list[str]:
    return [hit.id for hit in hits if hit.modality == modality]


def query_of(library: Library, place: int, **more: object) -> Query:
    """A stranger that feels exactly like a clip of the library."""
    query = Query.from_library(library, place)
    return Query(query.scene, query.face, query.text_self, query.text_react, **more)


@pytest.fixture(params=["exact", "index"])
def searched(request: pytest.FixtureRequest, library: Library) -> Library:
    if request.param == "index":
        build_index(library)
    return library


def test_the_most_alike_come_first(searched: Library) -> None:
    hits = retrieve(searched, query_of(searched, 12), 3)
    assert [(hit.modality, hit.rank) for hit in hits] == [(m, r) for m in ("scene", "face", "text") for r in (1, 2, 3)]
    for modality in ("scene", "face", "text"):
        assert ids(hits, modality)[0] == "clip012"
    values = [hit.score for hit in hits if hit.modality == "scene"]
    assert values[0] == pytest.approx(1, abs=1e-5) and values == sorted(values, reverse=True)
    cosines = searched.vectors["scene"] @ searched.vectors["scene"][12]
    assert values[1] == pytest.approx(np.sort(cosines)[-2], abs=1e-5)
    assert hits[0].captions["scene"] == "scene 12" and hits[0].speaker == "s2" and len(hits[0].profile) == 7


def test_the_query_never_finds_itself(searched: Library) -> None:
    for query in (Query.from_library(searched, 12), query_of(searched, 12, id="clip012"),
                  query_of(searched, 12, id="renamed", digests={"source": "x"})):
        found = {hit.id for hit in retrieve(searched, query, 10)}
        assert ("clip012" in found) == (query.id == "renamed")


def test_the_query_is_known_by_its_media(library: Library) -> None:
    rows = [*library.rows]
    rows[3] = replace(rows[3], digests={"source": "aa", "picture": "pp"}, text="Never, ever!")
    rows[4] = replace(rows[4], digests={"source": "bb", "picture": "pp"}, text="Another line.")
    write_library(library.path, rows, library.vectors, library.masks, library.spaces, "fake")
    library = Library.open(library.path)

    def found(**more: object) -> set[str]:
        return {hit.id for hit in retrieve(library, query_of(library, 3, **more), 10, exact=True)}

    assert "clip003" in found(digests={"source": "zz", "picture": "pp"}, text="Something else")
    assert "clip003" not in found(digests={"source": "aa"})
    assert "clip003" not in found(digests={"source": "muted", "picture": "pp"}, text="never ever")
    assert "clip003" in found(digests={"source": "muted", "picture": "pp"}, text="")


def test_exclusions_and_only(searched: Library) -> None:
    rows = {row.id: row for row in searched.rows}

    def found(**more: object) -> list[Hit]:
        hits = retrieve(searched, query_of(searched, 12), 5, **more)
        assert len(hits) == 15
        return hits

    assert all(hit.speaker != "s2" for hit in found(exclude_speakers={"s2"}))
    assert all(hit.speaker == "s2" for hit in found(only_speakers=["s2"]))
    assert all(rows[hit.id].film == "film1" for hit in found(exclude_films=["film0", "film2"]))
    assert all(rows[hit.id].split == "train" for hit in found(exclude_splits=["test"]))
    assert all(hit.id != "clip012" for hit in found(exclude=["clip012"]))
    with pytest.raises(InputError, match="clip12"):
        found(exclude=["clip12"])


def test_index_and_exact_agree_under_heavy_exclusion(library: Library) -> None:
    build_index(library)
    for keep in range(5):
        only = {"exclude_films": ["film0", "film1"], "only_speakers": [f"s{keep}"]}
        query = query_of(library, 7)
        assert retrieve(library, query, 10, **only) == retrieve(library, query, 10, exact=True, **only)


def test_pins_come_first_in_order(searched: Library) -> None:
    hits = retrieve(searched, query_of(searched, 12), 4, pin=["clip030", "clip006", "clip030"])
    assert ids(hits, "scene")[:3] == ["clip030", "clip006", "clip012"] and len(ids(hits, "scene")) == 4
    assert [hit.pinned for hit in hits if hit.modality == "scene"] == [True, True, False, False]
    assert ids(hits, "face")[:2] == ["clip030", "clip012"]  # clip006 has no face
    assert hits[0].score == pytest.approx(searched.vectors["scene"][12] @ searched.vectors["scene"][30], abs=1e-5)


@pytest.mark.parametrize(("more", "words"), [
    ({"pin": ["clip001"], "exclude": ["clip001"]}, "both pinned and excluded"), ({"pin": ["clip012"]}, "itself"),
    ({"pin": ["clip001", "clip002"], "k": 1}, "2 clips are pinned but -k is 1"), ({"k": 11}, "-k 11"),
    ({"k": -1}, "-k -1"), ({"k": {"mood": 1}}, "no such modality: mood"), ({"modalities": ["audio"]}, "audio"),
    ({"fraction": 0.0}, "fraction"), ({"metric": "l1"}, "no such metric")])
def test_bad_requests_are_usage_errors(library: Library, more: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        retrieve(library, Query.from_library(library, 12), **{"k": 3, **more})


def test_k_per_modality_and_missing_modalities(searched: Library) -> None:
    query = query_of(searched, 12)
    hits = retrieve(searched, query, {"scene": 2, "text": 0})
    assert (len(ids(hits, "scene")), ids(hits, "face"), ids(hits, "text")) == (2, [], [])
    assert {hit.modality for hit in retrieve(searched, query, modalities=["text"])} == {"text"}
    assert {hit.modality for hit in retrieve(searched, Query(scene=query.scene))} == {"scene"}
    assert retrieve(searched, query, 0) == []
    assert len(ids(retrieve(searched, query, 10, only_speakers=["s1"], exclude_films=["film0"]), "scene")) == 8


def test_a_clip_without_a_face_is_never_a_face_reference(searched: Library) -> None:
    for place in range(0, 60, 9):
        found = ids(retrieve(searched, query_of(searched, place), 10), "face")
        assert not {f"clip{i:03d}" for i in range(6, 60, 7)} & set(found) and len(found) in (0, 10)


def test_fractions_are_seeded_and_nested(library: Library) -> None:
    small, large = allowed_rows(library, fraction=0.2, seed=4), allowed_rows(library, fraction=0.6, seed=4)
    assert (small.sum(), large.sum()) == (12, 36) and not (small & ~large).any()
    assert (small != allowed_rows(library, fraction=0.2, seed=5)).any()
    hits = retrieve(library, query_of(library, 12), 10, fraction=0.2, seed=4)
    assert all(small[library.lookup(hit.id)] for hit in hits)


def test_vectors_of_another_size_are_refused(library: Library) -> None:
    with pytest.raises(InputError, match="scene query has shape"):
        retrieve(library, Query(scene=np.ones(9, np.float32)))


def test_query_of_extractor_results() -> None:
    profile = fakes.load_fake()
    frames = np.full((4, 8, 8, 3), 250, np.uint8)
    query = Query.of(profile.scene.extract(frames), profile.face.extract(frames), profile.text.extract("Hi"), text="Hi",
                     id="x")
    assert query.face is None and query.scene.shape == (8,) and query.text_react.shape == (6,)
    assert set(query.profiles) == {"scene", "text"} and query.captions["reaction"] == "hears 2 letters"


def test_rows_travel_through_pipes(library: Library) -> None:
    hits = retrieve(library, query_of(library, 12), 3, pin=["clip001"])
    hits[0] = replace(hits[0], text="a line\u2028of two")  # a line separator to Unicode, not to JSONL
    text = "".join(json.dumps(hit.as_row(), ensure_ascii=False) + "\n" for hit in reversed(hits))
    parsed = parse_references(text, "stdin")
    assert [hit for modality in ("scene", "face", "text") for hit in parsed[modality]] == hits
    assert set(hits[0].as_row()) == {"modality", "rank", "id", "score", "pinned", "speaker", "text", "emotion",
                                     "captions", "profile", "library"}


@pytest.mark.parametrize(("bad", "words"), [
    ("{", "not JSON"), ("[1]", "not a JSON object"), ({"rank": 2}, "no `modality`"),
    ({"modality": "smell", "rank": 2, "id": "x", "score": 1}, "smell"),
    ({"modality": "scene", "rank": 0, "id": "x", "score": 1}, "rank 0"),
    ({"modality": "scene", "rank": True, "id": "x", "score": 1}, "`rank` is True"),
    ({"modality": "scene", "rank": 2, "id": "x", "score": "high"}, "`score`"),
    ({"modality": "scene", "rank": 2, "id": "x", "score": float("nan")}, "nan"),
    ({"modality": "scene", "rank": 2, "id": "x", "score": 1, "pinned": 1}, "`pinned`"),
    ({"modality": "scene", "rank": 2, "id": "a", "score": 1}, "twice"),
    ({"modality": "scene", "rank": 1, "id": "x", "score": 1}, "twice")])
def test_bad_references_name_their_line(bad: dict | str, words: str) -> None:
    good = {"modality": "scene", "rank": 1, "id": "a", "score": 0.5}
    text = json.dumps(good) + "\n\n" + (bad if isinstance(bad, str) else json.dumps(bad)) + "\n"
    with pytest.raises(InputError, match=words) as caught:
        parse_references(text, "refs.jsonl")
    assert caught.value.line == 3 and "refs.jsonl, line 3" in caught.value.message
    with pytest.raises(InputError, match="no references"):
        parse_references("\n", "refs.jsonl")


def test_references_become_arrays(library: Library) -> None:
    hits = retrieve(library, query_of(library, 12), {"scene": 2, "face": 4, "text": 3})
    refs = gather_references(library, hits, 4)
    assert refs.indirect["scene"].shape == (4, 8) and refs.indirect["text"].shape == (4, 12)
    assert refs.mask["scene"].tolist() == [True, True, False, False] and not refs.audio["scene"][2:].any()
    place = library.lookup(refs.ids["text"][1])
    assert np.array_equal(refs.indirect["text"][1], np.concatenate([library.vectors["text_self"][place],
                                                                    library.vectors["text_react"][place]]))
    assert np.array_equal(refs.audio["text"][1], library.vectors["audio"][place])
    mute = next(i for i in range(60) if not library.masks["audio"][i])
    pinned = gather_references(library, retrieve(library, query_of(library, 12), 1, pin=[f"clip{mute:03d}"]), 1)
    assert pinned.mask["scene"].tolist() == [True] and pinned.audio_mask["scene"].tolist() == [False]
    assert gather_references(library, [], 0).indirect["face"].shape == (0, 8)
    assert gather_references(library, {"face": hits[2:4]}).mask["face"].tolist() == [True, True]


def test_references_of_another_library(library: Library) -> None:
    with pytest.raises(InputError, match="no clip `stranger`"):
        gather_references(library, [Hit("scene", 1, "stranger", 0.5)], 1)
    with pytest.raises(InputError, match="has no face"):
        gather_references(library, [Hit("face", 1, "clip006", 0.5)], 1)


def test_explanations_name_captions_profiles_and_scores(library: Library) -> None:
    hits = retrieve(library, query_of(library, 12), 1, pin=["clip001"])
    query = Query(text="Hello", captions={"scene": "a dark room"}, profiles={"scene": [1, 0, 0, 0, 0, 0, 0]})
    lines = explain(hits, query)
    assert lines[0] == 'scene: "a dark room" [anger 100%, surprise 0%]'
    assert "clip001 (s1, joy)  pinned" in lines[1] and '"scene 1"' in lines[1] and "surprise 40%" in lines[1]
    assert any(line.strip() == 'reaction: "happy"' for line in lines)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_the_table_is_the_search_without_itself(library: Library, metric: str) -> None:
    allowed = allowed_rows(library, exclude_splits=["test"])
    table = neighbour_table(library, 4, metric=metric, allowed=allowed)
    for place in range(60):
        hits = retrieve(library, Query.from_library(library, place), 4, metric=metric, exclude_splits=["test"])
        for modality, (places, values) in table.items():
            found = [hit for hit in hits if hit.modality == modality]
            assert places[place].tolist() == ([library.lookup(hit.id) for hit in found] or [-1] * 4)
            assert np.allclose(values[place], [hit.score for hit in found] or 0, atol=1e-5)
            assert place not in places[place]


def test_the_table_by_speaker(library: Library) -> None:
    speakers = np.array([row.speaker for row in library.rows])
    for same in (True, False):
        places, _ = neighbour_table(library, 5, same_speaker=same)["scene"]
        assert ((speakers[places] == speakers[:, None]) == same).all()
    assert neighbour_table(library, 0)["text"][0].shape == (60, 0)
    few = np.zeros(60, bool)
    few[:3] = True
    assert neighbour_table(library, 5, allowed=few)["scene"][0][0].tolist()[2:] == [-1, -1, -1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 39), st.integers(0, 10), st.sets(st.integers(0, 39), max_size=25), st.integers(0, 3))
def test_any_request_keeps_the_promises(tmp_path_factory, place: int, k: int, out: set[int], pins: int) -> None:
    library = _shared(tmp_path_factory)
    pin = [f"clip{i:03d}" for i in range(40) if i not in out and i != place][:min(pins, k)]
    hits = retrieve(library, Query.from_library(library, place), k, exclude=[f"clip{i:03d}" for i in out], pin=pin)
    for modality in ("scene", "face", "text"):
        found = ids(hits, modality)
        possible = {i for i in range(40) if library.masks[modality][i] and i not in out and i != place}
        asked = k if library.masks[modality][place] else 0
        assert len(found) == len(set(found)) == min(asked, len(possible))
        assert {library.lookup(id) for id in found} <= possible
        free = [hit.score for hit in hits if hit.modality == modality and not hit.pinned]
        assert free == sorted(free, reverse=True)


_made: list[Library] = []


def _shared(factory: pytest.TempPathFactory) -> Library:
    if not _made:
        library = write_random_library(factory.mktemp("shared") / "lib", 40, seed=9)
        build_index(library)
        _made.append(library)
    return _made[0]
