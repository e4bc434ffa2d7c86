"""Finished lines on the disk: known by what made them, whatever their number."""

import json
from pathlib import Path

import numpy as np
import pytest

from dubctl.dubbing.line_store import LineStore


@pytest.fixture
def store(tmp_path: Path) -> LineStore:
    store = LineStore(tmp_path / "film.lines")
    store.folder.mkdir()
    for number, key in (("0001", "a"), ("0002", "b"), ("0003", "c")):
        store.add(number, key, np.full(10, int(number) / 10, np.float32), {"script": key, "output": "x"})
    return store


def held(store: LineStore) -> dict[str, str]:
    """The script of every line whose sound is that script's."""
    return {path.stem: report["script"] for path in sorted(store.folder.glob("*.json"))
            if (report := json.loads(path.read_text())) and report["id"] == path.stem
            and store.sound(path.stem)[0] == pytest.approx("-abc".index(report["script"]) / 10, abs=1e-3)}


def test_a_line_is_finished_under_its_key_alone(store: LineStore) -> None:
    assert store.has("0001", "a") and not store.has("0001", "b") and not store.has("0004", "a")
    store.wav("0001").unlink()
    assert not store.has("0001", "a")


def test_lines_keep_their_sound_when_a_cue_is_put_in_before_them_or_two_change_places(store: LineStore) -> None:
    store.renumber({"0001": "a", "0002": "new", "0003": "b", "0004": "c"})
    assert held(store) == {"0001": "a", "0003": "b", "0004": "c"}
    assert store.report("0003")["output"] == str(store.wav("0003"))
    store.renumber({"0001": "c", "0002": "a", "0003": "b"})
    assert held(store) == {"0001": "c", "0002": "a", "0003": "b"}
    assert sorted(p.name for p in store.folder.iterdir()) == sorted(
        f"{n}.{kind}" for n in ("0001", "0002", "0003") for kind in ("json", "wav"))


def test_of_two_lines_that_are_the_same_the_finished_one_stays(store: LineStore) -> None:
    store.renumber({"0001": "a", "0002": "a", "0003": "c"})
    assert held(store) == {"0001": "a", "0002": "b", "0003": "c"}


def test_what_the_film_no_longer_has_goes_and_what_is_not_ours_stays(store: LineStore) -> None:
    (store.folder / "notes.json").write_text("{}")
    (store.folder / "0002.json").write_text("cut sho")
    store.keep_only(["0001"])
    assert sorted(p.name for p in store.folder.iterdir()) == ["0001.json", "0001.wav", "0002.json", "0002.wav",
                                                              "notes.json"]
    store.forget("0002")
    assert not store.wav("0002").exists() and store.report("0002") == {}
