"""The paper profile on tiny checkpoints: extract -> index -> retrieve -> train -> dub, on the CPU."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import soundfile as sf

from dubctl.cli.main import run
from tests.emotion.paper import tiny

EXAMPLES = Path(__file__).parents[1] / "examples"
LINES = {"a": (0.0, 1.5, "i am glad", "joy"), "b": (1.4, 2.9, "he is sad", "sadness"),
         "c": (2.8, 4.2, "you are angry", "anger"), "d": (3.4, 5.0, "the scene is dark", "fear")}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, and a project file that names a tiny checkpoint for each part."""
    root = tmp_path_factory.mktemp("paper")
    tiny.project(root)
    wav, rate = sf.read(EXAMPLES / "voice.wav", dtype="float32")
    (root / "data").mkdir()
    rows = []
    for name, (start, end, text, emotion) in LINES.items():
        sf.write(root / "data" / f"{name}.wav", wav[int(start * rate): int(end * rate)], rate)
        rows.append({"id": name, "audio": f"{name}.wav", "text": text, "speaker": "slt", "emotion": emotion,
                     "split": "dev" if name == "d" else "train"})
    shutil.copy(EXAMPLES / "clip.mp4", root / "data" / "face.mp4")
    rows.append({"id": "face", "video": "face.mp4", "audio": "a.wav", "text": "i am happy", "speaker": "s1"})
    (root / "data" / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def test_the_whole_path(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lib, out, clip = str(project / "lib"), str(project / "run"), str(EXAMPLES / "clip.mp4")
    config = ["--config", str(project / "dubctl.toml")]
    assert run(["extract", str(project / "data"), "-o", lib, "-q", *config]) == 0
    card = json.loads((project / "lib" / "library.json").read_text())
    assert card["profile"] == "paper"
    assert {name: space["dim"] for name, space in card["spaces"].items()} == {
        "scene": 32, "face": 32, "text": 32, "audio": 24}
    kept = len(list((project / "captions").rglob("*.json")))
    assert kept == 2, "one scene, one face"
    assert run(["index", lib, "-q", *config]) == 0
    capsys.readouterr()
    assert run(["retrieve", lib, clip, "--script", "i am happy", "-k", "2", "--json", *config]) == 0
    assert [row["modality"] for row in json.loads(capsys.readouterr().out)["result"]] == ["text", "text"]
    assert len(list((project / "captions").rglob("*.json"))) == kept, "the same clip is not asked about twice"
    assert run(["train", lib, "-o", out, "--tiny", "--steps", "4", "-q", *config]) == 0
    dub = ["dub", clip, "--script", "i am glad", "--prompt", str(EXAMPLES / "voice.wav"), "-q", *config]
    assert run([*dub, "--library", lib, "--voice", f"{out}/voice", "-o", str(project / "dub.wav")]) == 0
    report = json.loads((project / "dub.json").read_text())
    assert report["profile"] == "paper" and [name for name in report["weights"] if name.startswith("vocoder /")]
    assert sf.info(project / "dub.wav").frames == report["samples"]
    assert run([*dub, "--library", lib, "-o", str(project / "no.wav")]) == 3, "the shipped voice hears other vectors"
    assert "train a voice on a library of this profile" in capsys.readouterr().err
    assert run(["retrieve", lib, clip, "--script", "x", "--profile", "lite", "--device", "cpu"]) == 3, "other spaces"
