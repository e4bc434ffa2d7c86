"""Filming: a scene's lines become clips with sound, and rows of a manifest."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drawn.design import FaceDesign, design_of
from drawn.expression import expression_of
from drawn.looks import look_of
from drawn.mouth import FPS, MouthReader
from drawn.plan import Line
from drawn.stage import SIZE, Performance, Stage
from dubctl.emotion.base import EMOTIONS
from dubctl.errors import DependencyError
from dubctl.files import atomic_path
from dubctl.media.audio import RATE, load_audio, save_wav
from dubctl.media.ffmpeg import media_url, reason, run
from dubctl.media.silence import speech_span
from dubctl.synth.symbols import Tokens, tokenise

SILENCE = (0.2, 0.8)  # seconds before and after the sound
SAMPLES = round(RATE / FPS)  # of sound in a picture
LIVELY = {"anger": 1.4, "disgust": 0.8, "fear": 1.2, "joy": 1.3, "neutral": 0.7, "sadness": 0.5, "surprise": 1.2}


@dataclass(frozen=True)
class Shot:
    """A line to film. audio: its recording; words: the emotion that its text conveys."""

    line: Line
    audio: Path
    words: str


@dataclass(frozen=True)
class Take:
    """A filmed line: frames (N, H, W, 3) uint8 at 25 fps, sound (N * 882,) float32 at 22,050 Hz, and where in it the
    sound is heard, in seconds."""

    frames: np.ndarray
    wav: np.ndarray
    speech: tuple[float, float]


def words_of(texts: Sequence[str]) -> dict[str, str]:
    """The strongest emotion of each text by the shipped text-emotion encoder."""
    from dubctl.emotion.rter import LiteTextEmotionEncoder

    shares = LiteTextEmotionEncoder().classify(texts)
    return {text: EMOTIONS[int(best)] for text, best in zip(texts, shares.argmax(1), strict=True)}


def shoot(shots: Sequence[Shot], out: Path, crf: int = 23) -> list[dict[str, Any]]:
    """Film the lines of one scene into OUT/video; their manifest rows are returned."""
    scene = shots[0].line.scene
    stage = Stage(scene.place, look_of(scene.shows, np.random.default_rng(scene.seed)), scene.distance, scene.seed)
    stage.rehearse(_design(shots[0].line))
    rows = []
    for shot in shots:
        take = perform(stage, shot)
        row = _row(shot, take)
        save_clip(out / row["video"], take, crf)
        rows.append(row)
    return rows


def perform(stage: Stage, shot: Shot) -> Take:
    """Film one line.

    Raises:
        ValueError: the recording is too short for its phonemes.
    """
    line, rng = shot.line, np.random.default_rng(shot.line.seed)
    wav, tokens = load_audio(shot.audio, RATE), _tokens(line.row)
    first, last = speech_span(wav)
    wav = wav[first:last]
    before, after = rng.uniform(*SILENCE, 2)
    count = int(np.ceil((before + len(wav) / RATE + after) * FPS))
    lead = round(before * RATE)
    sound = np.zeros(count * SAMPLES, np.float32)
    sound[lead:lead + len(wav)] = wav[:len(sound) - lead]
    mouth = _reader().read(wav, tokens, before, count)
    expression = expression_of(line.shows, line.shows_strength)
    frames = stage.clip(_design(line), Performance(mouth, expression, LIVELY[line.shows], line.seed))
    start, end = speech_span(sound, keep=0.0)
    return Take(frames, sound, (start / RATE, end / RATE))


def save_clip(path: Path, take: Take, crf: int) -> None:
    """Write an mp4: H.264 and AAC, the same bytes for the same take and ffmpeg.

    Raises:
        DependencyError: ffmpeg is missing or cannot encode H.264.
    """
    with atomic_path(path) as part, tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        save_wav(sound, take.wav)
        _, err, code = run([
            "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE[0]}x{SIZE[1]}", "-r", f"{FPS:g}",
            "-i", "pipe:0", "-i", media_url(sound), "-c:v", "libx264", "-threads", "1", "-crf", str(crf), "-preset",
            "medium", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart", "-fflags",
            "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-y", media_url(part)],
            stdin=take.frames.tobytes())
        if code:
            raise DependencyError(f"cannot write {path}: {reason(err)}")


def _row(shot: Shot, take: Take) -> dict[str, Any]:
    line, scene = shot.line, shot.line.scene
    name = f"{scene.id}_{line.row['id']}"
    row = {"id": name, "video": f"video/{name}.mp4", "text": line.row["text"], "speaker": line.row["speaker"],
           "emotion": line.row["emotion"], "strength": line.row.get("strength", 1.0), "film": scene.film,
           "scene": scene.id, "split": line.row.get("split", ""), "mood": scene.mood, "picture": scene.shows,
           "face": line.shows, "face_strength": line.shows_strength, "words": shot.words, "place": scene.place,
           "speech": [round(second, 3) for second in take.speech], "source": line.row.get("source", line.row["id"])}
    return {**row, "role": line.role} if line.role else row


def _tokens(row: dict[str, Any]) -> Tokens:
    if row.get("phonemes"):
        return tokenise(row["phonemes"])
    from dubctl.synth.frontend import tokens_of

    return tokens_of(row["text"])


def _design(line: Line) -> FaceDesign:
    return design_of(line.row["speaker"], line.row.get("gender", ""))


@functools.cache
def _reader() -> MouthReader:
    return MouthReader()
