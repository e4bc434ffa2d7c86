"""`dubctl doctor`: real checks on this machine, and what a broken one looks like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dubctl import doctor
from dubctl.config import Settings
from dubctl.hub import cache_folder
from tests.cli.conftest import Outcome
from tests.emotion.paper import tiny

Dubctl = Callable[..., Outcome]



def test_each_probe_does_the_thing_once() -> None:
    found = {check.name: check for check in doctor.checks(Settings(device="cpu"))}
    for name in ("python", "ffmpeg", "espeak-ng", "device", "annoy recall", "temporary files", "torch", "annoy"):
        assert found[name].state == "ok", found[name]
    assert "version" in found["ffmpeg"].detail and "%" in found["annoy recall"].detail


def test_a_badly_built_annoy_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import annoy

    class Wrong(annoy.AnnoyIndex):
        def get_nns_by_item(self, item: int, count: int) -> list[int]:  # type: ignore[override]
            return list(range(count))

    monkeypatch.setattr(annoy, "AnnoyIndex", Wrong)
    check = doctor._guarded("annoy recall", doctor._annoy, "rebuild")
    assert check.state == "missing" and "wrongly" in check.detail and "ffast-math" in check.fix


def test_damaged_weights_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBCTL_MODELS", str(tmp_path))
    assert doctor._guarded("weights", doctor._weights, "reinstall").state == "missing"


def test_a_package_that_does_not_import_has_its_command() -> None:
    check = doctor._package("no-such-package")
    assert check.state == "missing" and check.fix == "python -m pip install no-such-package"


def test_whisper_is_optional(tmp_path: Path) -> None:
    assert doctor._whisper("").state == "optional"
    assert doctor._whisper(str(tmp_path / "none")).detail.startswith("no such folder")
    assert doctor._whisper(str(tmp_path)).state == "ok"


def test_a_recogniser_by_its_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    for name in ("openai/whisper-large-v3", "whisper"):
        check = doctor._whisper(name)
        assert check.state == "optional" and "config.json" in check.detail and "no such folder" not in check.detail
        assert check.fix == "dubctl models download openai/whisper-large-v3"
    snapshot = cache_folder("openai/whisper-tiny") / "snapshots" / ("ab" * 20)
    snapshot.mkdir(parents=True)
    for file in ("config.json", "model.safetensors"):
        (snapshot / file).write_bytes(b"{}")
    check = doctor._whisper("openai/whisper-tiny")
    assert check.state == "ok" and check.detail.startswith("openai/whisper-tiny@abababababab")


def test_the_paper_profile_names_each_part_that_lacks(dubctl: Dubctl, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    (tmp_path / "dubctl.toml").write_text('profile = "paper"\n[paper]\naudio = "lite"\nvocoder = "bigvgan-44k"\n')
    got = dubctl("doctor", "--json")
    rows = {row["name"]: row for row in got.json["result"]}
    assert got.code == 4 and rows["paper: torchvision"]["state"] == "ok" and "paper: audio" not in rows
    for part in ("rter", "comet", "video-llm", "vocoder"):
        assert rows[f"paper: {part}"]["state"] == "missing" and "models download" in rows[f"paper: {part}"]["fix"]
    assert rows["paper: vocoder"]["fix"] == "dubctl models download nvidia/bigvgan_v2_44khz_128band_256x"
    assert rows["whisper"]["fix"] == "dubctl models download openai/whisper-large-v3"
    assert "paper: rter" not in dubctl("doctor", "--profile", "lite").out


def test_the_paper_profile_on_tiny_checkpoints_is_whole(dubctl: Dubctl, tmp_path: Path) -> None:
    tiny.project(tmp_path)
    rows = {row["name"]: row for row in dubctl("doctor", "--json").json["result"]}
    parts = ("rter", "comet", "video-llm", "audio", "vocoder")
    assert {part: rows[f"paper: {part}"]["state"] for part in parts} == dict.fromkeys(parts, "ok")
    assert rows["whisper"]["state"] == "ok" and "whisper" in rows["whisper"]["detail"]


def test_exit_4_and_the_command_that_fixes_it(dubctl: Dubctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "checks", lambda *_: [
        doctor.Check("python", "ok", "3.12"), doctor.Check("ffmpeg", "missing", "not found", "pip install x")])
    got = dubctl("doctor")
    assert got.code == 4 and "FAIL  ffmpeg" in got.out and got.out.startswith("ok")
    assert got.err == "dubctl: error: missing: ffmpeg (hint: pip install x)\n"
    answer = dubctl("doctor", "--json").json
    assert answer["error"]["code"] == 4 and answer["result"][1]["fix"] == "pip install x"


def test_exit_0_where_only_optional_things_lack(dubctl: Dubctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "checks", lambda *_: [doctor.Check("whisper", "optional", "none", "pip")])
    assert dubctl("doctor").code == 0
