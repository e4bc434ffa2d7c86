"""The whole path on real media and a tiny network: extract -> index -> retrieve -> train -> dub -> eval, on the CPU."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from safetensors.numpy import load_file

from dubctl.cli.main import run
from dubctl.synth.refiner import FILE as REFINER

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPT = "Stay close, don't look back."
PIECES = {"a": (0.0, 1.5, "One great drawback", "sadness"), "b": (1.4, 2.9, "to farming in California", "neutral"),
          "c": (2.8, 4.2, "is our long", "anger"), "d": (3.4, 5.0, "long dry summer", "joy")}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four spoken pieces and one filmed clip, as a user has them."""
    folder = tmp_path_factory.mktemp("v2c")
    wav, rate = sf.read(EXAMPLES / "voice.wav", dtype="float32")
    rows = []
    for name, (start, end, text, emotion) in PIECES.items():
        sf.write(folder / f"{name}.wav", wav[int(start * rate): int(end * rate)], rate)
        rows.append({"id": name, "audio": f"{name}.wav", "text": text, "speaker": "slt", "emotion": emotion,
                     "split": "dev" if name == "d" else "train"})
    shutil.copy(EXAMPLES / "clip.mp4", folder / "face.mp4")
    rows.append({"id": "face", "video": "face.mp4", "audio": "a.wav", "text": SCRIPT, "speaker": "s1"})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


@pytest.fixture(scope="module")
def library(dataset: Path) -> Path:
    lib = dataset.parent / "lib"
    assert run(["extract", str(dataset), "-o", str(lib), "-q"]) == 0
    assert run(["index", str(lib), "-q"]) == 0
    return lib


@pytest.fixture(scope="module")
def trained(library: Path) -> Path:
    out = library.parent / "run"
    assert run(["train", str(library), "-o", str(out), "--tiny", "--steps", "6", "--device", "cpu", "-q"]) == 0
    return out


def test_a_library_holds_what_the_clips_gave(library: Path) -> None:
    rows = [json.loads(line) for line in (library / "clips.jsonl").open()]
    assert [r["id"] for r in rows] == [*PIECES, "face"]
    assert rows[4]["captions"]["face"] and rows[4]["captions"]["scene"] and rows[0]["captions"]["reaction"]


def test_extract_again_does_nothing_twice(dataset: Path, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (library / "vectors.safetensors").read_bytes()
    capsys.readouterr()
    assert run(["extract", str(dataset), "-o", str(library), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == {"done": 0, "skipped": 5, "failed": 0}
    assert (library / "vectors.safetensors").read_bytes() == before


def test_training_left_curves_a_checkpoint_and_a_voice(trained: Path) -> None:
    logs = [json.loads(line) for line in (trained / "losses.jsonl").open()]
    assert logs[-1]["step"] == 6 and np.isfinite(logs[-1]["mel"])
    assert (trained / "voice" / "model.safetensors").stat().st_size > 10_000
    config = json.loads((trained / "voice" / "config.json").read_text())
    assert config["emotional"] and config["model"]["width"] == 48


def test_a_run_is_not_started_over_by_accident_and_resumes(library: Path, trained: Path,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    again = ["train", str(library), "-o", str(trained), "--tiny", "--device", "cpu", "-q"]
    assert run([*again, "--steps", "6"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert run([*again, "--steps", "8", "--resume"]) == 0
    steps = [json.loads(line)["step"] for line in (trained / "losses.jsonl").open()]
    assert max(steps) == 8


def test_training_can_start_from_a_voice(library: Path, trained: Path, tmp_path: Path) -> None:
    settings = tmp_path / "dubctl.toml"
    settings.write_text(f'[train]\ninit = "{trained / "voice"}"\nsteps = 1\nlr = 0.0\n')
    out = tmp_path / "tuned"
    train = ["train", str(library), "--config", str(settings), "--device", "cpu", "-q"]
    assert run([*train, "-o", str(out), "--tiny"]) == 0
    was, now = (load_file(folder / "voice" / "model.safetensors") for folder in (trained, out))
    assert was.keys() == now.keys() and all(np.allclose(was[n], now[n], atol=1e-3) for n in was)
    settings.write_text(f'[train]\ninit = "{trained / "voice"}"\nsteps = 1\n')
    assert run([*train, "-o", str(tmp_path / "big")]) == 3, "a voice of another size"


def test_a_voice_trained_onwards_keeps_its_refiner_and_a_resumed_run_the_one_made_for_it(
        library: Path, trained: Path, tmp_path: Path) -> None:
    first, out = tmp_path / "first", tmp_path / "tuned"
    shutil.copytree(trained / "voice", first)
    (first / REFINER).write_bytes(b"taught")
    settings = tmp_path / "dubctl.toml"
    settings.write_text(f'[train]\ninit = "{first}"\n')
    train = ["train", str(library), "--config", str(settings), "--device", "cpu", "-q", "--tiny", "-o", str(out)]
    assert run([*train, "--steps", "1"]) == 0
    assert (out / "voice" / REFINER).read_bytes() == b"taught"
    (out / "voice" / REFINER).write_bytes(b"made for it")
    assert run([*train, "--steps", "2", "--resume"]) == 0
    assert (out / "voice" / REFINER).read_bytes() == b"made for it"


def test_retrieve_feeds_dub_and_dub_feeds_eval(library: Path, trained: Path, tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    clip, line = str(EXAMPLES / "clip.mp4"), SCRIPT
    refs, out = tmp_path / "refs.jsonl", tmp_path / "out" / "dub.mp4"
    assert run(["retrieve", str(library), clip, "--script", line, "-k", "2", "-o", str(refs), "-q"]) == 0
    rows = [json.loads(row) for row in refs.open()]
    assert [r["modality"] for r in rows] == ["text", "text"], "only words are left: the one filmed clip is the query"
    assert run(["dub", clip, "--script", line, "--prompt", str(EXAMPLES / "voice.wav"), "--references", str(refs),
                "--voice", str(trained / "voice"), "-o", str(out), "--device", "cpu", "-q"]) == 0
    report = json.loads(out.with_suffix(".json").read_text())
    assert [(r["modality"], r["id"]) for r in report["references"]] == [(r["modality"], r["id"]) for r in rows]
    capsys.readouterr()
    assert run(["eval", str(out.parent), "--metrics", "length,secs", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["result"]["metrics"]
    assert metrics["length"]["value"] == 1.0
    assert -1.0 <= metrics["secs"]["value"] <= 1.0


def test_the_same_seed_gives_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    def dub(name: str) -> bytes:
        out = tmp_path / f"{name}.wav"
        assert run(["dub", str(EXAMPLES / "clip.mp4"), "--script", "Hello there.", "--prompt",
                    str(EXAMPLES / "voice.wav"), "--voice", str(trained / "voice"), "-o", str(out), "-q",
                    "--device", "cpu"]) == 0
        return out.read_bytes()
    assert dub("one") == dub("two")
