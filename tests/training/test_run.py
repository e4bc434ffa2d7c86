"""A run's folder: what goes with the voice that it was trained from."""

from pathlib import Path

import pytest

from dubctl.synth.refiner import FILE
from dubctl.synth.voice_files import voice_folder
from dubctl.training.run import carry_refiner


@pytest.fixture()
def voice(tmp_path: Path) -> Path:
    """A run's voice that has a refiner."""
    folder = tmp_path / "first" / "voice"
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(b"taught")
    (folder.parent / "checkpoint.safetensors").touch()
    return folder


def test_a_voice_speaks_through_the_refiner_of_the_one_it_was_trained_from(voice: Path, tmp_path: Path) -> None:
    for number, origin in enumerate((voice, voice.parent / "checkpoint.safetensors")):
        carry_refiner(str(origin), tmp_path / f"new{number}")
        assert (tmp_path / f"new{number}" / FILE).read_bytes() == b"taught"
    carry_refiner("shipped", tmp_path / "tuned")
    assert (tmp_path / "tuned" / FILE).read_bytes() == (voice_folder(None) / FILE).read_bytes()


def test_trained_onwards_in_its_own_folder_it_keeps_it(voice: Path) -> None:
    carry_refiner(str(voice), voice)
    assert (voice / FILE).read_bytes() == b"taught"


@pytest.mark.parametrize("origin", ["", "without"])
def test_a_voice_of_no_such_origin_has_none_nor_an_earlier_runs(voice: Path, tmp_path: Path, origin: str) -> None:
    (tmp_path / "without").mkdir()
    carry_refiner(origin and str(tmp_path / origin), voice)
    assert not (voice / FILE).exists()
