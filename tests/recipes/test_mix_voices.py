"""A mixed voice lies between its voices, weight by weight."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

from mix_voices import main, mix


def voice(folder, value, size=3):
    folder.mkdir()
    tensors = {"a": torch.full((size,), value), "b": torch.zeros(2), "c.w": torch.full((2,), value)}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"step": value}))
    return folder


def test_weights_are_averaged_as_asked_and_the_first_gives_the_configuration(tmp_path):
    voices = {voice(tmp_path / "x", 1.0): 0.75, voice(tmp_path / "y", 5.0): 0.25}
    mix(voices, tmp_path / "out")
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert found["a"].dtype == torch.float16 and found["a"].tolist() == [2.0] * 3 and found["b"].tolist() == [0.0] * 2
    assert json.loads((tmp_path / "out" / "config.json").read_text())["step"] == 1.0


def test_parts_stay_as_the_first_voice_has_them(tmp_path):
    voices = {voice(tmp_path / "x", 1.0): 0.0, voice(tmp_path / "y", 5.0): 1.0}
    mix(voices, tmp_path / "out", keep=["c"])
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert found["c.w"].tolist() == [1.0] * 2 and found["a"].tolist() == [5.0] * 3
    with pytest.raises(ValueError, match="no part d"):
        mix(voices, tmp_path / "else", keep=["c", "d"])
    assert not (tmp_path / "else").exists()


def test_a_part_that_is_not_there_is_one_line(tmp_path, monkeypatch, capsys):
    folder = voice(tmp_path / "x", 1.0)
    monkeypatch.setattr(sys, "argv", ["mix_voices.py", f"{folder}=1", "-o", str(tmp_path / "out"), "--keep", "d"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err.endswith("error: the network has no part d\n")


def test_weights_that_are_no_mean_and_other_networks_are_refused(tmp_path):
    a, b = voice(tmp_path / "a", 1.0), voice(tmp_path / "b", 1.0, size=4)
    with pytest.raises(ValueError, match="sum to 0.8"):
        mix({a: 0.8}, tmp_path / "out")
    with pytest.raises(ValueError, match="different networks"):
        mix({a: 0.5, b: 0.5}, tmp_path / "out")
    assert not (tmp_path / "out").exists()
