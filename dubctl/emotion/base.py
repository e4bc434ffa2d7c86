"""The emotion interfaces: what an emotion vector is, and what each of the four extractors promises.

Shapes: N clips or frames, H x W pixels, d the dimension of a space. Vectors are float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")  # order of every 7-class profile


@dataclass(frozen=True)
class EmotionSpace:
    """Which model made a vector. Two vectors compare only if their spaces are equal."""

    name: str
    revision: str
    dim: int

    def __str__(self) -> str:
        return f"{self.name}@{self.revision} ({self.dim}-d)"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class SceneEmotion:
    """Scene Emotion Extractor's result: caption, vector (d,), measured statistics, 7-class profile (7,)."""

    caption: str
    vector: np.ndarray
    profile: np.ndarray
    stats: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LipTrack:
    """Mouth motion on the 25-fps clock of the clip, one value per video frame (N,).

    opening: |13-14| / |33-263| (inner lips over the outer eye distance, 0 = closed); width: |61-291| / |33-263|;
    visible: False where no face was confirmed (the other values are then interpolated).
    """

    opening: np.ndarray
    width: np.ndarray
    visible: np.ndarray
    fps: float = 25.0


@dataclass(frozen=True)
class FaceEmotion:
    """Face Emotion Extractor's result. `vector` is None where no face was seen; `caption` then says so."""

    caption: str
    vector: np.ndarray | None
    profile: np.ndarray | None
    lips: LipTrack
    coverage: float  # share of frames with a confirmed face, 0..1
    stats: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TextEmotion:
    """Text Emotion Extractor's result: T_self (d,), the generated reaction, T_react (d,), profile of the text (7,)."""

    reaction: str
    self_vector: np.ndarray
    react_vector: np.ndarray
    profile: np.ndarray


class TextEmotionEncoder(Protocol):
    """RTER: text -> emotion vector (paper, "Scene Emotion Extractor")."""

    space: EmotionSpace

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (N, d)."""
        ...

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities (N, 7) in the order of `EMOTIONS`."""
        ...


class ReactionGenerator(Protocol):
    """COMET's contract: what one feels or does on hearing the line, in a few words."""

    def react(self, texts: Sequence[str]) -> list[str]: ...


class SceneExtractor(Protocol):
    """Frames (N, H, W, 3) uint8 RGB at 25 fps -> scene caption -> emotion vector."""

    space: EmotionSpace

    def extract(self, frames: np.ndarray) -> SceneEmotion: ...


class FaceExtractor(Protocol):
    """Frames (N, H, W, 3) uint8 RGB at 25 fps -> face caption -> emotion vector, and the lip track."""

    space: EmotionSpace

    def extract(self, frames: np.ndarray) -> FaceEmotion: ...


class TextExtractor(Protocol):
    """A script line -> T_self and T_react."""

    space: EmotionSpace

    def extract(self, text: str) -> TextEmotion: ...


class AudioExtractor(Protocol):
    """Speech -> raw functionals of one clip; normalised against the speaker's own clips -> audio emotion vector."""

    space: EmotionSpace

    def measure(self, wav: np.ndarray, rate: int) -> np.ndarray:
        """Raw functionals (d,) of mono speech (S,) at `rate` Hz. Raises InputError for silence."""
        ...

    def normalise(self, raw: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
        """Audio emotion vectors (N, d) from raw functionals (N, d) and the speaker of each row."""
        ...


class Ahead(Protocol):
    """Work that is quick only for many clips at once: its results are waiting when the extractors ask for them."""

    clips: int  # at a time

    def look(self, clips: Sequence[np.ndarray]) -> None:
        """Frames (N, H, W, 3) uint8 RGB at 25 fps of each of the next clips."""
        ...


@dataclass(frozen=True)
class Profile:
    """A composition of extractors: "lite" or "paper". `load_profile` in `dubctl.emotion.profiles` builds it."""

    name: str
    scene: SceneExtractor
    face: FaceExtractor
    text: TextExtractor
    audio: AudioExtractor
    ahead: Ahead | None = None  # what reads many clips at once before the extractors read each
    alone: bool = False  # too large to be there once for each of several processes

    def spaces(self) -> dict[str, EmotionSpace]:
        """Space of each modality: scene, face, text, audio."""
        return {"scene": self.scene.space, "face": self.face.space, "text": self.text.space,
                "audio": self.audio.space}
