"""V2C-Animation and GRID as they lie on people's disks: found, joined, split, reported."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dubctl.errors import InputError, UsageError
from dubctl.library.datasets import grid, read_dataset, v2c
from dubctl.library.datasets.lists import Lists, read_lists
from dubctl.library.datasets.settings import dub_lines
from dubctl.library.datasets.splits import assign
from tests import community


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("disk")
    community.v2c_raw(root / "raw")
    community.v2c_denoise2(root / "denoise2")
    community.grid(root / "GRID", pictures=True)
    community.grid_resampled(root / "Grid_resample_ABS")
    return root


def test_raw_toolkit_output_is_recognised_and_joined(disk: Path) -> None:
    items = read_dataset(disk / "raw")
    assert [item.id for item in items] == sorted(community.v2c_ids())
    elsa = next(item for item in items if item.id == "Frozen@Elsa_00_0002_00")
    assert (elsa.speaker, elsa.film, elsa.text) == ("Frozen@Elsa", "Frozen", "long dry summer")
    assert elsa.video == disk / "raw/Frozen/Frozen_videos/Elsa/0002.mp4"
    assert elsa.audio == disk / "raw/Frozen/Frozen_speeches/Elsa/00/Elsa-00-0002.wav"
    assert {item.emotion for item in items} == {"happy", "angry", "neutral", "sad", "fear", "disgust", "others"}


def test_without_lists_whole_films_or_else_speakers_are_held_out(disk: Path) -> None:
    of = {item.speaker: set() for item in read_dataset(disk / "raw")}
    for item in read_dataset(disk / "raw"):
        of[item.speaker].add(item.split)
    assert all(len(splits) == 1 for splits in of.values()), "two films are too few: whole speakers it is"
    assert set().union(*of.values()) == {"train", "dev", "test"}


def test_the_denoised_download_and_the_toolkits_clips_join_by_id(disk: Path) -> None:
    found = v2c.survey([disk / "raw", disk / "denoise2"])
    item = found.items[0]
    assert item.audio is not None and "Denoise_version2" in str(item.audio), "the cleaned sound is the better one"
    assert item.video is not None and item.video.suffix == ".mp4"
    assert f"audio of {item.id}" in found.report["duplicated"]
    assert found.report["missing"]["media of annotated clips"] == ["Frozen@Olaf_00_0099_00"]
    assert found.report["missing"]["video"] == []
    assert len(found.lists.setting2) == len(found.lists.setting3) == 3


def test_the_released_test_list_stays_the_test_set_and_dev_comes_out_of_train(disk: Path) -> None:
    carved = {item.id: item for item in v2c.survey([disk / "denoise2"]).items}
    released = {item.id: item.split for item in v2c.survey([disk / "denoise2"], "released").items}
    assert Counter(released.values()) == {"train": 10, "val": 3}
    for id, item in carved.items():
        assert item.extra["released_split"] == released[id]
        assert (item.split == "test") == (released[id] == "val")
    assert Counter(item.split for item in carved.values()) == {"train": 9, "dev": 1, "test": 3}


def test_the_carved_shares_are_the_papers() -> None:
    speakers = {f"f@s{i % 20}_00_{i:04d}_00": f"f@s{i % 20}" for i in range(2000)}
    ids = list(speakers)
    listed = {id: "val" if i % 10 < 3 else "train" for i, id in enumerate(ids)}
    found = assign(ids, speakers, {}, listed, "carved", "film")
    assert Counter(found.values())["dev"] == pytest.approx(200, abs=15)
    assert found == assign(ids[::-1], speakers, {}, listed, "carved", "film"), "a function of the ids alone"
    only = assign(ids + ["new"], {**speakers, "new": "x"}, {}, listed, "carved", "film")
    assert only["new"] == "unlisted"


@pytest.mark.parametrize("how", ["film", "speaker"])
def test_whole_groups_are_held_out(how: str) -> None:
    ids = [f"{i}" for i in range(300)]
    films, speakers = {id: f"film{int(id) % 10}" for id in ids}, {id: f"s{int(id) % 30}" for id in ids}
    found = assign(ids, speakers, films, {}, how, "film")
    group = films if how == "film" else speakers
    assert all(len({found[id] for id in ids if group[id] == name}) == 1 for name in set(group.values()))
    counts = Counter(found.values())
    assert counts["test"] == pytest.approx(90, abs=31) and counts["dev"] == pytest.approx(30, abs=31)
    assert counts["train"] >= 150


def test_a_split_that_cannot_be_is_named(disk: Path) -> None:
    with pytest.raises(InputError, match="no released lists"):
        v2c.survey([disk / "raw"], "released")
    with pytest.raises(UsageError, match="no split is called 'random'"):
        v2c.survey([disk / "raw"], "random")


def test_produbbers_public_lists_give_the_same_split(disk: Path, tmp_path: Path) -> None:
    for name in ("train", "val"):
        lines = (disk / "denoise2/Denoise_version2_all_feature" / f"{name}.txt").read_text().splitlines()
        rows = [line.split("|") for line in lines]
        (tmp_path / f"V2C_{name}.txt").write_text("".join(f"{who}/{id}.wav|wˈʌn|7\n" for id, who, _, _ in rows))
    theirs = {item.id: item.split for item in v2c.survey([disk / "raw", tmp_path]).items}
    assert theirs == {item.id: item.split for item in v2c.survey([disk / "denoise2"]).items}


def test_a_clip_in_both_lists_is_reported_and_never_trained_on(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a@b_00_0000_00|a@b|{AA}|Hi\n")
    (tmp_path / "val.txt").write_text("a@b_00_0000_00|a@b|{AA}|Hi\n")
    lists = read_lists(sorted(tmp_path.iterdir()))
    assert lists.conflicts == ["a@b_00_0000_00"] and lists.split == {"a@b_00_0000_00": "val"}


@pytest.mark.parametrize(("name", "text", "words"), [
    ("train.txt", "a|b|{AA}|hi\nonly two|fields\n", "train.txt, line 2"),
    ("V2C_Setting3.txt", "a|{AA}|s6-bbaf2n\n", "expected 4 fields"),
    ("Refrence_Setting2.txt", "a|{AA}|spk||{AA}\n", "expected 5 fields"), ("emotions.json", '{"a": 9}', "`a` is 9"),
    ("movie_speaker_id.json", "[1]", "not a JSON object")])
def test_a_bad_list_names_its_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words):
        read_lists([tmp_path / name])


def test_grid_as_distributed_knows_its_words(disk: Path) -> None:
    items = {item.id: item for item in read_dataset(disk / "GRID")}
    assert sorted(items) == sorted(f"s6-{code}" for code in community.CODES)
    assert items["s6-bwba2a"].text == "bin white by a two again"
    assert items["s6-lrbk9s"].text == "lay red by k nine soon"
    assert items["s6-swin5n"].video == disk / "GRID/video/s6/swin5n.mpg"
    assert items["s6-swin5n"].audio == disk / "GRID/audio_25k/s6/swin5n.wav"


def test_grid_as_the_papers_share_it(disk: Path) -> None:
    found = grid.survey([disk / "Grid_resample_ABS", disk / "GRID"])
    assert found.report["speakers"] == 2 and found.report["clips"] == 10
    assert found.items[0].text == "bin blue at f two now" and "Grid_resample_ABS" in str(found.items[0].audio)
    rows, lost = dub_lines("2.0", found.items, found.lists)
    assert [row["reference_id"] for row in rows] == [f"{row['id'].split('-')[0]}-bbaf2n" for row in rows] and not lost


def test_the_three_settings(disk: Path) -> None:
    found = v2c.survey([disk / "denoise2"])
    voices = grid.survey([disk / "GRID"]).items
    own, _ = dub_lines("1.0", found.items, found.lists)
    other, _ = dub_lines("2.0", found.items, found.lists)
    strange, _ = dub_lines("3.0", found.items, found.lists, voices)
    targets = [item.id for item in found.items if item.split == "test"]
    assert [row["target"] for row in own] == targets and all(row["target"] == row["reference_id"] for row in own)
    assert sorted(row["target"] for row in other) == targets
    assert all(row["target"] != row["reference_id"] and row["target"].split("_00_")[0]
               == row["reference_id"].split("_00_")[0] for row in other)
    assert [row["id"] for row in strange] == [f"{row['target']}_{row['reference_id']}" for row in strange]
    assert all("GRID" in str(row["reference"]) for row in strange)
    _, lost = dub_lines("3.0", found.items, found.lists)
    assert len(lost) == 3 and "is not there" in lost[0]


def test_settings_without_lists_are_made_the_same_every_time(disk: Path) -> None:
    items = v2c.survey([disk / "denoise2"]).items
    rows, _ = dub_lines("2.0", items, Lists())
    assert rows == dub_lines("2.0", items[::-1], Lists())[0][::-1]
    trained = {item.id for item in items if item.split == "train"}
    assert all(row["reference_id"] in trained for row in rows)


def test_a_folder_of_other_media_is_neither(tmp_path: Path) -> None:
    community.speak(tmp_path / "ann" / "hello.wav", 0)
    assert not v2c.claims(str(tmp_path)) and not grid.claims(str(tmp_path))
    assert [item.id for item in read_dataset(tmp_path)] == ["hello"]


def test_labels_are_v2cs_own_numbers(disk: Path) -> None:
    labels = json.loads((disk / "raw/emotions.json").read_text())
    names = {0: "angry", 1: "disgust", 2: "fear", 3: "happy", 4: "neutral", 5: "sad", 7: "others"}
    assert all(item.emotion == names[labels[item.id]] for item in read_dataset(disk / "raw"))
