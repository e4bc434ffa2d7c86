"""Features and retrieval lists in the released code's files: read, written, and the same both ways."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dubctl.errors import InputError, UsageError
from dubctl.library.importing import export_features, import_dataset, import_features
from dubctl.library.policy import Retrieval, neighbours, references
from dubctl.library.released import clip_of, read_features, read_top_lists
from dubctl.library.store import Library
from dubctl.library.table import neighbour_table
from tests import community
from tests.library.conftest import write_random_library


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return community.v2c_denoise2(tmp_path_factory.mktemp("disk") / "denoise2")


@pytest.fixture(scope="module")
def imported(download: Path) -> Library:
    out = download.parent / "lib"
    import_dataset("v2c", [download], out)
    return Library.open(out)


@pytest.mark.parametrize(("stem", "id"), [
    ("F@Al_00_0001_00", "F@Al_00_0001_00"), ("F@Al_00_0001_00-scene_attri_emo", "F@Al_00_0001_00"),
    ("F@Al-emo-F@Al_00_0001_00", "F@Al_00_0001_00"), ("F@Al_00_0001_00-text_cat_react-F@Al", "F@Al_00_0001_00"),
    ("s6-face-bwba2a", "s6-bwba2a"), ("s6-spk-s6-bwba2a", "s6-bwba2a"), ("someone-else", None)])
def test_the_clip_in_a_file_name(stem: str, id: str | None) -> None:
    found = clip_of(stem, {"F@Al_00_0001_00", "s6-bwba2a"})
    assert (found[0] if found else None) == id


def test_features_of_the_release_make_a_library(download: Path, imported: Library) -> None:
    id = "Frozen@Elsa_00_0001_00"
    place, folder = imported.lookup(id), download / "Denoise_version2_all_feature"
    scene = np.load(folder / "scene_emo_roberta" / f"{id}-scene_attri_emo.npy")
    text = np.load(folder / "text_cat_react_emb_reberta" / f"{id}-text_cat_react-Frozen@Elsa.npy")
    assert np.array_equal(imported.vectors["scene"][place], scene[0])
    assert np.array_equal(imported.vectors["text_self"][place], text[0, :16])
    assert np.array_equal(imported.vectors["text_react"][place], text[0, 16:])
    assert {name: space.dim for name, space in imported.spaces.items()} == {"scene": 16, "face": 16, "text": 16,
                                                                            "audio": 12}
    assert imported.spaces["scene"] != imported.spaces["face"], "the content is part of what a space is"
    assert imported.rows[place].digests["source"], "so that a clip does not find itself under another name"


def test_released_lists_answer_instead_of_a_search_and_never_with_the_query(download: Path, imported: Library) -> None:
    usable = np.array([row.split == "train" for row in imported.rows])
    table = neighbours(imported, 5, usable, Retrieval())
    lists = download / "Denoise_version2_all_feature/retrieval_results"
    file = lists / "Frozen@Elsa_00_0001_00-face_caption.npy_top_100.json"
    order = [row["file_name"].split("-face")[0] for row in json.loads(file.read_text())]
    wanted = [id for id in order if id != "Frozen@Elsa_00_0001_00" and usable[imported.lookup(id)]][:5]
    place = imported.lookup("Frozen@Elsa_00_0001_00")
    assert [imported.rows[p].id for p in table["face"][place]] == wanted
    hits = references(imported, place, Retrieval(k=2))
    assert [hit.id for hit in hits if hit.modality == "face"] == wanted[:2]
    searched = neighbours(imported, 5, usable, Retrieval(lists=False))
    exact = neighbour_table(imported, 5, allowed=usable)
    assert np.array_equal(searched["face"], exact["face"][0]) and not np.array_equal(searched["face"], table["face"])


def test_speaker_specific_and_a_smaller_library_by_policy(imported: Library) -> None:
    place = imported.lookup("Bossbaby@Tim_00_0001_00")
    same = references(imported, place, Retrieval(k=3, speakers="same"))
    assert same and {hit.speaker for hit in same} == {"Bossbaby@Tim"}
    others = references(imported, place, Retrieval(k=3, speakers="others"))
    assert others and "Bossbaby@Tim" not in {hit.speaker for hit in others}
    half = {hit.id for hit in references(imported, place, Retrieval(k=9, fraction=0.5))}
    assert half < {hit.id for hit in references(imported, place, Retrieval(k=9, lists=False))}


def test_export_and_import_give_the_same_vectors_and_references(tmp_path: Path) -> None:
    library = write_random_library(tmp_path / "lib", 30)
    report = export_features(library.path, tmp_path / "out", 20)
    assert report["features"]["scene"] == 30 and report["features"]["face"] == 26
    vector = np.load(tmp_path / "out/text_cat_react_emb_reberta/clip003-text_cat_react-s3.npy")
    assert vector.shape == (1, 12) and vector.dtype == np.float32
    folders = {name: tmp_path / "out" / folder for name, folder in (
        ("scene", "scene_emo_roberta"), ("face", "face_emo_roberta"), ("text", "text_cat_react_emb_reberta"),
        ("audio", "audio_emo"))}
    import_features(library.path, tmp_path / "back", folders, tmp_path / "out")
    back = Library.open(tmp_path / "back")
    for name, rows in library.vectors.items():
        assert np.array_equal(back.vectors[name], rows), name
    usable = np.array([row.split != "test" for row in library.rows]) & library.masks["audio"]
    for name, found in neighbours(back, 10, usable, Retrieval(lists=True)).items():
        assert np.array_equal(found, neighbour_table(library, 10, allowed=usable)[name][0]), name


def test_other_models_features_replace_one_modality_only(tmp_path: Path, imported: Library, download: Path) -> None:
    folder = download / "Denoise_version2_all_feature"
    report = import_features(imported.path, tmp_path / "lib", {"face": folder / "VA_feature"})
    assert report["features"] == {"face": 13} and report["settings"] == ["1.0", "2.0"]
    changed, id = Library.open(tmp_path / "lib"), "Frozen@Elsa_00_0001_00"
    frames = np.load(folder / "VA_feature" / f"Frozen@Elsa-feature-{id}.npy")
    assert np.allclose(changed.vectors["face"][changed.lookup(id)], frames.mean(0)), "frames are averaged over time"
    assert np.array_equal(changed.vectors["scene"], imported.vectors["scene"])
    assert changed.spaces["scene"] == imported.spaces["scene"] and changed.spaces["face"].dim == 10
    assert changed.media(0, "audio") == imported.media(0, "audio"), "paths start at the new folder"


def test_a_clip_without_a_feature_has_none_and_is_named(tmp_path: Path, imported: Library, download: Path) -> None:
    files = sorted((download / "Denoise_version2_all_feature/emos").glob("*.npy"))[1:]
    (tmp_path / "emos").mkdir()
    for file in files:
        (tmp_path / "emos" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "emos" / files[0].name).write_bytes(b"not numpy")
    report = import_features(imported.path, tmp_path / "lib", {"scene": tmp_path / "emos"})
    changed = Library.open(tmp_path / "lib")
    assert changed.masks["scene"].sum() == 11 and len(report["missing"]["scene"]) == 2
    assert files[0].name in report["problems"][0]


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a-face_caption.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="no face feature can be read"):
        read_features({"a": tmp_path / "a-face_caption.npy"}, "face")


def test_features_of_two_widths_are_refused(tmp_path: Path) -> None:
    for name, width in (("a", 4), ("b", 5)):
        np.save(tmp_path / f"{name}.npy", np.zeros((1, width), np.float32))
    with pytest.raises(InputError, match="has 4"):
        read_features({"a": tmp_path / "a.npy", "b": tmp_path / "b.npy"}, "scene")


def test_a_text_vector_alone_stands_for_both_and_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "a-text_emo.npy", np.arange(4, dtype=np.float32)[None])
    found = read_features({"a": tmp_path / "a-text_emo.npy"}, "text")
    assert found.space.dim == 4 and found.rows.tolist() == [[0, 1, 2, 3, 0, 1, 2, 3]]
    assert "T_self alone" in found.problems[0]


def test_a_broken_retrieval_list_is_a_problem_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a_top_100.json").write_text('[{"name": "b"}]')
    (tmp_path / "b_top_100.json").write_text('[{"file_name": "a-text_emo.npy"}, {"file_name": "x.npy"}]')
    lists, problems = read_top_lists(sorted(tmp_path.iterdir()), {"a", "b"})
    assert lists == {"text": {"b": ["a"]}} and len(problems) == 2


def test_partial_features_are_left_to_import_features(tmp_path: Path) -> None:
    root = community.v2c_denoise2(tmp_path / "disk", features=False)
    folder = root / "Denoise_version2_all_feature/scene_emo_roberta"
    community.save(folder / "Frozen@Elsa_00_0001_00-scene_attri_emo.npy", np.zeros((1, 4)))
    report = import_dataset("v2c", [root], tmp_path / "lib")
    assert "but not face, text, audio" in report["features"] and not (tmp_path / "lib/library.json").exists()


def test_a_library_is_not_replaced_by_accident(imported: Library, download: Path) -> None:
    with pytest.raises(UsageError, match="holds a library already"):
        import_dataset("v2c", [download], imported.path)
    with pytest.raises(UsageError, match="holds a library already"):
        import_features(imported.path, imported.path, {"face": download})
    with pytest.raises(UsageError, match="nothing to import"):
        import_features(imported.path, imported.path, {})
