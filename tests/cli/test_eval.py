"""`dubctl eval` and `dubctl train --model ser` as a user calls them, on metrics that need no large model."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from tests.cli.conftest import Outcome
from tests.cli.media import tone
from tests.metrics.conftest import RATE, voice

Dubctl = Callable[..., Outcome]
CLIPS = "abcdefgh"


def system(folder: Path, missing: str = "") -> Path:
    """Dubs of eight clips by one system, half a second each, those in `missing` not there; a manifest names them."""
    folder.mkdir()
    for name in set(CLIPS) - set(missing):
        tone(folder / f"{name}.wav", 0.5)
    tone(folder / "clip.wav", 0.5)
    rows = [{"id": name, "dub": f"{name}.wav", "clip": "clip.wav", "text": f"line <{name}>"} for name in CLIPS]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def two(tmp_path: Path) -> tuple[str, str]:
    """A system without fault, and one that made one dub of eight."""
    return str(system(tmp_path / "good")), str(system(tmp_path / "bad", missing=CLIPS[1:]))


def test_against_another_system_says_who_is_better(dubctl: Dubctl, two: tuple[str, str]) -> None:
    good, bad = two
    said = dubctl("eval", good, "--against", bad, "--metrics", "length", "--json").json
    test = said["result"]["comparison"]["metrics"]["length"]
    assert said["ok"] and (test["ours"], test["theirs"], test["n"]) == (1.0, 0.125, 8)
    assert test["better"] == "ours" and test["p"] == pytest.approx(2 / 2 ** 7)  # seven differ, one sign of two each
    assert test["mcnemar"] == {"only_ours": 7, "only_theirs": 0, "p": 2 / 2 ** 7}
    assert any(line.startswith("against: 7 of 8 dubs are missing") for line in said["warnings"])
    shown = dubctl("eval", good, "--against", bad, "--metrics", "length").out.splitlines()
    assert [line.split("\t")[0] for line in shown] == ["length", "length against", "length/McNemar against"]
    assert shown[1].endswith("\tours")


def test_a_page_has_the_figures_the_tests_and_every_dub(dubctl: Dubctl, two: tuple[str, str], tmp_path: Path) -> None:
    good, bad = two
    got = dubctl("eval", good, "--against", bad, "--metrics", "length", "--html", "page.html", "--json")
    assert got.code == 0 and got.json["outputs"] == ["page.html"]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Against the other system" in page and "Paired on 8 clips" in page
    assert page.count("<section>") == 8 and "line &lt;a&gt;" in page and "line <a>" not in page
    assert page.count("<audio") == 8 + 1, "eight dubs, and the one that the other system made"
    assert "<script" not in page and "http" not in page.split("</style>")[1]


def test_two_clips_decide_nothing(dubctl: Dubctl, two: tuple[str, str], tmp_path: Path) -> None:
    """The same gap as above, on two clips: one in two such pairs would look like this by chance."""
    for name in ("good", "bad"):
        rows = (tmp_path / name / "manifest.jsonl").read_text().splitlines(True)
        (tmp_path / name / "few.jsonl").write_text("".join(rows[1:2] + rows[2:3] if name == "good" else rows[:3]))
    tone(tmp_path / "bad/a.wav", 0.5)
    said = dubctl("eval", "good/few.jsonl", "--against", "bad/few.jsonl", "--metrics", "length", "--json").json
    test = said["result"]["comparison"]["metrics"]["length"]
    assert (test["n"], test["difference"], test["p"], test["better"]) == (2, 1.0, 0.5, "undecided")
    assert any("only 2 clips" in line for line in said["warnings"])


def test_few_speakers_are_warned_of(dubctl: Dubctl, two: tuple[str, str], tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (tmp_path / "good/manifest.jsonl").open()]
    for speakers, told in ((2, True), (4, False)):
        for i, row in enumerate(rows):
            row["speaker"] = f"s{i % speakers}"
        (tmp_path / "good/by.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        got = dubctl("eval", "good/by.jsonl", "--metrics", "length")
        assert got.code == 0 and (f"there are only {speakers}" in got.err) is told


def test_a_recording_is_no_list_of_dubs(dubctl: Dubctl, tmp_path: Path) -> None:
    tone(tmp_path / "dubbed.wav", 0.5)
    (tmp_path / "dubbed.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42\xff\xfe")
    for name in ("dubbed.mp4", "dubbed.wav"):
        got = dubctl("eval", name, "--metrics", "length")
        assert got.code == 3 and f"{name} is a recording" in got.err and "manifest" in got.err
    assert "no such file" in dubctl("eval", "gone.mp4", "--metrics", "length").err


def test_a_recogniser_is_trained_and_judged_by_one_command(dubctl: Dubctl, tmp_path: Path) -> None:
    data = tmp_path / "acted"
    data.mkdir()
    rows = []
    for speaker in range(4):
        for emotion, f0 in (("angry", 260), ("sad", 110)):
            name = f"{speaker}{emotion}"
            soundfile.write(data / f"{name}.wav", voice(f0 + 5 * speaker, 0.6), RATE)
            rows.append({"id": name, "audio": f"{name}.wav", "speaker": f"s{speaker}", "emotion": emotion})
    (data / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    got = dubctl("train", "acted", "--model", "ser", "-o", "run", "--tiny", "--json")
    assert got.code == 0 and got.json["items"]["done"] == 8
    assert got.json["result"]["cross_validation"]["all"]["n"] == 8
    assert json.loads((tmp_path / "run/report.json").read_text())["clips"] == 8
    assert (tmp_path / "run/model").is_dir()
    assert dubctl("train", "acted", "--model", "ser", "-o", "run", "--tiny").code == 2, "a run is never overwritten"
    refused = dubctl("train", str(tmp_path), "--model", "ser", "-o", "other")
    assert refused.code == 3 and "no manifest.jsonl" in refused.err


def test_csv_and_gate_of_a_comparison(dubctl: Dubctl, two: tuple[str, str], tmp_path: Path) -> None:
    good, bad = two
    got = dubctl("eval", bad, "--against", good, "--metrics", "length", "--csv", "a.csv", "--fail-if", "length<0.5")
    assert got.code == 6
    with (tmp_path / "a.csv").open() as source:
        rows = list(csv.DictReader(source))
    assert [float(row["length"]) for row in rows] == [1.0] + [0.0] * 7 and "no such file" in rows[1]["failed"]
