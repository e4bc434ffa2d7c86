"""`dubctl models`, and that what ships is what the manifest says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dubctl.assets import models_root
from dubctl.hub import cache_folder
from dubctl.model_registry import faults, shipped_models, write_manifest
from tests.cli.conftest import Outcome

Dubctl = Callable[..., Outcome]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two small models with cards and a manifest."""
    root = tmp_path / "shelf"
    for name, notice in (("voice", ""), ("judge", "evaluation only")):
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(name.encode() * 10)
        extra = f"| notice | {notice} |\n" if notice else ""
        (folder / "MODEL_CARD.md").write_text(f"# {name}\n\n| | |\n|---|---|\n| what | says {name} |\n"
                                              f"| licence | MIT |\n{extra}")
    write_manifest(root)
    monkeypatch.setenv("DUBCTL_MODELS", str(root))
    return root


def test_list_says_licence_size_state_and_notice(dubctl: Dubctl, shelf: Path) -> None:
    got = dubctl("models", "list")
    assert got.code == 0
    judge, voice = got.out.splitlines()
    assert "ok" in voice and "says voice" in voice and "MIT" in voice and "[evaluation only]" in judge
    rows = {row["name"]: row for row in dubctl("models", "list", "--json").json["result"]}
    assert rows["voice"]["ok"] is True and rows["judge"]["notice"] == "evaluation only"
    assert rows["voice"]["size"] == sum(path.stat().st_size for path in (shelf / "voice").iterdir())


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_verify_finds_damage(dubctl: Dubctl, shelf: Path, damage: str) -> None:
    assert dubctl("models", "verify").code == 0
    file = shelf / "voice" / "model.safetensors"
    file.unlink() if damage == "remove" else file.write_bytes(file.read_bytes()[::-1])
    got = dubctl("models", "verify")
    assert got.code == 4 and str(file) in got.out and "voice" in got.err
    assert dubctl("models", "verify", "judge").code == 0
    assert dubctl("models", "verify", "--json").json["items"] == {"done": 1, "skipped": 0, "failed": 1}
    assert "BROKEN" in dubctl("models", "list").out


def test_path_is_the_folder(dubctl: Dubctl, shelf: Path) -> None:
    assert dubctl("models", "path", "voice").out == f"{shelf / 'voice'}\n"
    got = dubctl("models", "path", "voic")
    assert got.code == 2 and "'voice'" in got.err


def test_download_is_honest(dubctl: Dubctl, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dubctl("models", "download", "voice").code == 0
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    got = dubctl("models", "download", "emotion2vec")
    assert got.code == 4 and "HF_HUB_OFFLINE is set" in got.err
    got = dubctl("models", "download", "emotion2ve")
    assert got.code == 2 and "'emotion2vec'" in got.err


def test_the_remote_list_says_pin_licence_and_what_is_here_whole(dubctl: Dubctl, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    here = cache_folder("j-hartmann/emotion-english-roberta-large") / "snapshots" / ("d" * 40)
    here.mkdir(parents=True)

    def rows() -> dict[str, dict]:
        return {row["name"]: row for row in dubctl("models", "list", "--remote", "--json").json["result"]}

    (here / "config.json").write_text("{}")
    found = rows()
    assert not any(row["here"] for row in found.values()), "a configuration alone is a download that broke off"
    assert found["whisper"]["revision"].startswith("06f233fe") and found["rter"]["revision"] == ""
    (here / "pytorch_model.bin").write_bytes(b"")
    assert [name for name, row in rows().items() if row["here"]] == ["rter"]
    (line,) = [line for line in dubctl("models", "list", "--remote").out.splitlines() if "bigvgan-44k" in line]
    assert "not here" in line and "MIT" in line and "nvidia/bigvgan_v2_44khz_128band_256x@newest" in line


def test_a_card_without_licence_is_refused(shelf: Path) -> None:
    (shelf / "voice" / "MODEL_CARD.md").write_text("| what | x |\n")
    with pytest.raises(ValueError, match="licence"):
        write_manifest(shelf)


def test_what_ships_is_whole_and_all_of_it_has_a_card() -> None:
    """Fails after a change under models/: run `python models/recipes/checksums.py`."""
    shipped = {model.name: model for model in shipped_models()}
    assert {name: faults(model) for name, model in shipped.items() if faults(model)} == {}
    folders = {path.name for path in models_root().iterdir() if path.is_dir() and path.name != "recipes"
               and any(path.iterdir())}
    assert folders == set(shipped)
    assert all(model.what and model.licence for model in shipped.values())
