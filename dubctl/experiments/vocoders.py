"""The vocoder that an experiment's rows speak through, and the recordings themselves through it (copy synthesis)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dubctl.errors import DependencyError
from dubctl.files import sha256_file
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.synth.vocoder import HifiGan, Vocoder


@dataclass(frozen=True)
class Speaker:
    """A vocoder with the mel that it reads: `mel` measures (S,) at `rate` Hz into (T, bands). digest: of its weights,
    "" for the shipped one. unfit: why no voice can speak through it, "" where voices can."""

    vocoder: Vocoder
    mel: Callable[[np.ndarray], np.ndarray]
    rate: int
    digest: str = ""
    unfit: str = ""

    def for_voices(self) -> Vocoder:
        """The vocoder, for the 80-band mel that voices make.

        Raises:
            DependencyError: it reads another mel.
        """
        if self.unfit:
            raise DependencyError(self.unfit, "[paper] vocoder = 'bigvgan-22k', or 'lite'; a row of kind 'resynthesis' "
                                  "can use this one")
        return self.vocoder

    def copy(self, recording: Path) -> np.ndarray:
        """A recording as it sounds after mel and vocoder: the best that any voice could do. (S,) at `rate` Hz."""
        wav = load_audio(recording, self.rate)
        made = self.vocoder(self.mel(wav))
        return np.pad(made, (0, max(0, len(wav) - len(made))))[: len(wav)]


@functools.lru_cache(maxsize=2)  # the rows of a table share it
def load_speaker(name: str, device: str) -> Speaker:
    """HiFi-GAN for "" and "lite", else the BigVGAN of that name.

    Raises:
        DependencyError: weights missing or of another network.
    """
    if name in ("", "lite"):
        return Speaker(HifiGan(), lambda wav: mel_spectrogram(torch.from_numpy(wav)).numpy(), RATE)
    from dubctl.synth.bigvgan import BigVgan

    found = BigVgan(name, device)
    c = found.config
    unfit = "" if found.fits_voices() else (
        f"the vocoder {name} reads {c.num_mels} bands at {c.sampling_rate} Hz; voices make 80 at {RATE} Hz")
    return Speaker(found, found.mel, c.sampling_rate, sha256_file(found.path), unfit)
