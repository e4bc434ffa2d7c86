"""Plain speech of the speakers of acted clips, beside which a clip is heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dubctl.emotion.base import EMOTIONS
from dubctl.errors import InputError
from dubctl.ser.data import Clip
from dubctl.ser.features import plain_voice


class PlainSpeech:
    """Neutral clips of every speaker, of which those that are not the clip itself say what its voice is like.

    Raises:
        InputError: a speaker has not two of them.
    """

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.of: dict[str, list[Clip]] = {clip.speaker: [] for clip in clips}
        for clip in clips:
            if clip.label == EMOTIONS.index("neutral"):
                self.of[clip.speaker].append(clip)
        few = sorted(speaker for speaker, found in self.of.items() if len(found) < 2)
        if few:
            raise InputError(f"fewer than two neutral clips of {', '.join(few[:3])}",
                             "leave the speaker out, or set train.beside_plain = false")

    def beside(self, clip: Clip, rng: np.random.Generator, most: int = 1) -> list[np.ndarray]:
        """What is heard in 1 to `most` other neutral recordings of the clip's speaker."""
        others = [other for other in self.of[clip.speaker] if other is not clip]
        count = min(int(rng.integers(1, most + 1)), len(others))
        return [others[i].heard[0] for i in rng.choice(len(others), count, replace=False)]

    def judging(self, clips: Sequence[Clip]) -> list[np.ndarray]:
        """`plain_voice` of one other recording for each clip, the same every time."""
        rng = np.random.default_rng(1)
        return [plain_voice(self.beside(clip, rng)) for clip in clips]
