"""The vocoder in 8 bits: it speaks as the one that it was made of, and its file is the one that its graph reads."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import soundfile as sf
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

import quantise_vocoder as recipe
from safetensors.numpy import load_file

from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"


def test_it_speaks_as_the_vocoder_that_it_was_made_of(tmp_path):
    pytest.importorskip("onnx", reason="only the recipe needs onnx")
    mel = mel_spectrogram(torch.from_numpy(load_audio(VOICE, RATE)[: 2 * RATE])).numpy()[None]
    graph = recipe.quantised(recipe.whole(recipe.TEACHER), [mel[:, at: at + recipe.FRAMES] for at in (0, 20)])
    recipe.write(graph, tmp_path / "v")
    stored = load_file(tmp_path / "v" / "model.safetensors")
    weights = [value for value in stored.values() if value.dtype == np.int8 and value.ndim == 3]
    assert len(weights) == 54 and all(np.abs(value.astype(int)).max() <= 64 for value in weights)
    before, after = (ort.InferenceSession(folder / "model.onnx").run(None, {"mel": mel})[0].ravel()
                     for folder in (recipe.TEACHER, tmp_path / "v"))
    assert len(after) == mel.shape[1] * 256 and np.corrcoef(before, after)[0, 1] > 0.95
    assert recipe.config(recipe.TEACHER)["quantised_stages"] == [0, 1, 2]


def test_folders_take_turns_and_test_clips_are_left_out(tmp_path):
    rows = {"mix": [{"audio": f"{s}{i}.wav", "speaker": s, "split": "test" if i == 2 else "train"}
                    for s in "ab" for i in range(3)],
            "librispeech": [{"audio": "x.wav", "speaker": "x"}, {"audio": "y.wav", "speaker": "y", "text": "Read."}]}
    for name, manifest in rows.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.jsonl").write_text("\n".join(map(json.dumps, manifest)))
    found = [path.relative_to(tmp_path).as_posix() for path in recipe.clips([tmp_path / name for name in rows])]
    assert found[1] == "librispeech/x.wav" and len(found) == 5 and {found[0][4], found[2][4]} == {"a", "b"}
    assert not any("2.wav" in name or "y.wav" in name for name in found)


def test_crops_are_of_one_length_and_recordings_of_many_levels(tmp_path):
    (tmp_path / "mix").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for i, seconds in enumerate((3, 1, 3, 3)):
        sf.write(tmp_path / "mix" / f"{i}.wav", 0.1 * rng.normal(size=seconds * RATE).clip(-5, 5), RATE)
        rows.append({"audio": f"{i}.wav", "speaker": str(i)})
    (tmp_path / "mix" / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    order = random.Random(0)
    found = list(recipe.crops(recipe.recorded([tmp_path / "mix"], order), order))
    assert [mel.shape for mel in found] == [(1, recipe.FRAMES, 80)] * 3  # one is too short
    levels = [float(mel.mean()) for mel in found]
    assert max(levels) - min(levels) > 0.05
