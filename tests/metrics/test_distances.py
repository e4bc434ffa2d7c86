"""Mel-cepstral distortion, fit to the mouth, and SyncNet's distances, against answers known by construction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dubctl.emotion.base import LipTrack
from dubctl.errors import DependencyError, InputError
from dubctl.metrics import faces, lse, sync
from dubctl.metrics.base import EvalItem
from dubctl.metrics.cepstra import ALPHA, DB, N_FFT, dtw, envelope, mel_cepstrum
from dubctl.metrics.faces import Mouth
from dubctl.metrics.mcd import MelCepstralDistortion
from dubctl.metrics.run import evaluate
from dubctl.metrics.sync import lips_loudness, measure
from dubctl.metrics.syncnet import SyncNet, _shifted, distances, load_syncnet, mfcc
from tests.metrics.conftest import RATE, voice

FILM = Path(__file__).parents[2] / "examples" / "film.mp4"
EXPECTED = ([18.584, 29.207, 18.898, 8.654], [22.021, 4.565, -36.622, -10.167])


def test_the_mel_cepstrum_of_a_known_spectrum():
    """log|X| = 1 + 0.4 cos(warped frequency) has c = (1, 0.4, 0 …) on the axis of the all-pass."""
    w = np.linspace(0, np.pi, N_FFT // 2 + 1)
    warped = w + 2 * np.arctan(ALPHA * np.sin(w) / (1 - ALPHA * np.cos(w)))
    found = mel_cepstrum(np.exp(2 * (1 + 0.4 * np.cos(warped)))[None])[0]
    assert np.allclose(found, [1, 0.4] + [0] * 12, atol=1e-3)


def test_the_envelope_is_that_of_the_filter_and_not_of_the_pitch():
    """Pulses through one resonance: the peak stands at the resonance for either pitch, and no harmonics are left."""
    from math import exp, pi

    peaks = []
    for f0 in (110, 180):
        pulses = np.zeros(RATE // 2)
        pulses[:: RATE // f0] = 1
        a = [2 * exp(-pi * 120 / RATE) * np.cos(2 * pi * 1200 / RATE), -exp(-2 * pi * 120 / RATE)]
        out = np.zeros_like(pulses)
        for n in range(2, len(out)):
            out[n] = pulses[n] + a[0] * out[n - 1] + a[1] * out[n - 2]
        middle = envelope(out, np.full(100, RATE / (RATE // f0)))[50]
        peaks.append(np.argmax(middle) * RATE / N_FFT)
        assert (np.diff(np.sign(np.diff(np.log(middle[:200])))) < 0).sum() <= 3
    assert peaks == pytest.approx([1200, 1200], abs=90)


def test_the_path_is_the_cheapest():
    """Against plain dynamic programming over all cells."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(9, 2)), rng.normal(size=(6, 2))
    cost = np.linalg.norm(a[:, None] - b[None], axis=2)
    best = np.full((10, 7), np.inf)
    best[0, 0] = 0
    for i in range(1, 10):
        for j in range(1, 7):
            best[i, j] = cost[i - 1, j - 1] + min(best[i - 1, j], best[i, j - 1], best[i - 1, j - 1])
    path = dtw(a, b)
    assert cost[path[:, 0], path[:, 1]].sum() == pytest.approx(best[9, 6])
    steps = np.diff(path, axis=0)
    assert path[0].tolist() == [0, 0] and path[-1].tolist() == [8, 5]
    assert set(map(tuple, steps)) <= {(0, 1), (1, 0), (1, 1)}


