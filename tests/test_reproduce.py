"""Every command of docs/reproduce.md, word for word, on miniature datasets; only sizes and devices are added."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from dubctl.cli.main import run
from dubctl.library.policy import EVALUATED
from dubctl.library.store import Library
from tests import community

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines() if line.strip()]
ONLY = {"table1": ["ground-truth", "authentic-dubber-release"],
        "table2": ["01-no-scene-caption", "02-no-face-caption", "03-no-captions"],
        "fig4": ["same-k1"], "fig5": ["share-050"], "fig6": ["dot-k1"]}


@pytest.fixture(scope="module", params=community.PROFILES)
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, str]]:
    """A folder with everything that the page names, the profile to use in place of `paper`, and its environment."""
    root = tmp_path_factory.mktemp("reproduce")
    community.v2c_raw(root / "V2C-Animation")
    community.v2c_denoise2(root / "chenqi-Denoise2")
    community.grid(root / "GRID")
    (root / "examples").symlink_to(ROOT / "examples")
    environment = community.PROFILES[request.param](tmp_path_factory.mktemp("weights"))
    return root, request.param, environment


def small(line: str, profile: str) -> list[str]:
    """The arguments of a line of the page, with what makes it small."""
    words = shlex.split(line)
    assert words.pop(0) == "dubctl", line
    if "--profile" in words:
        words[words.index("--profile") + 1] = profile
    if words[:2] == ["models", "download"]:
        words += ["--dry-run"]  # tests/test_download.py fetches, from a hub of its own
    if words[0] == "experiment":
        metrics = "secs,wer" if profile == "paper" else "secs"  # that profile brings a recogniser
        words += ["--tiny", "--steps", "1", "--limit", "1", "--metrics", metrics, "--device", "cpu"]
        words += [part for name in ONLY[Path(words[1]).stem] for part in ("--only", name)]
    if words[0] == "train":
        words += ["--tiny", "--steps", "1", "--device", "cpu"]
    if words[0] == "extract":
        words += ["--jobs", "1"]
    if words[:2] == ["eval", "out/table1/dubs/authentic-dubber/dubs.jsonl"]:
        words[1] = "out/table1/dubs/authentic-dubber-release/dubs.jsonl"  # the variant that the test runs
    return words


@pytest.mark.parametrize("line", LINES)
def test_the_page(disk: tuple[Path, str, dict[str, str]], line: str, monkeypatch: pytest.MonkeyPatch,
                  capsys: pytest.CaptureFixture[str]) -> None:
    root, profile, environment = disk
    monkeypatch.chdir(root)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(small(line, profile)) == 0, capsys.readouterr().err


def test_what_the_page_left_behind(disk: tuple[Path, str, dict[str, str]]) -> None:
    root, profile, _ = disk
    report = json.loads((root / "lib/import.json").read_text())
    assert report["settings"] == {"1.0": 3, "2.0": 3, "3.0": 3}
    for library in ("lib", "lib-i3d", "lib-released", "lib-imported"):
        opened = Library.open(root / library)
        assert len(opened) == 13 and opened.masks["audio"].all(), library
    released, own = Library.open(root / "lib-released"), Library.open(root / "lib")
    assert released.spaces["scene"].dim == 16 != own.spaces["scene"].dim and released.lips(0) is not None
    three = json.loads((root / "out/table1-dub3/dubs/authentic-dubber-release").glob("*_s6-*.json").__next__()
                       .read_text())
    assert "GRID" in three["prompt"] and three["length_of"] == "picture"
    imported = json.loads(next((root / "out/table1-released/dubs/authentic-dubber-release").glob("*.json"))
                          .read_text())
    hits = [hit["id"] for hit in imported["references"]]
    assert len(hits) == 9 and imported["target"] not in hits
    assert not {released.rows[released.lookup(id)].split for id in hits} & EVALUATED
    assert os.listdir(root / "features")
    rows = {row["name"]: row for row in json.loads((root / "out/table2/results.json").read_text())["rows"]}
    assert [rows[name]["metrics"]["secs"]["value"] is not None for name in ONLY["table2"]] == [True] * 3
    if profile == "paper":  # its recogniser listened
        assert all(row["metrics"]["wer"]["value"] is not None for row in rows.values())
    i3d, emofan, both = (Library.open(root / f"lib-{name}") for name in ("i3d", "emofan", "i3d-emofan"))
    own = Library.open(root / "lib")
    assert (i3d.spaces["scene"].dim, emofan.spaces["face"].dim) == (8, 10), "I3D's and EmoFAN's own widths"
    assert (i3d.spaces["face"], emofan.spaces["scene"]) == (own.spaces["face"], own.spaces["scene"])
    assert (both.spaces["scene"], both.spaces["face"]) == (i3d.spaces["scene"], emofan.spaces["face"])
    (trained,) = (root / "out/table1-imported/train").glob("*/voice/config.json")
    assert json.loads(trained.read_text())["model"]["lip_features"] == 512


def test_no_training_saw_a_line_that_is_reported(disk: tuple[Path, str, dict[str, str]]) -> None:
    root, *_ = disk
    done = json.loads(next((root / "out/table1/train").glob("*/done.json")).read_text())
    rows = Library.open(root / "lib").rows
    assert {entry["id"] for entry in done["left_out"]} == {row.id for row in rows if row.split == "test"}
    assert done["clips"] == sum(row.split == "train" for row in rows)
    assert done["held_out"] == sum(row.split == "dev" for row in rows)
