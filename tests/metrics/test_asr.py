"""Finding a recogniser: real folders load, everything else is one line that says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubctl.errors import DependencyError
from dubctl.metrics import asr
from tests.emotion.paper import tiny


@pytest.fixture(scope="module")
def tiny_whisper(tmp_path_factory) -> Path:
    return tiny.whisper(tmp_path_factory.mktemp("whisper"))


def test_a_hugging_face_folder_transcribes_and_repeats_itself(tiny_whisper):
    loaded = asr.load_asr(tiny_whisper)
    wav = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    first = loaded.transcribe(wav)
    assert isinstance(first, str) and loaded.transcribe(wav) == first
    assert loaded.name.endswith("(transformers)")


def test_the_environment_names_the_folder(tiny_whisper, monkeypatch):
    monkeypatch.setenv("DUBCTL_ASR", str(tiny_whisper))
    assert isinstance(asr.load_asr(), asr.HuggingFaceWhisper)


def one_line(caught: pytest.ExceptionInfo) -> str:
    assert "\n" not in caught.value.message
    assert "--asr" in caught.value.hint or "pip install" in caught.value.hint
    assert caught.value.exit_code == 4
    return caught.value.message


def test_none_at_all_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv("DUBCTL_ASR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DependencyError) as caught:
        asr.load_asr()
    assert "none was found" in one_line(caught)


@pytest.mark.parametrize("name, words", [("missing", "does not exist"), (".", "holds no Whisper")])
def test_a_folder_without_a_model_is_named(tmp_path, name, words):
    with pytest.raises(DependencyError) as caught:
        asr.load_asr(tmp_path / name)
    assert words in one_line(caught)


def test_a_broken_folder_is_one_line(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(DependencyError) as caught:
        asr.load_asr(tmp_path)
    assert "cannot load Whisper" in one_line(caught)


def test_a_broken_ctranslate2_folder_is_one_line(tmp_path):
    pytest.importorskip("faster_whisper")
    (tmp_path / "model.bin").write_bytes(b"junk")
    with pytest.raises(DependencyError) as caught:
        asr.load_asr(tmp_path)
    assert "cannot load Whisper" in one_line(caught)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "model.bin").write_bytes(b"junk")
    monkeypatch.setattr(asr, "find_spec", lambda name: None)
    with pytest.raises(DependencyError) as caught:
        asr.load_asr(tmp_path)
    assert "faster-whisper" in one_line(caught)


def test_whisper_by_its_hub_name_hears_many_clips_as_one(tiny_whisper, monkeypatch, tmp_path):
    from dubctl.hub import cache_folder
    from dubctl.metrics.asr_hub import HubWhisper

    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(DependencyError, match="config.json") as caught:
        asr.load_asr("own/whisper")
    assert caught.value.hint == "dubctl models download own/whisper"
    snapshots = cache_folder("own/whisper") / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / ("ab" * 20)).symlink_to(tiny_whisper)
    loaded = asr.load_asr("own/whisper")
    assert isinstance(loaded, HubWhisper) and loaded.name == "own/whisper@abababababab (transformers)"
    wavs = [np.random.default_rng(seed).normal(0, 0.1, 8000 + seed).astype(np.float32) for seed in range(3)]
    assert loaded.transcribe_many(wavs) == [loaded.transcribe(wav) for wav in wavs]
    assert loaded.transcribe(wavs[0]) == asr.HuggingFaceWhisper(tiny_whisper).transcribe(wavs[0])
