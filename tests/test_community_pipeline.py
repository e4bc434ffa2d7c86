"""Each community format as it lies on the disk: extract -> index -> retrieve -> train -> dub -> eval."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dubctl.cli.main import run
from dubctl.library.store import Library
from tests import community

FORMATS: dict[str, Callable[[Path], Path]] = {
    "v2c-raw": lambda root: community.v2c_raw(root), "v2c-denoise2": lambda root: community.v2c_denoise2(root),
    "v2c-produbber": lambda root: community.v2c_produbber(root),
    "grid": lambda root: community.grid(root, ("s6", "s20", "s3"), pictures=True),
    "grid-resampled": lambda root: community.grid_resampled(root)}
PICTURES = {"v2c-raw", "v2c-produbber", "grid"}
RELEASED_TEST = {"v2c-denoise2": 3, "v2c-produbber": 3, "grid-resampled": 2}  # clips of the lists' val


@pytest.mark.parametrize("profile", community.PROFILES)
@pytest.mark.parametrize("layout", FORMATS)
def test_from_the_download_to_scores(layout: str, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in community.PROFILES[profile](tmp_path / "weights").items():
        monkeypatch.setenv(name, value)
    data, lib, out = FORMATS[layout](tmp_path / "download"), tmp_path / "lib", tmp_path / "out" / "dub.mp4"
    clip, line = community.film(tmp_path / "clip.mp4", 33), "bin blue at f two now"
    prompt = next(path for path in sorted(data.rglob("*.wav")))
    assert run(["extract", str(data), "-o", str(lib), "--profile", profile, "--jobs", "1", "-q"]) == 0
    opened = Library.open(lib)
    assert opened.profile == profile and {row.split for row in opened.rows} == {"train", "dev", "test"}
    assert layout not in RELEASED_TEST or RELEASED_TEST[layout] == sum(row.split == "test" for row in opened.rows)
    assert bool(opened.masks["scene"].all()) == (layout in PICTURES) and opened.masks["audio"].all()
    assert run(["index", str(lib), "-q"]) == 0
    capsys.readouterr()
    assert run(["retrieve", str(lib), str(clip), "--script", line, "--profile", profile, "--exclude-split", "test",
                "-q"]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert {row["modality"] for row in rows} == ({"scene", "text"} if layout in PICTURES else {"text"})
    assert "test" not in {opened.rows[opened.lookup(row["id"])].split for row in rows}
    assert run(["train", str(lib), "-o", str(tmp_path / "run"), "--tiny", "--steps", "1", "--device", "cpu",
                "-q"]) == 0
    assert run(["dub", str(clip), "--script", line, "--prompt", str(prompt), "--library", str(lib), "--profile",
                profile, "--voice", str(tmp_path / "run" / "voice"), "-o", str(out), "--device", "cpu", "-q"]) == 0
    capsys.readouterr()
    assert run(["eval", str(out.parent), "--metrics", "length,secs", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["result"]["metrics"]
    assert metrics["length"]["value"] == 1.0 and metrics["secs"]["failures"] == 0
