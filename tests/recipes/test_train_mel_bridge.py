"""The recipe of the bridge: the voice's own mels beside their sound, frame by frame, and steps that teach."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

from own_mels import own_mels
from train_mel_bridge import objective, pair, teach, voiced

from dubctl.files import write_jsonl
from dubctl.media.mel import HOP
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.mel_bridge import STRIDE, MelBridge
from dubctl.synth.voice import Voice

VOICE = Path(__file__).parents[2] / "examples" / "voice.wav"
ROW = {"id": "a", "audio": "a.wav", "speaker": "a", "seconds": 5.0}
LINES = ("We were happy to see you.", "He had never been there before.")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rows = {"kokoro_mix": [ROW | {"split": "train", "text": text} for text in LINES],
            "librispeech": [ROW | {"text": ""}, ROW | {"text": "a test voice", "audio": "missing.wav"}]}
    for name, mine in rows.items():
        (folder / name).mkdir()
        shutil.copy(VOICE, folder / name / "a.wav")
        write_jsonl(folder / name / "manifest.jsonl", mine)
    return folder


@pytest.fixture(scope="module")
def said(data):
    return own_mels(data, 2, seed=1, voice=Voice.load(vocoder="lite"))


def test_the_voice_says_training_lines_and_the_same_again(data, said):
    assert len(said) == 2 and all(len(wav) == len(mel) * HOP for mel, wav in said)
    again = own_mels(data, 1, seed=1, voice=Voice.load(vocoder="lite"))
    assert torch.equal(again[0][0], said[0][0]) and np.array_equal(again[0][1], said[0][1])


def test_a_mel_lies_beside_its_sound_frame_by_frame(said):
    encoder = SpeakerEncoder()
    for mel, wav in said:
        _, power = pair(mel, wav, encoder)
        assert len(power) == pytest.approx(len(mel) / STRIDE, abs=2)
        loud = np.interp(np.arange(len(power)) * STRIDE, np.arange(len(mel)), mel.exp().mean(1).numpy())
        heard = np.sqrt(power.mean(1).numpy())
        lags = [np.corrcoef(np.roll(loud, lag)[8:-8], heard[8:-8])[0, 1] for lag in (-3, 0, 3)]
        assert lags[1] == max(lags) > 0.8  # 80 bands of amplitude are weighed otherwise than 40 of power


def test_steps_teach_and_tell_how_they_are_heard(said, capsys):
    encoder = SpeakerEncoder()
    pairs = [pair(mel, wav, encoder) for mel, wav in said]
    held = {"own": [voiced(said[0][0], said[0][1], encoder)]}
    bridge = MelBridge(encoder.basis, "")
    turn = iter(range(10**6))

    def loss():
        with torch.no_grad():
            return float(objective(bridge, encoder, pairs, np.random.default_rng(0), False))

    before = loss()
    teach(bridge, encoder, lambda: pairs[next(turn) % 2], 12, 2e-3, np.random.default_rng(0), held, listen_from=6)
    assert loss() < before
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2 and all("own 0." in line for line in printed)
