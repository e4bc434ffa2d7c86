"""Extractors that keep the interfaces' promises in a few lines; importable by name from worker processes."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence

import numpy as np

from dubctl.emotion.base import EmotionSpace, FaceEmotion, LipTrack, Profile, SceneEmotion, TextEmotion
from dubctl.errors import InputError


def vector_of(text: str, dim: int) -> np.ndarray:
    """The unit vector that `text` always gets."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    value = np.random.default_rng(seed).standard_normal(dim).astype(np.float32)
    return value / np.linalg.norm(value)


def profile_of(text: str) -> np.ndarray:
    weights = np.abs(vector_of(text, 7))
    return weights / weights.sum()


class Scene:
    space = EmotionSpace("fake-text", "1", 8)

    def extract(self, frames: np.ndarray) -> SceneEmotion:
        time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
        light = float(frames.mean())
        caption = f"a scene of lightness {light:.0f}"
        return SceneEmotion(caption, vector_of(caption, 8), profile_of(caption), {"lightness": light})


class Face:
    """Sees a face where the picture is not nearly white."""

    space = EmotionSpace("fake-text", "1", 8)

    def extract(self, frames: np.ndarray) -> FaceEmotion:
        count, seen = len(frames), bool(frames.mean() < 200)
        lips = LipTrack(np.linspace(0, 0.3, count), np.full(count, 0.5), np.full(count, seen))
        if not seen:
            return FaceEmotion("no face is seen", None, None, lips, 0.0)
        caption = f"a face at {frames.mean():.0f}"
        return FaceEmotion(caption, vector_of(caption, 8), profile_of(caption), lips, 1.0)


class Text:
    space = EmotionSpace("fake-text", "1", 6)

    def extract(self, text: str) -> TextEmotion:
        return TextEmotion(f"hears {len(text)} letters", vector_of(text, 6), vector_of(text + "!", 6), profile_of(text))


class Audio:
    space = EmotionSpace("fake-audio", "1", 4)

    def measure(self, wav: np.ndarray, rate: int) -> np.ndarray:
        if float(np.abs(wav).max(initial=0)) < 1e-4:
            raise InputError("no speech: the sound is silent")
        crossings = float(np.mean(np.diff(np.sign(wav)) != 0)) * rate / 2
        return np.array([crossings, float(wav.std()), len(wav) / rate, 1.0], np.float32)

    def normalise(self, raw: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
        out = np.zeros_like(raw)
        for name in set(speakers):
            mine = np.array([speaker == name for speaker in speakers])
            out[mine] = raw[mine] - raw[mine].mean(axis=0)
        return out


def load_fake() -> Profile:
    return Profile("fake", Scene(), Face(), Text(), Audio())


def load_other() -> Profile:
    """The same extractors in another scene space."""
    scene = Scene()
    scene.space = EmotionSpace("fake-text", "2", 8)
    return Profile("other", scene, Face(), Text(), Audio())
