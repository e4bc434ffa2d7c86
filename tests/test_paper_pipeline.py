"""The paper profile on tiny checkpoints: extract -> index -> retrieve -> train -> dub, on the CPU."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import soundfile as sf

from dubctl.cli.main import run
from tests.emotion.paper import tiny

EXAMPLES = Path(__file__).parents[1] / "examples"
LINES = {"a": (0.0, 1.5, "i am glad", "joy"), "b": (1.4, 2.9, "he is sad", "sadness"),
         "c": (2.8, 4.2, "you are angry", "anger"), "d": (3.4, 5.0, "the scene is dark", "fear"),
         "e": (0.0, 2.0, "she is calm", "neutral")}
SPLITS = {"d": "dev", "e": "test"}


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
                     "split": SPLITS.get(name, "train")})
    shutil.copy(EXAMPLES / "clip.mp4", root / "data" / "face.mp4")
    rows.append({"id": "face", "video": "face.mp4", "audio": "a.wav", "text": "i am happy", "speaker": "s1"})
    (root / "data" / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


@pytest.fixture(scope="module")
def lib(project: Path) -> Path:
    """A library of the paper profile."""
    assert run(["extract", str(project / "data"), "-o", str(project / "lib2"), "-q", "--config",
                str(project / "dubctl.toml")]) == 0
    return project / "lib2"


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
    wide, other = project / "wide", project / "wide.toml"
    wide.mkdir()
    tiny.bigvgan(wide, bands=128, rate=44100, fmax=None)
    other.write_text(re.sub('vocoder = ".*"', f'vocoder = "{wide}"', (project / "dubctl.toml").read_text()))
    capsys.readouterr()
    assert run([*dub[:-1], str(other), "--library", lib, "--voice", f"{out}/voice", "-o", str(project / "no.wav")]) == 4
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert "reads 128 bands at 44100 Hz; voices make 80 at 22050 Hz" in line and "22khz_80band" in line


EXPERIMENT = """
title = "Vocoders"
metrics = "secs"
[[variants]]
name = "copied"
kind = "resynthesis"
[[variants]]
name = "paper"
kind = "resynthesis"
vocoder = "{wide}"
[[variants]]
name = "dubbed"
[[variants]]
name = "wide"
vocoder = "{wide}"
"""


def test_an_experiment_speaks_through_the_profiles_vocoder(project: Path, lib: Path, tmp_path: Path,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    """BigVGAN of 22 kHz speaks for voices; that of 44 kHz copies recordings with its own mel, and has no voice."""
    wide = tmp_path / "wide"
    wide.mkdir()
    tiny.bigvgan(wide, bands=128, rate=44100, fmax=None)
    (tmp_path / "table.toml").write_text(EXPERIMENT.format(wide=wide))
    call = ["experiment", str(tmp_path / "table.toml"), "--library", str(lib), "--tiny", "--steps", "1", "--json"]

    def dubs(profile: str) -> dict[str, bytes]:
        capsys.readouterr()
        out = tmp_path / profile
        assert run([*call, "-o", str(out), "--config", str(project / "dubctl.toml"), "--profile", profile]) == 5
        said = json.loads(capsys.readouterr().out)
        assert list(said["result"]["failed"]) == ["wide"], said["warnings"]
        assert "reads 128 bands at 44100 Hz; voices make 80 at 22050 Hz" in said["result"]["failed"]["wide"]
        assert any("is of the profile paper, not lite" in line for line in said["warnings"]) == (profile == "lite")
        assert not list((out / "dubs").glob("wide/*")) and len(list((out / "train").iterdir())) == 1
        return {path.parent.name: path.read_bytes() for path in (out / "dubs").glob("*/*.wav")}

    ours, theirs = dubs("paper"), dubs("lite")
    assert {name: ours[name] == theirs[name] for name in ours} == {"copied": False, "paper": True, "dubbed": False}
    heard = {name: sf.info(tmp_path / "paper" / "dubs" / name / "e.wav") for name in ("copied", "paper")}
    assert (heard["copied"].samplerate, heard["paper"].samplerate) == (22050, 44100)
    assert heard["paper"].duration == pytest.approx(2.0, abs=1e-3) == heard["copied"].duration


def test_the_experiments_recogniser_is_the_profiles(project: Path, lib: Path, tmp_path: Path,
                                                    capsys: pytest.CaptureFixture[str],
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    (tmp_path / "table.toml").write_text('title = "x"\nmetrics = "wer"\n[[variants]]\nname = "truth"\n'
                                         'kind = "ground-truth"\n')
    (tmp_path / "plain.toml").write_text('profile = "paper"\n')
    call = ["experiment", str(tmp_path / "table.toml"), "--library", str(lib), "-o", str(tmp_path / "out"), "--json"]
    assert run([*call, "--config", str(tmp_path / "plain.toml")]) == 0
    assert "dubctl models download openai/whisper-large-v3" in " ".join(json.loads(capsys.readouterr().out)["warnings"])
    assert run([*call, "--config", str(project / "dubctl.toml")]) == 0
    (row,) = json.loads(capsys.readouterr().out)["result"]["rows"]
    assert row["metrics"]["wer"]["value"] > 0 and row["metrics"]["wer"]["detail"]["asr"].startswith("whisper")


def test_a_wrong_part_is_said_by_every_command_that_takes_the_profile(project: Path, lib: Path, tmp_path: Path,
                                                                      capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('profile = "paper"\n[paper]\nvocodr = "x"\n')
    (tmp_path / "table.toml").write_text('title = "x"\n[[variants]]\nname = "a"\n')
    out = ["-o", str(tmp_path / "out"), "--config", str(wrong)]
    for call in (["experiment", str(tmp_path / "table.toml"), "--library", str(lib)], ["export", str(lib)],
                 ["import", "v2c", str(tmp_path)], ["import", "grid", str(tmp_path)],
                 ["import", "features", str(lib), "--scene", str(tmp_path)]):
        assert run([*call, *out]) == 2, call
        assert "vocoder" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_export_says_whose_vectors_these_are(project: Path, lib: Path, tmp_path: Path,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", str(lib), "-o", str(tmp_path / "out"), "--profile", "lite", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert any("is of the profile paper, not lite" in line for line in said["warnings"])
    card = json.loads((tmp_path / "out" / "spaces.json").read_text())
    assert card["profile"] == "paper" and card["spaces"]["audio"]["name"] == "emotion2vec"
    assert card["widths"] == said["result"]["widths"] == {"scene": 32, "face": 32, "text": 64, "audio": 24}
    assert any("reads 1024, 1024, 2048 and 1024 numbers" in line for line in said["warnings"])
