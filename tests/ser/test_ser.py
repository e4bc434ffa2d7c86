"""The recogniser that judges: TIM-Net's arithmetic, folds that share no speaker, the training loop, what ships."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import dubctl
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.labels import emotion_class
from dubctl.errors import InputError, UsageError
from dubctl.ser.augment import augment, take, voice_and_room
from dubctl.ser.config import tiny_ser_config
from dubctl.ser.data import Clip, speaker_folds
from dubctl.ser.features import hear, inputs, plain_voice
from dubctl.ser.model import MaskedBatchNorm, TimNet, TimNetConfig, reverse
from dubctl.ser.recogniser import Recogniser, padded
from dubctl.ser.train import train_ser
from tests.metrics.conftest import RATE, voice

TINY = TimNetConfig(filters=8, scales=3)


def test_the_paper_s_sizes_give_its_number_of_weights():
    """104,536 for 8 classes in the reference implementation; here one batch norm (78) more."""
    net = TimNet(TimNetConfig(channels=39, scales=8, classes=8))
    assert sum(p.numel() for p in net.parameters()) == 104_536 + 2 * 39


@pytest.mark.parametrize("training", [False, True])
def test_padding_changes_no_answer(training: bool):
    torch.manual_seed(0)
    net = TimNet(TimNetConfig(filters=8, scales=3, dropout=0.0)).train(training)
    items = [np.random.default_rng(i).normal(size=(n, 25)).astype(np.float32) for i, n in enumerate((9, 20))]
    batch, lengths = padded(items)
    longer = torch.cat([batch, torch.full((2, 7, 25), 5.0)], 1)
    assert torch.allclose(net(batch, lengths), net(longer, lengths), atol=1e-5)
    if not training:
        alone = net(*padded(items[:1]))
        assert torch.allclose(net(batch, lengths)[:1], alone, atol=1e-5)


def test_blocks_are_causal_and_the_other_direction_is_not():
    torch.manual_seed(0)
    net = TimNet(TINY).eval()
    block, mask = net.directions[0][2], torch.ones(1, 1, 12)
    x = torch.randn(1, 8, 12)
    changed = x.clone()
    changed[..., 8:] += 1
    assert torch.equal(block(x, mask)[..., :8], block(changed, mask)[..., :8])
    assert torch.equal(reverse(torch.arange(5.0)[None, None], torch.tensor([3]))[0, 0], torch.tensor([2.0, 1, 0, 3, 4]))


def test_masked_norm_is_torch_s_on_valid_frames():
    mine, torchs = MaskedBatchNorm(3), torch.nn.BatchNorm1d(3)
    x, mask = torch.randn(2, 3, 6), torch.ones(2, 1, 6)
    mask[1, :, 4:] = 0
    valid = torch.cat([x[0].T, x[1, :, :4].T])
    assert torch.allclose(mine(x, mask)[0].T, torchs(valid)[:6], atol=1e-5)
    assert torch.allclose(mine.running_var, torchs.running_var, atol=1e-5)


def test_all_weights_learn():
    net = TimNet(TINY).train()
    net(torch.randn(4, 30, 25), torch.tensor([30, 20, 12, 9])).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


def test_what_is_heard_knows_the_pitch_and_not_the_gain():
    loud, quiet = hear(voice(200, 1.0)), hear(0.1 * voice(200, 1.0))
    assert loud.shape == (len(loud), 130) and inputs(loud).shape == (len(loud), 25)
    assert np.median(loud[:, 128]) == pytest.approx(12 * np.log2(200 / 55), abs=0.5)
    assert np.abs(loud[:, :128] - quiet[:, :128]).max() < 0.05 and np.abs(loud - quiet).max() < 0.5
    assert loud[:, :128].min() >= -40
    with pytest.raises(InputError, match="too little"):
        hear(np.zeros(RATE, np.float32))


def test_augmentation_is_seeded_and_keeps_the_form():
    heard = hear(voice(150, 1.5))
    one, same, other = (augment(heard, np.random.default_rng(seed), 20) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one[:5], other[:5])
    assert len(one) <= 20 and one.shape[1] == 130 and np.isfinite(one).all()


def test_clips_of_one_speaker_get_one_voice_and_room():
    low, high = hear(voice(150, 1.5)), hear(voice(180, 1.5))
    a, b = (voice_and_room(heard, np.random.default_rng(3)) for heard in (low, high))
    shift = np.median(a[:, 128] - low[:, 128])
    assert abs(shift) > 0.05 and np.median(b[:, 128] - high[:, 128]) == pytest.approx(shift, abs=1e-3)
    one = take(a, np.random.default_rng(1), 20)
    assert len(one) <= 20 and one.shape[1] == 130 and np.isfinite(one).all()


def test_beside_plain_speech_only_the_departure_is_heard():
    plain, acted = hear(voice(150, 1.0)), hear(voice(300, 1.0))
    left = inputs(acted, plain_voice([plain]))
    assert np.median(left[:, 20]) == pytest.approx(12, abs=0.5), "an octave above the plain voice"
    assert np.array_equal(left[:, 21:], inputs(acted)[:, 21:])
    assert np.abs(inputs(plain, plain_voice([plain]))[:, :20].mean(0)).max() < 1e-3


def test_labels_of_data_sets():
    names = ["angry", "calm", "Fearful", "happy", "3", "surprised"]
    assert [EMOTIONS[emotion_class(n)] for n in names] == ["anger", "neutral", "fear", "joy", "joy", "surprise"]
    assert emotion_class("bored") is None and emotion_class("7") is None and emotion_class("") is None


def test_folds_share_no_speaker_and_mix_corpora():
    clips = [Clip(f"{c}{s}{i}", c, f"{c}{s}", "mf"[s % 2], 0, ()) for c in "ab" for s in range(6) for i in range(2)]
    folds = speaker_folds(clips, 3)
    assert sorted(s for fold in folds for s in fold) == sorted({clip.speaker for clip in clips})
    assert all({name[0] for name in fold} == {"a", "b"} for fold in folds)
    with pytest.raises(InputError, match="12 speakers"):
        speaker_folds(clips, 13)


def acted_set(data: Path, emotions: dict[str, float]) -> Path:
    """A folder of four speakers' clips, of each (name, pitch in Hz) one."""
    data.mkdir()
    rows = []
    for speaker in range(4):
        for emotion, f0 in emotions.items():
            name = f"{speaker}{emotion}"
            soundfile.write(data / f"{name}.wav", voice(f0 + 5 * speaker, 0.6), RATE)
            rows.append({"id": name, "audio": f"{name}.wav", "speaker": f"s{speaker}",
                         "emotion": emotion.rstrip("12")})
    (data / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return data


def test_a_recogniser_that_hears_beside_plain_speech(tmp_path: Path):
    config = tiny_ser_config()
    config.beside_plain = True
    data = acted_set(tmp_path / "acted", {"angry": 260, "neutral1": 150, "neutral2": 155})
    report = train_ser([data], tmp_path / "run", config)
    assert report["cross_validation"]["all"]["n"] == 12
    made = Recogniser.load(tmp_path / "run/model")
    assert made.beside_plain and made.name == "tim-net-prompt"
    answer = made.probabilities(voice(200, 0.8), voice(150, 0.8))
    assert answer.shape == (7,) and not np.allclose(answer, made.probabilities(voice(200, 0.8), voice(220, 0.8)))
    with pytest.raises(ValueError, match="plain speech missing"):
        made.probabilities(voice(200, 0.8))
    with pytest.raises(ValueError, match="plain speech not used"):
        Recogniser.load().probabilities(voice(200, 0.8), voice(150, 0.8))
    few = acted_set(tmp_path / "few", {"angry": 260, "neutral1": 150})
    with pytest.raises(InputError, match="fewer than two neutral clips of s0"):
        train_ser([few], tmp_path / "other", config)


def test_train_judge_save_and_go_on(tmp_path: Path):
    data = acted_set(tmp_path / "acted", {"angry": 260, "sad": 110, "bored": 90})
    report = train_ser([data], tmp_path / "run", tiny_ser_config())
    assert report["clips"] == 8 and len(report["left_out"]) == 4 and "bored" in report["left_out"][0]["why"]
    assert report["cross_validation"]["all"]["n"] == 8
    assert report["held_out"]["recordings"]["all"]["n"] == 2 * len(report["held_out_speakers"])
    made = Recogniser.load(tmp_path / "run/model")
    answer = made.probabilities(voice(200, 0.8))
    assert len(made.members) == 2 and answer.shape == (7,) and answer.sum() == pytest.approx(1, abs=1e-4)
    with pytest.raises(UsageError, match="holds a run already"):
        train_ser([data], tmp_path / "run", tiny_ser_config())
    stamp = (tmp_path / "run/nets/fold1/model.safetensors").stat().st_mtime_ns
    again = train_ser([data], tmp_path / "run", tiny_ser_config(), resume=True)
    assert (tmp_path / "run/nets/fold1/model.safetensors").stat().st_mtime_ns == stamp
    assert again["cross_validation"] == report["cross_validation"]


def test_a_folder_without_a_recogniser_is_an_input_error(tmp_path: Path):
    with pytest.raises(InputError, match="no emotion recogniser"):
        Recogniser.load(tmp_path)


@pytest.mark.parametrize("name", ["ser", "ser-prompt"])
def test_the_shipped_ones_load_and_carry_their_notice(name: str):
    shipped = Recogniser.load(shipped=name)
    plain = voice(150, 1.0) if shipped.beside_plain else None
    assert len(shipped.members) == 3 and shipped.probabilities(voice(180, 1.0), plain).shape == (7,)
    card = Path(dubctl.__file__).parents[1] / f"models/{name}/MODEL_CARD.md"
    assert "| notice | evaluation only, non-commercial" in card.read_text(encoding="utf-8")


def test_the_judge_conditions_nothing():
    """Only the evaluator and the trainer of the recogniser may know it."""
    root = Path(dubctl.__file__).parent
    guilty = []
    for path in root.rglob("*.py"):
        part = path.relative_to(root).parts[0]
        if part in ("ser", "metrics"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else \
                [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.startswith("dubctl.ser") for name in names):
                guilty.append(str(path.relative_to(root)))
    assert set(guilty) <= {"cli/train.py"}
