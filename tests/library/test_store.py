"""The library on disk: what is written is read again, and files that do not belong together are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.emotion.base import EmotionSpace, LipTrack
from dubctl.errors import InputError
from dubctl.library.schema import ClipRow, resolve_path, store_path
from dubctl.library.store import Library, write_library
from tests.library.conftest import write_random_library


def test_rows_and_vectors_come_back(library: Library) -> None:
    again = Library.open(library.path)
    assert again.rows == library.rows and len(again) == 60
    assert again.vectors["scene"].shape == (60, 8) and again.vectors["scene"].dtype == np.float32
    assert again.lookup("clip017") == 17
    assert again.rows[17].captions["scene"] == "scene 17"


def test_masked_vectors_are_zero(library: Library) -> None:
    assert not library.masks["face"][6]
    assert not library.vectors["face"][6].any() and library.vectors["face"][5].any()
    assert library.meta["counts"]["face"] == int(library.masks["face"].sum())


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    one, two = write_random_library(tmp_path / "one"), write_random_library(tmp_path / "two")
    for name in ("library.json", "clips.jsonl", "vectors.safetensors"):
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes()


def test_unknown_id_offers_the_nearest(library: Library) -> None:
    with pytest.raises(InputError) as caught:
        library.lookup("clip17")
    assert "clip17" in caught.value.message and "clip017" in caught.value.hint


def test_other_spaces_are_refused_by_name(library: Library) -> None:
    spaces = dict(library.spaces)
    assert len(Library.open(library.path, spaces)) == 60
    spaces["face"] = EmotionSpace("roberta", "7", 1024)
    with pytest.raises(InputError) as caught:
        Library.open(library.path, spaces)
    assert "fake-text@1 (8-d)" in caught.value.message and "roberta@7 (1024-d)" in caught.value.message
    assert "extract" in caught.value.hint


@pytest.mark.parametrize("name", ["clips.jsonl", "vectors.safetensors"])
def test_a_changed_file_is_noticed(library: Library, name: str) -> None:
    file = library.path / name
    file.write_bytes(file.read_bytes()[:-40] + b"\n")
    with pytest.raises(InputError, match=f"{name}"):
        Library.open(library.path)


@pytest.mark.parametrize(("change", "words"), [
    ({"schema_version": 99}, "schema version 99"), ({"kind": "a photo album"}, "photo album"),
    ({"spaces": {}}, "not a library"), ({"digests": None}, "not a library")])
def test_a_strange_card_is_refused(library: Library, change: dict, words: str) -> None:
    card = library.path / "library.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), **change}))
    with pytest.raises(InputError, match=words):
        Library.open(library.path)


def test_no_library(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no reference library") as caught:
        Library.open(tmp_path)
    assert "dubctl extract" in caught.value.hint


def test_vectors_that_do_not_fit_are_not_written(library: Library, tmp_path: Path) -> None:
    vectors = {**library.vectors, "face": library.vectors["face"][:-1]}
    with pytest.raises(InputError, match="60 rows"):
        write_library(tmp_path / "new", library.rows, vectors, library.masks, library.spaces, "fake")
    vectors["face"] = np.full((60, 8), np.nan)
    with pytest.raises(InputError, match="not finite"):
        write_library(tmp_path / "new", library.rows, vectors, library.masks, library.spaces, "fake")
    assert not (tmp_path / "new").exists()


def test_lip_tracks_come_back(library: Library) -> None:
    assert library.lips(0) is None
    lips: list[LipTrack | None] = [None] * 60
    lips[3] = LipTrack(np.arange(5) / 10, np.ones(5), np.array([True, False, True, True, True]))
    lips[59] = LipTrack(np.ones(2), np.zeros(2), np.ones(2, bool))
    write_library(library.path, library.rows, library.vectors, library.masks, library.spaces, "fake", lips)
    again = Library.open(library.path)
    assert again.lips(0) is None and again.lips(4) is None
    assert np.allclose(again.lips(3).opening, [0, 0.1, 0.2, 0.3, 0.4]) and not again.lips(3).visible[1]
    assert again.lips(59).width.tolist() == [0, 0]


def test_unknown_fields_are_kept() -> None:
    row = ClipRow.from_row({"id": "x", "director": "Lee", "end": 2})
    assert row.extra == {"director": "Lee"} and row.as_row()["director"] == "Lee" and row.as_row()["end"] == 2


@pytest.mark.parametrize("bad", [{}, {"id": 3}, {"id": "x", "seconds": "long"}, {"id": "x", "seconds": float("nan")},
                                 {"id": "x", "profiles": {"scene": [1, 2]}}, {"id": "x", "samples": True}])
def test_bad_rows_name_their_line(bad: dict) -> None:
    with pytest.raises(InputError, match="clips.jsonl, line 7") as caught:
        ClipRow.from_row(bad, "clips.jsonl", 7)
    assert caught.value.line == 7


def test_media_beside_the_library_is_relative(tmp_path: Path) -> None:
    library = tmp_path / "lib"
    near, far = tmp_path / "set" / "a.mp4", Path("/elsewhere/b.mp4")
    assert store_path(near, library) == "../set/a.mp4" and store_path(far, library) == "/elsewhere/b.mp4"
    assert resolve_path(store_path(near, library), library) == near
    assert resolve_path(store_path(far, library), library) == far
    assert store_path(None, library) == "" and resolve_path("", library) is None


TEXT = st.text(max_size=20)


@given(st.builds(ClipRow, id=st.text(min_size=1), speaker=TEXT, text=TEXT, seconds=st.floats(0, 1e4),
                 start=st.none() | st.floats(0, 1e4), stats=st.dictionaries(TEXT, st.floats(-10, 10), max_size=3)))
def test_rows_survive_json(row: ClipRow) -> None:
    assert ClipRow.from_row(json.loads(json.dumps(row.as_row(), ensure_ascii=False))) == replace(row)
