"""Whether a recording can name a voice: what of it is speech, how noisy and how clipped it is, and what to say of it.

Levels are of 10-ms frames in dB full scale. Audio is mono at 22,050 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dubctl.errors import InputError
from dubctl.media.mel import RATE
from dubctl.media.silence import speech_span

HOP = RATE // 100
SHORTEST = 0.6  # seconds of speech: below it neither GE2E nor mean F0 names a voice
SHORT, LONGEST = 1.0, 30.0  # seconds: below the voice is a guess; beyond nothing is gained
NOISY_DB, BURIED_DB = 20.0, 4.0  # speech over noise: warned of; nothing can be told from the noise
CLIPPED, RUINED = 0.025, 0.25  # share of samples near the peak: warned of; refused
SILENT_DBFS = -80.0
PAD = int(0.04 * RATE)
OVER_NOISE = 6.0  # dB a frame must stand out from the noise to count as speech at the ends
MOST_DB = 60.0  # a cleaner recording than this is as good


@dataclass(frozen=True)
class PromptQuality:
    """seconds: of sound after trimming; speech_seconds: of frames that stand out; snr_db: speech (90th percentile)
    over the quiet frames (5th), at most 60; clipped: share of samples near the peak; cut_seconds: taken off the ends
    or past the longest that is used."""

    seconds: float
    speech_seconds: float
    snr_db: float
    clipped: float
    cut_seconds: float

    def warnings(self) -> list[str]:
        """One line for each thing that makes the voice less sure."""
        found = []
        if self.speech_seconds < SHORT:
            found.append(f"the prompt holds {self.speech_seconds:.1f} s of speech: the voice is a guess, "
                         "3 to 10 s work best")
        if self.snr_db < NOISY_DB:
            found.append(f"the prompt is noisy (speech {self.snr_db:.0f} dB over the rest): noise goes into the voice")
        if self.clipped > CLIPPED:
            found.append(f"the prompt is clipped ({100 * self.clipped:.0f} % of it at its peak): record it softer")
        return found

    def as_dict(self) -> dict[str, float]:
        """For the report, rounded."""
        return {"seconds": round(self.seconds, 3), "speech_seconds": round(self.speech_seconds, 2),
                "snr_db": round(self.snr_db, 1), "clipped_share": round(self.clipped, 4),
                "cut_seconds": round(self.cut_seconds, 3)}


def prepare(wav: np.ndarray) -> tuple[np.ndarray, PromptQuality]:
    """The part of a recording (S,) that is used, and its quality: offset taken out, ends without speech cut, at most
    30 s.

    Raises:
        InputError: not finite, silent, too short, or clipped beyond use.
    """
    if not np.isfinite(wav).all():
        raise InputError("the voice prompt holds samples that are not finite", "export the audio again")
    offset = float(wav.mean()) if len(wav) else 0.0
    if abs(offset) > 0.002:
        wav = wav - np.float32(offset)
    level = levels(wav)
    if len(level) == 0 or level.max() < SILENT_DBFS:
        raise InputError("the voice prompt is silent", "record a few seconds of the voice, close to the microphone")
    quiet, loud = np.percentile(level, (5, 90))
    first, last = _span(wav, level, float(quiet), float(loud))
    used = wav[first: min(last, first + int(LONGEST * RATE))]
    if len(used) < SHORTEST * RATE:
        raise InputError(f"the voice prompt holds {len(used) / RATE:.2f} s of speech; at least {SHORTEST} s are needed",
                         "3 to 10 seconds work best")
    clipped = clipped_share(used)
    if clipped > RUINED:
        raise InputError(f"the voice prompt is clipped beyond use: {100 * clipped:.0f} % of it lies at its peak",
                         "record it again, softer")
    speaks = levels(used) > max(float(loud) - 30.0, min(float(quiet) + OVER_NOISE, float(loud)))
    return used, PromptQuality(len(used) / RATE, float(speaks.sum()) / 100, min(float(loud - quiet), MOST_DB), clipped,
                               (len(wav) - len(used)) / RATE)


def refuse_noise(quality: PromptQuality, voiced: bool) -> None:
    """A steady sound without pitch holds no voice.

    Raises:
        InputError: so it is.
    """
    if not voiced and quality.snr_db < BURIED_DB:
        raise InputError(f"no voice can be told from the noise in the voice prompt (it varies by {quality.snr_db:.1f} "
                         "dB and has no pitch)", "record the voice closer to the microphone, in a quiet room")


def levels(wav: np.ndarray) -> np.ndarray:
    """Level (F,) of whole 10-ms frames."""
    whole = wav[: len(wav) // HOP * HOP].astype(np.float64).reshape(-1, HOP)
    return 10 * np.log10((whole**2).mean(1) + 1e-12)


def clipped_share(wav: np.ndarray) -> float:
    """Share of samples over 90 % of the 99th percentile of |sample|: 1 to 2 % in speech, more where peaks were cut off
    (also when the recording was resampled since, so that they are no longer flat and ring a little)."""
    size = np.abs(wav)
    return float((size >= 0.9 * np.percentile(size, 99)).mean())


def _span(wav: np.ndarray, level: np.ndarray, quiet: float, loud: float) -> tuple[int, int]:
    """As `speech_span`; where the noise is louder than its threshold, what stands out from the noise."""
    first, last = speech_span(wav)
    if loud - quiet < OVER_NOISE + 4:  # nothing stands out clearly enough to cut by
        return first, last
    heard = np.flatnonzero(np.convolve(level > quiet + OVER_NOISE, np.ones(3), "same") >= 2)
    if not len(heard) or quiet < level.max() - 38:
        return first, last
    return max(first, int(heard[0]) * HOP - PAD), min(last, (int(heard[-1]) + 1) * HOP + PAD)
