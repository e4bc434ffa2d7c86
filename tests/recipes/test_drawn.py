"""The drawn characters: plan, faces, mouths, light; and the recipe that films them, end to end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models" / "recipes"))

import drawn_films  # noqa: E402
from drawn.design import design_of  # noqa: E402
from drawn.expression import EMOTIONS, Expression, expression_of  # noqa: E402
from drawn.face import FacePainter, Placement, Pose, mouth_opening  # noqa: E402
from drawn.head import Light, make_character  # noqa: E402
from drawn.looks import LOOKS  # noqa: E402
from drawn.mouth import FPS, REST_WIDTH, Mouth, mouth_of  # noqa: E402
from drawn.plan import Odds, balanced, plan_films  # noqa: E402
from drawn.stage import Performance, Stage, graded  # noqa: E402

from dubctl.emotion.face_track import FaceTracker  # noqa: E402
from dubctl.media.audio import load_audio  # noqa: E402
from dubctl.media.clip import probe  # noqa: E402
from dubctl.media.mel import HOP, RATE  # noqa: E402
from dubctl.synth.symbols import tokenise  # noqa: E402


def rows_of(count: int, speakers: int = 9) -> list[dict]:
    """Rows of a speech manifest, emotions and speakers in turn."""
    return [{"id": f"r{i}", "speaker": f"s{i % speakers}", "emotion": EMOTIONS[i % 7], "strength": 1.5,
             "text": f"line {i // 7}"} for i in range(count)]


def test_every_line_is_filmed_once_and_modalities_agree_as_often_as_asked() -> None:
    lines = plan_films(rows_of(1400, 37), odds=Odds(0.7, 0.7, 0.75), seed=3, prefix="f")
    assert sorted(line.row["id"] for line in lines) == sorted(row["id"] for row in rows_of(1400))
    assert np.mean([line.shows == line.row["emotion"] for line in lines]) == pytest.approx(0.75, abs=0.05)
    scenes = {line.scene.id: line.scene for line in lines}
    assert np.mean([scene.mood == scene.shows for scene in scenes.values()]) == pytest.approx(0.7, abs=0.1)
    assert 0.55 < np.mean([line.scene.mood == line.row["emotion"] for line in lines]) < 0.8
    casts = Counter((line.scene.film, line.row["speaker"]) for line in lines)
    assert max(Counter(speaker for _, speaker in casts).values()) == 1, "a speaker plays in two films"


@pytest.mark.parametrize("speakers", [1, 2, 5, 13, 30])
def test_few_lines_are_not_dealt_twice(speakers: int) -> None:
    lines = plan_films(rows_of(24, speakers), odds=Odds(), seed=speakers, prefix="f")
    assert sorted(line.row["id"] for line in lines) == sorted(row["id"] for row in rows_of(24))


def test_no_text_is_both_rehearsed_and_a_target() -> None:
    lines = plan_films(rows_of(280), odds=Odds(), seed=1, prefix="f", targets=True)
    said = {role: {line.row["text"] for line in lines if line.role == role} for role in ("target", "reference")}
    assert said["target"] and said["reference"] and not said["target"] & said["reference"]


def test_chosen_rows_are_balanced_and_words_agree_more_often_when_asked() -> None:
    rows = rows_of(700)
    words = {row["text"]: EMOTIONS[i // 7 % 7] for i, row in enumerate(rows)}
    agree = {}
    for worded in (0.0, 0.6):
        chosen = balanced(rows, 70, 1, words=words, worded=worded)
        counts = Counter(row["emotion"] for row in chosen)
        assert len({row["id"] for row in chosen}) == 70 and set(counts.values()) == {10}
        agree[worded] = np.mean([words[row["text"]] == row["emotion"] for row in chosen])
    assert agree[0.0] < 0.35 and agree[0.6] > 0.5


def test_a_voice_always_has_the_same_face_and_others_have_others() -> None:
    assert design_of("af_nova") == design_of("af_nova") and design_of("af_nova").woman
    assert not design_of("bm_george").woman and not design_of("anyone", "m").woman
    assert len({design_of(f"mix{i}") for i in range(40)}) == 40


def spoken(phonemes: str, frames: list[int], before: float = 0.4) -> Mouth:
    """The mouth of steady noise whose tokens (edges included) last `frames` mel frames."""
    wav = np.random.default_rng(0).normal(0, 0.1, sum(frames) * HOP).astype(np.float32)
    wav[:frames[0] * HOP] = wav[len(wav) - frames[-1] * HOP:] = 0
    seconds = before + len(wav) / RATE + 0.4
    return mouth_of(wav, tokenise(phonemes), np.array(frames), before, round(seconds * FPS))


def test_the_mouth_is_shut_in_silence_and_for_m_and_open_for_a() -> None:
    mouth = spoken("mɑmɑ", [3, 17, 26, 17, 26, 3])  # 0.2 s of m, 0.3 s of a
    at = {name: round((0.4 + second) * FPS) for name, second in (("a", 0.38), ("m", 0.63), ("a2", 0.88))}
    assert mouth.opening[at["a"]] > 0.2 and mouth.opening[at["a2"]] > 0.2 and mouth.opening[at["m"]] < 0.05
    assert mouth.slack[at["m"]] < 0.2 < 0.9 < mouth.slack[at["a"]]
    assert mouth.opening[:8].max() < 0.005 and mouth.opening[-6:].max() < 0.005
    assert np.ptp(mouth.slack[:8]) < 0.01, "an expression may not move the mouth before the sound"


def test_lips_round_and_spread() -> None:
    mouth = spoken("uːiː", [3, 26, 26, 3])
    assert mouth.width[round(0.6 * FPS)] < REST_WIDTH < mouth.width[round(0.9 * FPS)]


def test_surprise_drops_the_jaw_of_a_mouth_that_speaks_but_not_of_closed_lips() -> None:
    surprise = expression_of("surprise")
    assert mouth_opening(surprise, Pose(0.1, slack=1.0)) > mouth_opening(Expression(), Pose(0.1)) == 0.1
    assert mouth_opening(surprise, Pose(0.0, slack=0.0)) == 0.0


def test_light_bends_towards_white_without_clipping_and_keeps_order() -> None:
    ramp = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None, :, None], 3, 2)
    bright = graded(ramp, np.array([6.0, 6.0, 6.0]))[0, :, 0].astype(int)
    assert (np.diff(bright) >= 0).all() and (bright[:-1] < 255).all() and bright[10] > 50 * 2
    assert graded(ramp, np.array([0.3, 0.3, 0.3])).max() < 80


@pytest.mark.parametrize("emotion", ["sadness", "joy"])
def test_a_scene_has_the_colour_of_its_look(emotion: str) -> None:
    look = LOOKS[emotion][0]
    wave = 0.1 * (1 - np.cos(np.arange(12)))
    still = Performance(Mouth(wave, np.full(12, REST_WIDTH), wave, np.ones(12)), Expression(), 0.5, 1)
    frames = Stage("field", look, 0.255, 4).clip(design_of("af_nova"), still)
    lab = cv2.cvtColor(frames.reshape(-1, 1, 3).astype(np.float32) / 255, cv2.COLOR_RGB2LAB).mean((0, 1))
    assert lab == pytest.approx([look.lightness, look.a, look.b], abs=10)


def test_landmarks_follow_the_drawn_mouth() -> None:
    painter = FacePainter(make_character(design_of("bf_emma"), 92, Light()))
    drawn = 0.13 * (1 - np.cos(np.arange(36) * 2 * np.pi / 12))
    frames = np.full((36, 180, 320, 3), 110, np.uint8)
    for frame, opening in zip(frames, drawn, strict=True):
        painter.onto(frame, Expression(), Pose(float(opening)), Placement(46, 160, 74))
    path, = FaceTracker(1).follow(frames)
    upper, lower = path.landmarks[:, 13, 1], path.landmarks[:, 14, 1]
    assert path.seen.all() and np.corrcoef(lower - upper, drawn)[0, 1] > 0.9
    eyes = path.landmarks[:, 263, 0] - path.landmarks[:, 33, 0]
    assert np.median(eyes) == pytest.approx(46, rel=0.12), "a face unit is the distance of the eyes' outer corners"


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A folder like those of acted_speech.py: one voice's words, given two feelings."""
    folder = tmp_path / "acted"
    (folder / "audio").mkdir(parents=True)
    wav = load_audio(ROOT / "examples" / "voice.wav", RATE)[:round(1.2 * RATE)]
    with (folder / "manifest.jsonl").open("w") as sink:
        for emotion in ("joy", "sadness"):
            soundfile.write(folder / "audio" / f"{emotion}.wav", wav, RATE)
            row = {"id": emotion, "audio": f"audio/{emotion}.wav", "emotion": emotion, "strength": 2.0, "source": "1",
                   "speaker": "slt", "text": "One great drawback.", "split": "train", "seconds": 1.2}
            sink.write(json.dumps(row) + "\n")
    return folder


def test_the_recipe_films_speech_and_goes_on_where_it_stopped(speech: Path, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "drawn"
    monkeypatch.setattr(sys, "argv", ["drawn_films.py", str(speech), "--out", str(out), "--jobs", "1"])
    drawn_films.main()
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert {row["emotion"] for row in rows} == {"joy", "sadness"} and len({row["scene"] for row in rows}) == 1
    for row in rows:
        info, wav = probe(out / row["video"]), load_audio(out / row["video"], RATE)
        assert (info.width, info.height, info.fps) == (320, 180, 25.0)
        assert len(wav) == pytest.approx(info.duration * RATE, abs=1100)
        start, end = row["speech"]
        assert 0.2 <= start <= 0.9 and 0.2 <= info.duration - end <= 0.95 and 0.9 < end - start < 1.25
        loud = np.abs(wav[round((start + 0.1) * RATE):round(end * RATE)]).max()
        assert np.abs(wav[:round((start - 0.03) * RATE)]).max() < 0.02 * loud, "the sound starts where the row says"
    before = (out / "manifest.jsonl").read_bytes()
    drawn_films.main()
    assert (out / "manifest.jsonl").read_bytes() == before
