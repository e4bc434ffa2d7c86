"""An experiment end to end on a miniature V2C download: trained once, resumed, failures counted, rows paired."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile as sf

from dubctl.cli.main import run
from dubctl.experiments import dubs
from dubctl.experiments import run as runner
from dubctl.experiments.lines import lines_of
from dubctl.experiments.vocoders import load_speaker
from dubctl.library.importing import import_dataset
from dubctl.library.policy import Retrieval
from dubctl.library.store import Library
from dubctl.progress import silent
from tests import community

FILE = """
title = "A small table"
metrics = "secs"
compare = "a"
[libraries]
other = "another one"
[[variants]]
name = "truth"
kind = "ground-truth"
[[variants]]
name = "a"
label = "All of it"
[[variants]]
name = "same"
series = "same speaker"
x = 2
train_from = "a"
retrieval = {speakers = "same", k = 2, lists = false}
[[variants]]
name = "foreign"
library = "other"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("experiment")
    community.v2c_denoise2(root / "disk")
    lab = root / "disk/wav_22050_chenqi_clean_Denoise_version2_all/Frozen@Elsa/Frozen@Elsa_00_0002_00.lab"
    lab.write_text("a line that nobody could ever speak in so little time " * 8)  # a test line of the fixture
    import_dataset("v2c", [root / "disk"], root / "lib", voices=community.grid(root / "GRID"))
    (root / "small.toml").write_text(FILE)
    return root


@pytest.fixture
def experiment(place: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict]]:
    def call(*more: str) -> tuple[int, dict]:
        capsys.readouterr()
        code = run(["experiment", str(place / "small.toml"), "--library", str(place / "lib"), "-o", str(place / "out"),
                    "--tiny", "--steps", "2", "--device", "cpu", "--json", *more])
        return code, json.loads(capsys.readouterr().out)
    return call


def test_a_table_with_a_variant_that_cannot_run(place: Path, experiment: Callable[..., tuple[int, dict]]) -> None:
    code, said = experiment()
    assert code == 5 and said["error"]["kind"] == "partial"
    assert "--with other=LIB" in " ".join(said["warnings"]) and said["items"]["failed"] == 1
    rows = {row["name"]: row for row in said["result"]["rows"]}
    assert rows["truth"]["metrics"]["secs"]["value"] == pytest.approx(1.0, abs=1e-3)
    assert rows["a"]["metrics"]["secs"]["n"] == 3 and rows["a"]["metrics"]["secs"]["failures"] == 1
    assert rows["same"]["metrics"]["secs"]["paired"]["difference"] == pytest.approx(
        rows["same"]["metrics"]["secs"]["value"] - rows["a"]["metrics"]["secs"]["value"], abs=1e-6)
    assert "paired" not in rows["a"]["metrics"]["secs"] and rows["foreign"]["failed"]
    table = (place / "out/table.md").read_text()
    assert "| All of it |" in table and "foreign (failed: it needs the library 'other'" in table
    with (place / "out/table.csv").open() as source:
        assert [row["x"] for row in csv.DictReader(source)] == ["", "", "2.0", ""]
    assert str(place / "out/plot-secs.svg") in said["outputs"], "the variant with an x is a point of a figure"
    assert "<circle" in (place / "out/plot-secs.svg").read_text()


