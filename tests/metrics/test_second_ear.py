"""The second ear hears dubs beside recordings: a run whose dubs are the recordings is like them, another's is not."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from dubctl.errors import InputError
from dubctl.files import write_jsonl
from tests.metrics.conftest import RATE, voice

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "second_ear.py"

def load():
    spec = importlib.util.spec_from_file_location("benchmark_second_ear", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ear():
    module = load()
    return module, module.campplus()


@pytest.fixture
def data(tmp_path, monkeypatch, ear):
    rows = []
    for speaker, pitch in (("low", 100), ("high", 210)):
        for take in range(3):
            name = f"{speaker}{take}"
            sf.write(tmp_path / f"{name}.wav", voice(pitch, 2.5, 700 + 20 * take), RATE)
            rows.append({"id": name, "speaker": speaker, "audio": f"{name}.wav", "seconds": 2.5, "text": ""})
    write_jsonl(tmp_path / "manifest.jsonl", rows)
    (tmp_path / "two.json").write_text(json.dumps({"voices": [{"speaker": s, "prompt": f"{s}0"}
                                                              for s in ("low", "high")], "lines": []}))
    monkeypatch.setattr(ear[0], "LISTS", tmp_path)
    return tmp_path


def run(data: Path, dubbed: dict[str, str], **more) -> Path:
    out = data / "run"
    out.mkdir(exist_ok=True)
    items = [{"id": s, "speaker": s, "dub": str(data / f"{name}.wav")} for s, name in dubbed.items()]
    (out / "RESULT.json").write_text(json.dumps({"list": "two.json", "lines": {"items": items}} | more))
    return out


def test_recordings_are_heard_as_their_speakers_and_swapped_ones_are_not(data, ear):
    module, embed = ear
    right = module.heard(run(data, {"low": "low1", "high": "high1"}), data, embed)
    wrong = module.heard(run(data, {"low": "high1", "high": "low1"}), data, embed)
    assert right["right prompt nearest of 2"][0] == 1 and wrong["right prompt nearest of 2"][0] == 0
    assert right["dubs to the prompt"][0] > right["other speakers' recordings to the prompt"][0]
    assert right["dubs to other recordings"][0] > wrong["dubs to other recordings"][0]
    low, high = right["own recordings to the prompt"][1]
    assert low <= right["own recordings to the prompt"][0] <= high


def test_a_speaker_with_one_recording_is_left_out_of_what_is_said_of_others(data, ear):
    module, embed = ear
    rows = [json.loads(row) for row in (data / "manifest.jsonl").read_text().splitlines()]
    write_jsonl(data / "manifest.jsonl", [row for row in rows if row["id"] not in ("high1", "high2")])
    found = module.heard(run(data, {"low": "low1", "high": "high0"}), data, embed)
    assert found["dubs to the prompt"][0] > 0.5 and np.isfinite(found["dubs to other recordings"][0])
    write_jsonl(data / "manifest.jsonl", [row for row in rows if row["id"] in ("low0", "high0")])
    assert np.isnan(module.heard(run(data, {"low": "low0"}), data, embed)["dubs to other recordings"][0])


def test_prompts_that_were_cut_are_heard_cut(data, ear):
    module, embed = ear
    out = run(data, {"low": "low0", "high": "high0"}, prompt_seconds=1.5)
    (out / "prompts").mkdir()
    for speaker in ("low", "high"):
        wav, rate = sf.read(data / f"{speaker}0.wav")
        sf.write(out / "prompts" / f"{speaker}0_1.5s.wav", wav[:int(1.5 * rate)], rate)
    assert 0.5 < module.heard(out, data, embed)["dubs to the prompt"][0] < 1 - 1e-6


def test_voicefilter_is_given_windows_of_one_level(tmp_path, monkeypatch, ear):
    class Session:
        def __init__(self, weights):
            pass

        def get_inputs(self):
            return [type("Input", (), {"name": "mel_window"})]

        def run(self, outputs, inputs):
            (windows,) = inputs.values()
            assert windows.shape[1:] == (80, 40) and windows.dtype == np.float32
            return [np.concatenate([windows.mean(1), windows.std(1)], 1)]

    monkeypatch.setattr(ear[0], "InferenceSession", Session)
    (tmp_path / "x.onnx").touch()
    embed = ear[0].voicefilter(tmp_path / "x.onnx")
    vectors = []
    for name, gain in (("loud", 1.0), ("quiet", 0.1)):
        sf.write(tmp_path / f"{name}.wav", gain * voice(120, 2.5, 700), RATE, "FLOAT")
        vectors.append(embed(tmp_path / f"{name}.wav"))
    assert np.linalg.norm(vectors[0]) == pytest.approx(1) and vectors[0] @ vectors[1] > 0.999


@pytest.mark.parametrize(("samples", "windows"), [(100, 1), (13152, 1), (19552, 2), (48000, 6)])
def test_windows_overlap_by_half_and_short_speech_fills_one(ear, samples, windows):
    speech = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    assert ear[0].vf_windows(speech).shape == (windows, 80, 40)


def test_a_place_without_voicefilter_is_said(tmp_path, ear):
    with pytest.raises(InputError, match="no d-vectors"):
        ear[0].voicefilter(tmp_path / "missing.onnx")


def test_another_folder_of_prompts_is_said(data, tmp_path, ear):
    write_jsonl(tmp_path / "manifest.jsonl", [{"id": "x", "speaker": "x", "audio": "x.wav"}])
    with pytest.raises(InputError, match="has no prompt high0"):
        ear[0].heard(run(data, {"low": "low1"}), tmp_path, ear[1])


def test_a_run_without_a_result_is_said(tmp_path, ear):
    with pytest.raises(InputError, match="no result"):
        ear[0].heard(tmp_path, tmp_path, ear[1])


def test_a_figure_is_a_mean_with_its_interval():
    value, (low, high) = load().figure([("a", 0.5), ("a", 0.7), ("b", 0.9)])
    assert value == pytest.approx(0.7) and low <= value <= high and np.isfinite([low, high]).all()
