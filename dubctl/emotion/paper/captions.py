"""Captions of clips: asked of a video LLM in batches, kept on disk by what was shown and asked."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dubctl.emotion.paper.prompts import Prompts
from dubctl.emotion.paper.video_llm import VideoLLM
from dubctl.files import content_key, write_json

FPS = 25.0
SILENT = "nothing was said of it"  # an empty answer still has to be read by RTER


@dataclass(frozen=True)
class Question:
    """Frames (n, H, W, 3) uint8 RGB, what is asked about them, and how many of them make a second."""

    frames: np.ndarray
    instruction: str
    rate: float = FPS


class Captioner:
    """Questions -> captions.

    Args:
        model: the video LLM. prompts: what it is asked.
        cache: folder of the kept captions. batch: questions at a time.
    """

    def __init__(self, model: VideoLLM, prompts: Prompts, cache: Path, batch: int) -> None:
        self._model, self.prompts, self._cache, self.batch = model, prompts, cache, batch
        self.revision = content_key([model.revision, prompts.digest])[:12]

    def captions(self, questions: Sequence[Question]) -> list[str]:
        """One caption for each question, from the cache where it was asked before."""
        keys = [self._key(question) for question in questions]
        known = {key: text for key in keys if (text := self._read(key)) is not None}
        todo = {key: question for key, question in zip(keys, questions, strict=True) if key not in known}
        for part in _parts(list(todo.items()), self.batch):
            answers = self._model.answer([q.frames for _, q in part], [q.instruction for _, q in part],
                                         [q.rate for _, q in part])
            for (key, question), answer in zip(part, answers, strict=True):
                known[key] = answer or SILENT
                write_json(self._path(key), {"caption": known[key], "model": self._model.revision,
                                             "instruction": question.instruction})
        return [known[key] for key in keys]

    def _key(self, question: Question) -> str:
        frames = np.ascontiguousarray(question.frames)
        return content_key([self._model.revision, question.instruction, list(frames.shape), round(question.rate, 6),
                            hashlib.sha256(frames.tobytes()).hexdigest()])

    def _path(self, key: str) -> Path:
        return self._cache / key[:2] / f"{key}.json"

    def _read(self, key: str) -> str | None:
        try:
            return str(json.loads(self._path(key).read_text(encoding="utf-8"))["caption"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not there, or damaged: it is asked again


def caption_cache() -> Path:
    """Where captions are kept unless the settings say otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "dubctl" / "captions"


def sample(frames: np.ndarray, count: int) -> np.ndarray:
    """`count` frames evenly from (N, H, W, 3), all of them where there are fewer."""
    if len(frames) <= count:
        return frames
    return frames[np.round(np.linspace(0, len(frames) - 1, count)).astype(int)]


def _parts(items: list, size: int) -> list[list]:
    return [items[begin:begin + size] for begin in range(0, len(items), size)]