def test_the_same_command_again_does_nothing_twice(place: Path, experiment: Callable[..., tuple[int, dict]],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    assert experiment("--only", "a", "--only", "same")[0] == 0
    rows = [json.loads(line) for line in (place / "out/dubs/a/dubs.jsonl").open()]
    why = {row["id"]: row["failed"] for row in rows if "failed" in row}
    assert list(why) == ["Frozen@Elsa_00_0002_00"] and "too long" in why["Frozen@Elsa_00_0002_00"]
    for module, name in ((runner, "train"), (dubs, "perform_row"), (runner, "evaluate")):
        monkeypatch.setattr(module, name, lambda *a, **k: pytest.fail("done before"))
    tried: list[str] = []
    monkeypatch.setattr(dubs.Dubber, "line",
                        lambda self, voice, library, line, *rest: tried.append(line.id) or why[line.id])
    code, again = experiment("--only", "a", "--only", "same")
    assert code == 0 and [row["name"] for row in again["result"]["rows"]] == ["a", "same"]
    assert tried == list(why) * 2, "only what failed is tried again, for either variant"
    assert len(list((place / "out/train").iterdir())) == 1, "one training for both"


def test_dubs_are_as_long_as_their_recordings_and_studied_training_clips_only(place: Path) -> None:
    library = Library.open(place / "lib")
    for line in lines_of(library, "1.0", place / "work"):
        report = place / "out/dubs/same" / f"{line.id}.json"
        if not report.exists():
            assert line.id == "Frozen@Elsa_00_0002_00"
            continue
        said = json.loads(report.read_text())
        assert sf.info(report.with_suffix(".wav")).frames == sf.info(line.source).frames
        assert said["length_of"] == "recording" and not said["from_mouth"], "this download has no picture"
        assert {library.rows[library.lookup(hit["id"])].speaker for hit in said["references"]} <= {
            library.rows[line.place].speaker}
        assert {library.rows[library.lookup(hit["id"])].split for hit in said["references"]} <= {"train"}


def test_settings_name_their_own_prompts(place: Path) -> None:
    library = Library.open(place / "lib")
    own, other, strange = (lines_of(library, setting, place / "work") for setting in ("1.0", "2.0", "3.0"))
    assert all(line.prompt == line.source for line in own) and len(own) == 3
    assert all(line.prompt != line.source for line in other) and all("GRID" in str(line.prompt) for line in strange)
    assert [line.id for line in lines_of(library, "1.0", place / "work", 2)] == [own[0].id, own[1].id]


def test_what_cannot_run_is_said_before_anything_is_loaded(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["experiment", str(place / "small.toml"), "-o", str(place / "never"), "-q"]
    assert run(base) == 2
    assert "needs a library with sound" in capsys.readouterr().err
    library = ["--library", str(place / "lib")]
    assert run([*base, *library, "--only", "b"]) == 2
    assert run([*base, *library, "--setting", "4.0"]) == 2
    assert run([*base, *library, "--with", "other"]) == 2
    assert run([*base, *library, "--dry-run"]) == 0
    assert not (place / "never").exists()


def test_variants_that_find_the_same_references_are_spoken_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, spoken = Library.open(place / "lib"), list[str]()
    lines = [line for line in lines_of(library, "1.0", place / "work") if line.id != "Frozen@Elsa_00_0002_00"]
    (weights,) = (place / "out/train").glob("*/voice")
    really = dubs.perform_row
    monkeypatch.setattr(dubs, "perform_row", lambda *a: spoken.append(a[1].rows[a[2]].id) or really(*a))
    dubber, speaker = dubs.Dubber(place / "twice", "cpu", 0), load_speaker("lite", "cpu")
    first, again, fewer = (dubber.dub(name, library, lines, policy, (weights, "these"), speaker, silent)
                           for name, policy in (("one", Retrieval(2)), ("two", Retrieval(2)), ("three", Retrieval(0))))
    assert len(spoken) == 2 * len(lines), "the second was copied, the third has no references"
    for a, b in zip(first, again, strict=True):
        assert a.dub != b.dub and a.dub.read_bytes() == b.dub.read_bytes()
    assert all(item.report["references"] == [] and not item.failed for item in fewer)


def test_the_same_weights_used_otherwise_are_another_voice(place: Path, tmp_path: Path) -> None:
    """Row 12 of Table 2 may train the very weights of the full model, and speaks past half of them."""
    (voice,) = (place / "out/train").glob("*/voice")
    flat = tmp_path / "voice"
    shutil.copytree(voice, flat)
    assert runner.voice_digest(flat) == runner.voice_digest(voice)
    config = json.loads((flat / "config.json").read_text())
    config["model"]["graph"]["hierarchical"] = False
    (flat / "config.json").write_text(json.dumps(config))
    assert runner.voice_digest(flat) != runner.voice_digest(voice)
