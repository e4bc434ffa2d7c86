"""What CAM++ would hear in a mel, without a vocoder, so that a gradient reaches the mel."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
import torchaudio
from torch import nn

from dubctl.assets import model_file
from dubctl.campplus import BANDS, FOLDER, MIN_FRAMES, Campplus
from dubctl.media.mel import RATE as MEL_RATE
from dubctl.speaker import RATE
from dubctl.synth.mel_bridge import STRIDE, BandBridge

BRIDGE = (FOLDER, "mel_bridge.safetensors")
POINTS = 512  # of Kaldi's Fourier transform
PREEMPHASIS = 0.97
GAIN = 0.35  # power of Kaldi's 400-sample window at 16 kHz over that of a 1024-sample one at 22.05 kHz, measured
LATE = 200 / RATE - 128 / MEL_RATE  # centre of the first frame behind the synthesizer's, seconds


class KaldiBridge(BandBridge):
    """80 log-mel bands at 86 frames/s -> Kaldi's 80 log filter banks at 100 frames/s, the input of CAM++. Trained by
    models/recipes/train_kaldi_bridge.py.

    Args:
        path: safetensors file of the correction; the shipped one if None, "" for none.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        super().__init__(_bands(), model_file(*BRIDGE) if path is None else path, late=LATE, limit=3.0, silence=1e-7,
                         width=192)

    def forward(self, mel: torch.Tensor, frames: int) -> torch.Tensor:
        """Natural-log mel (B, T, 80) -> natural-log bands (B, frames, 80)."""
        return self.log_bands(mel, frames)


def _bands() -> torch.Tensor:
    """(257, 80): Kaldi's triangles behind its pre-emphasis."""
    banks, _ = torchaudio.compliance.kaldi.get_mel_banks(BANDS, POINTS, RATE, 20.0, 0.0, 100.0, -500.0, 1.0)
    angle = torch.linspace(0, torch.pi, POINTS // 2 + 1)
    emphasis = 1 + PREEMPHASIS ** 2 - 2 * PREEMPHASIS * angle.cos()
    return F.pad(banks, (0, 1)).T * emphasis[:, None] * GAIN


class KaldiEar(nn.Module):
    """CAM++ of a whole mel."""

    def __init__(self, encoder: Campplus, bridge: KaldiBridge) -> None:
        super().__init__()
        self.encoder, self.bridge = encoder, bridge

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Natural-log mel (T, 80), T at least 2 -> unit vector (192,)."""
        return self.encoder(self.bridge(mel[None], heard_frames(len(mel))))[0]


def heard_frames(frames: int) -> int:
    """Of so many frames of the synthesizer's, how many CAM++ hears."""
    return max(MIN_FRAMES, int(frames / STRIDE - 1.5))
