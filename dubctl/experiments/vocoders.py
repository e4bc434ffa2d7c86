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
from dubctl.synth.vocoder import DEFAULT, SHIPPED, ShippedVocoder, Vocoder


@dataclass(frozen=True)
class Speaker:
    """A vocoder with the mel that it reads: `mel` measures (S,) at `rate` Hz into (T, bands). digest: of its weights.
    unfit: why no voice can speak through it, "" where voices can."""

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
    """A shipped vocoder ("" the default one), else the BigVGAN of that name.

    Raises:
        DependencyError: weights missing or of another network.
    """
    if not name or name in SHIPPED:
        shipped = ShippedVocoder(name or DEFAULT)
        return Speaker(shipped, lambda wav: mel_spectrogram(torch.from_numpy(wav)).numpy(), RATE,
                       sha256_file(shipped.weights))
    from dubctl.synth.bigvgan import BigVgan

    found = BigVgan(name, device)
    return Speaker(found, found.mel, found.config.sampling_rate, sha256_file(found.path), found.misfit())
