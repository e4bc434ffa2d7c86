"""Audio Emotion Extractor, lite: speaker-normalised functionals say how a clip was spoken, not who spoke.

The paper uses emotion2vec; these numbers need no network, and each has a meaning one can print. What a speaker always
sounds like is taken out: a clip counts by how it departs from the same speaker's other clips.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import soxr
from safetensors.numpy import load_file

from dubctl.assets import model_file
from dubctl.emotion.base import EmotionSpace
from dubctl.emotion.functionals import functionals
from dubctl.emotion.speechtracks import RATE, track
from dubctl.errors import DependencyError, InputError
from dubctl.files import sha256_file

MODEL = "audio-functionals"
SHORTEST_SECONDS = 0.1
SILENT_PEAK = 1e-4  # -80 dBFS
PRIOR_CLIPS = 4.0  # the population counts as this many further clips of a speaker
LIMIT = 4.0


class FunctionalsExtractor:
    """Speech -> functionals -> audio emotion vector.

    Attributes:
        space: name, revision (start of the SHA-256 of the population statistics) and dimension.
        names: what each number is, with its unit.

    Raises:
        DependencyError: the population statistics are missing or of another version.
    """

    names: tuple[str, ...]

    def __init__(self) -> None:
        path = model_file(MODEL, "population.safetensors")
        self.names = tuple(json.loads(model_file(MODEL, "names.json").read_text(encoding="utf-8")))
        population = load_file(str(path))
        if population["mean"].shape != (len(self.names),):
            raise DependencyError(f"{path}: not for these functionals", "reinstall dubctl")
        self._mean = population["mean"].astype(np.float64)
        self._total, self._within = (np.maximum(population[name].astype(np.float64), 1e-6)
                                     for name in ("std_total", "std_within"))
        self.space = EmotionSpace("dubctl/functionals", sha256_file(path)[:12], len(self.names))

    def measure(self, wav: np.ndarray, rate: int) -> np.ndarray:
        """Raw functionals (d,) float32 of mono speech (S,) at `rate` Hz.

        Raises:
            InputError: silence, under 0.1 s, not mono, or not finite.
            DependencyError: the stored functionals are not those this version measures.
        """
        found = measure_named(wav, rate)
        if tuple(found) != self.names:
            raise DependencyError("the audio functionals' weights are of another version", "reinstall dubctl")
        return np.array(list(found.values()), np.float32)

    def normalise(self, raw: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
        """Audio emotion vectors (N, d) float32 within -4..4.

        With n clips of a speaker, w = (n - 1) / (n - 1 + 4) weighs the speaker's own statistics against the stored
        population's: mean = w speaker + (1 - w) population, variance = w speaker's + (1 - w) population's. One clip
        alone (w = 0) is measured against the population, differences between people included. A speaker's variance
        is never taken below a quarter of the usual variance within a speaker: clips all alike are not "extreme".

        Raises:
            InputError: `raw` is not (N, d) with one speaker per row.
        """
        raw = np.asarray(raw, np.float64)
        if raw.ndim != 2 or raw.shape != (len(speakers), len(self.names)):
            raise InputError(f"expected functionals ({len(speakers)}, {len(self.names)}), got {raw.shape}")
        out = np.zeros_like(raw)
        owner = np.array(list(speakers), dtype=object)
        for speaker in set(speakers):
            mine = owner == speaker
            own, count = raw[mine], int(mine.sum())
            weight = (count - 1) / (count - 1 + PRIOR_CLIPS)
            mean = weight * own.mean(0) + (1 - weight) * self._mean
            spread = np.maximum(own.var(0), 0.25 * self._within**2)
            std = np.sqrt(weight * spread + (1 - weight) * self._total**2)
            out[mine] = np.clip((own - mean) / std, -LIMIT, LIMIT)
        return out.astype(np.float32)


def measure_named(wav: np.ndarray, rate: int) -> dict[str, float]:
    """Functionals by name of mono speech (S,) at `rate` Hz. Errors as in `FunctionalsExtractor.measure`."""
    return functionals(track(audible(wav, rate)))


def audible(wav: np.ndarray, rate: int) -> np.ndarray:
    """Mono speech (S,) at `rate` Hz as float32 at 16 kHz, fit to hear an emotion in.

    Raises:
        InputError: silence, under 0.1 s, not mono, or not finite.
    """
    wav = np.asarray(wav, np.float32)
    if wav.ndim != 1:
        raise InputError(f"expected mono audio, got shape {wav.shape}")
    if len(wav) < SHORTEST_SECONDS * rate:
        raise InputError(f"audio too short to hear an emotion: {len(wav) / rate:.3f} s",
                         "give at least 0.1 s of speech")
    if not np.isfinite(wav).all():
        raise InputError("audio has values that are not numbers")
    if np.abs(wav).max() < SILENT_PEAK:
        raise InputError("audio is silent", "check that the clip has its sound track")
    if rate != RATE:
        wav = soxr.resample(wav, rate, RATE).astype(np.float32)
    return wav
