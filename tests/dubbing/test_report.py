"""What a report says of the weights that made the sound."""

from pathlib import Path

import pytest

from dubctl.dubbing.report import weight_digests
from dubctl.files import sha256_file
from dubctl.synth.refiner import FILE


@pytest.mark.parametrize("given", ["voice", "checkpoint.safetensors"])
def test_the_refiner_that_a_voice_speaks_through_is_told(tmp_path: Path, given: str) -> None:
    weights = {"voice": tmp_path / "voice" / "model.safetensors"}.get(given, tmp_path / given)
    (tmp_path / "voice").mkdir()
    weights.write_bytes(b"own")
    assert "refiner" not in (bare := weight_digests(tmp_path / given, "lite"))
    assert bare["voice"] == sha256_file(weights)
    refiner = tmp_path / "voice" / FILE
    refiner.write_bytes(b"taught")
    assert weight_digests(tmp_path / given, "lite") == {**bare, "refiner": sha256_file(refiner)}