def test_distortion_forgets_gain_and_silence_but_the_released_way_does_not():
    one = voice(130, 0.5, 700)
    late = np.concatenate([np.zeros(RATE // 2, np.float32), 0.5 * one])
    plain, released = MelCepstralDistortion(), MelCepstralDistortion(released=True)
    assert plain.distance("x", one, one).value == 0
    assert plain.distance("x", one, 0.5 * one).value < 0.1
    assert plain.distance("x", one, late).value < 2, "only the 40 ms that are kept around speech differ"
    assert plain.distance("x", one, late).detail["length_ratio"] < 1.1
    assert released.distance("x", one, 0.5 * one).value > 2
    assert plain.distance("x", one, voice(130, 0.5, 1900)).value > 3
    assert DB == pytest.approx(6.1419, abs=1e-3)


def test_longer_speech_costs_its_length_and_silence_is_refused():
    one, slow = voice(130, 0.4), voice(130, 0.6)
    flat, by_length = (MelCepstralDistortion(by_length=b).distance("x", one, slow) for b in (False, True))
    assert by_length.value == pytest.approx(flat.value * flat.detail["length_ratio"])
    assert flat.detail["length_ratio"] == pytest.approx(1.4, abs=0.1)
    with pytest.raises(InputError, match="without sound"):
        MelCepstralDistortion().distance("x", one, np.zeros(RATE, np.float32))


def test_a_lost_dub_scores_more_than_a_poor_one(wav_file):
    truth = wav_file("truth.wav", seconds=0.4)
    items = [EvalItem("a", wav_file("a.wav", f0=200, seconds=0.4), reference=truth),
             EvalItem("b", wav_file("b.wav").parent / "gone.wav", reference=truth)]
    report = evaluate(items, ["mcd-dtw"])
    ours, lost = (score.value for score in report.scores["mcd-dtw"])
    assert lost > ours and report.results["mcd-dtw"].failures == 1


def _mouth(start: float, end: float, seconds: float = 3.0) -> Mouth:
    """A mouth that opens and shuts four times a second in its window."""
    t = np.arange(round(25 * seconds)) / 25
    inside = (t >= start) & (t < end)
    opening = np.where(inside, 0.1 * (1 - np.cos(2 * np.pi * 4 * (t - start))) / 2, 0).astype(np.float32)
    return Mouth(LipTrack(opening, np.full(len(t), 0.5, np.float32), np.ones(len(t), bool)), (start, end))


def _speech(start: float, end: float, seconds: float = 3.0) -> np.ndarray:
    t = np.arange(round(RATE * seconds)) / RATE
    inside = (t >= start) & (t < end)
    beat = 0.1 + 0.9 * (1 - np.cos(2 * np.pi * 4 * (t - start))) / 2
    return np.where(inside, 0.5 * beat * np.sin(2 * np.pi * 200 * t), 0).astype(np.float32)


def test_onset_offset_and_length_errors():
    found = measure(_speech(1.2, 2.1), _mouth(1.0, 2.0))
    assert found["onset_error"] == pytest.approx(0.2, abs=0.03)
    assert found["offset_error"] == pytest.approx(0.1, abs=0.03)
    assert found["length_error"] == pytest.approx(-0.1, abs=0.05)
    noisy = _speech(1.2, 2.1) + np.random.default_rng(0).normal(0, 0.01, 3 * RATE).astype(np.float32)
    assert measure(noisy, _mouth(1.0, 2.0))["onset_error"] == pytest.approx(0.2, abs=0.05)
    with pytest.raises(InputError, match="silent"):
        measure(np.zeros(RATE, np.float32), _mouth(1.0, 2.0))


def test_loudness_that_follows_the_lips_correlates():
    mouth = _mouth(0.5, 2.5)
    with_it, shifted = lips_loudness(_speech(0.5, 2.5), mouth), lips_loudness(_speech(0.5, 2.5)[::-1].copy(), mouth)
    assert with_it > 0.7 and lips_loudness(np.ones(3 * RATE, np.float32), mouth) is None
    assert -1 <= shifted <= 1


def test_sync_counts_clips_without_a_mouth_apart(wav_file, monkeypatch):
    mouths = {"a": _mouth(0.2, 0.8, 1.0), "b": Mouth(_mouth(0, 1).lips, None)}
    monkeypatch.setattr(sync, "mouth_of", lambda clip, _: mouths[clip.stem])
    items = [EvalItem(name, wav_file("dub.wav", seconds=1.0), clip=wav_file(f"{name}.wav")) for name in "ab"]
    result = evaluate(items, ["sync"]).results["sync"]
    assert result.value == pytest.approx(0.2, abs=0.03) and result.detail["coverage"] == 0.5
    assert result.detail["onset_error"]["n"] == 1


def test_a_clip_without_a_face_has_no_mouth(monkeypatch, tmp_path):
    monkeypatch.setattr("dubctl.media.frames.read_frames", lambda _: np.full((20, 90, 120, 3), 90, np.uint8))
    assert faces.mouth_of(tmp_path / "grey.mp4").window is None and faces.face_crops(tmp_path / "grey.mp4") is None


def test_of_a_line_of_a_film_its_cue_is_looked_at():
    mouth = faces.mouth_of(FILM, (0.3, 2.7))
    assert len(mouth.lips.opening) == len(mouth.lips.visible) == 60 and mouth.window is not None
    assert 0 <= mouth.window[0] < mouth.window[1] <= 2.4
    assert faces.face_crops(FILM, (0.3, 2.7), size=32).shape == (60, 32, 32, 3)
    assert faces.mouth_of(FILM, (2.9, 3.9)).window is None  # she is not seen while she says it


def test_a_mouth_that_speaks_mostly_outside_the_cue_does_not_say_its_line():
    assert faces._part(_mouth(0.5, 1.5), 0.4, 1.0).window == pytest.approx((0.1, 1.0))
    assert faces._part(_mouth(0.5, 1.5), 1.2, 1.0).window is None
    part = faces._part(_mouth(0.5, 1.5), 0.4, 1.0)
    assert np.array_equal(part.lips.opening, _mouth(0.5, 1.5).lips.opening[10:35])


def test_a_line_of_a_film_should_be_as_long_as_its_cue(wav_file):
    items = [EvalItem(str(n), wav_file(f"{n}.wav", seconds=n), clip=FILM, section=(1.0, 2.0)) for n in (1.0, 1.5)]
    report = evaluate(items, ["length"])
    assert [s.value for s in report.scores["length"]] == [1.0, 0.0]
    assert report.results["length"].detail["off_by_max"] == RATE // 2


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """SyncNet with random weights, as the public checkpoint is stored: a state dict."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("syncnet") / "syncnet_v2.model"
    torch.save(SyncNet().state_dict(), path)
    return path


def test_syncnet_has_the_public_checkpoint_s_names_and_shapes(checkpoint):
    state = load_syncnet(checkpoint).state_dict()
    for name, shape in {"netcnnaud.0": (64, 1, 3, 3), "netcnnaud.18": (512, 256, 5, 4), "netcnnlip.0": (96, 3, 5, 7, 7),
                        "netcnnlip.18": (512, 256, 1, 6, 6), "netfcaud.0": (512, 512)}.items():
        assert tuple(state[f"{name}.weight"].shape) == shape
    assert tuple(state["netfclip.3.weight"].shape) == (1024, 512)
    with pytest.raises(DependencyError, match="cannot load SyncNet"):
        load_syncnet(checkpoint.parent / "none.model")


def test_lse_scores_with_a_checkpoint(checkpoint, wav_file, monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(lse, "face_crops", lambda clip, _: rng.integers(0, 255, (8, 224, 224, 3), dtype=np.uint8))
    item = EvalItem("a", wav_file("a.wav", seconds=0.4), clip=wav_file("clip.wav"))
    report = evaluate([item], ["lse-c", "lse-d"], syncnet=checkpoint)
    far, sure = report.results["lse-d"].value, report.results["lse-c"].value
    assert far > 0 and sure >= 0 and report.results["lse-c"].detail["coverage"] == 1.0


def test_the_shift_at_which_sound_and_mouth_agree_is_found():
    lips = torch.randn(40, 1024)
    audio = torch.roll(lips, 4, 0)  # the sound comes four frames late
    assert int(_shifted(lips, audio).argmin()) == 15 + 4
    with pytest.raises(ValueError, match="six frames"):
        distances(SyncNet(), np.zeros((5, 224, 224, 3), np.uint8), np.zeros(3200, np.float32))


def test_mfcc_of_python_speech_features():
    """Its own values for this chirp, first and middle frame (python_speech_features 0.6)."""
    wav = (0.3 * np.sin(2 * np.pi * np.cumsum(np.linspace(200, 3000, 8000)) / 16000)).astype(np.float32)
    found = mfcc(wav)
    assert found.shape == (49, 13)
    assert np.allclose(found[0, :4], EXPECTED[0], atol=1e-2) and np.allclose(found[24, :4], EXPECTED[1], atol=1e-2)
