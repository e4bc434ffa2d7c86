"""What the GE2E encoder would hear in a mel, without a vocoder, so that a gradient reaches the mel.

The encoder reads 40 power-mel bands at 16 kHz and 100 frames a second; `MelBridge` gives it those from the
synthesizer's 80 log-mel bands. In training it pulls voices to those that were asked for
(`dubctl.training.speaker_loss`).
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from dubctl.assets import model_file
from dubctl.media.mel import FRAMES_PER_SECOND, N_MELS, RATE, mel_basis
from dubctl.speaker import HOP, WINDOW, SpeakerEncoder, window_starts
from dubctl.speaker import RATE as GE2E_RATE
from dubctl.synth.aligner import MEL_SCALE, MEL_SHIFT

STRIDE = FRAMES_PER_SECOND * HOP / GE2E_RATE  # mel frames per frame of the encoder: 0.861
SILENCE = 1e-7  # power added to every band, far below speech


class BandBridge(nn.Module):
    """80 log-mel bands at 86 frames/s -> the log bands of another front end at 100 frames/s.

    Filter banks inverted and applied, then a learned correction per band and frame, which makes up for another length
    of the analysis window.

    Args:
        bands: (bins, B) from a 16-kHz power spectrum to the other front end's bands.
        path: safetensors file of the correction; "" for none (training the bridge).
        late: seconds by which the other front end's first frame is centred behind the synthesizer's.
        limit: of the correction, in nepers of power.
        silence: power added to every band, far below speech.
    """

    inverse: torch.Tensor
    spread: torch.Tensor
    bands: torch.Tensor

    def __init__(self, bands: torch.Tensor, path: Path | str, *, late: float = 0.0, limit: float = 1.5,
                 silence: float = 1e-7, width: int = 128) -> None:
        super().__init__()
        self.late, self.limit, self.silence = late, limit, silence
        self.narrow = nn.Conv1d(N_MELS, width, 5, padding=2)
        self.widen = nn.Conv1d(width, bands.shape[1], 5, padding=2)
        nn.init.zeros_(self.widen.weight)
        nn.init.zeros_(self.widen.bias)
        if path != "":
            self.load_state_dict({n: t.float() for n, t in load_file(path).items()})
        basis = mel_basis("cpu")
        self.register_buffer("inverse", torch.linalg.pinv(basis).T.contiguous(), persistent=False)
        self.register_buffer("spread", _bins(basis.shape[1], bands.shape[0]), persistent=False)
        self.register_buffer("bands", bands, persistent=False)

    def log_bands(self, mel: torch.Tensor, frames: int) -> torch.Tensor:
        """Natural-log mel (B, T, 80) -> natural-log power (B, frames, bands)."""
        at = torch.arange(frames, device=mel.device) * STRIDE + self.late * FRAMES_PER_SECOND
        at = at.clamp(0, mel.shape[1] - 1)
        low = at.floor().long().clamp(max=mel.shape[1] - 2)
        part = (at - low)[:, None]
        mel = mel[:, low] * (1 - part) + mel[:, low + 1] * part
        linear = (mel.exp() @ self.inverse).clamp(min=0) @ self.spread
        rough = (linear.square() @ self.bands + self.silence).log()
        fixed = F.gelu(self.narrow(((mel + MEL_SHIFT) / MEL_SCALE).transpose(1, 2)))
        return rough + self.limit * torch.tanh(self.widen(fixed).transpose(1, 2))


class MelBridge(BandBridge):
    """To 40 power-mel bands as the GE2E encoder computes them. Trained by models/recipes/train_mel_bridge.py.

    Args:
        bands: the encoder's (40, 201).
        path: safetensors file of the correction; the shipped one if None, "" for none.
    """

    def __init__(self, bands: torch.Tensor, path: Path | str | None = None) -> None:
        super().__init__(bands.T * GAIN, model_file(*BRIDGE) if path is None else path, silence=SILENCE)

    def forward(self, mel: torch.Tensor, frames: int) -> torch.Tensor:
        """Natural-log mel (B, T, 80) -> power (B, frames, 40); frame i lies at i x 0.861 mel frames."""
        return self.log_bands(mel, frames).exp()


BRIDGE = ("speaker-encoder", "mel_bridge.safetensors")
GAIN = 0.31  # power of a 400-sample Hann window at 16 kHz over that of a 1024-sample one at 22.05 kHz, measured


def _bins(have: int, want: int) -> torch.Tensor:
    """Linear interpolation (have, want) from the bins of 22.05 kHz, 1024 points, to as many of 16 kHz."""
    at = torch.linspace(0, GE2E_RATE / 2, want) / (RATE / 2 / (have - 1))
    low = at.floor().long().clamp(max=have - 2)
    weights = torch.zeros(have, want)
    weights[low, torch.arange(want)] = 1 - (at - low)
    weights[low + 1, torch.arange(want)] = at - low
    return weights


class MelEar(nn.Module):
    """GE2E of a whole mel, in windows as it hears a recording."""

    def __init__(self, encoder: SpeakerEncoder, bridge: MelBridge) -> None:
        super().__init__()
        self.encoder, self.bridge = encoder, bridge

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Natural-log mel (T, 80), T at least 2, on the CPU -> unit vector (256,)."""
        frames = max(1, int(len(mel) / STRIDE))
        starts, samples = window_starts(frames * HOP)
        power = self.bridge(mel[None], frames)[0]
        power = F.pad(power, (0, 0, 0, max(0, samples // HOP - frames)))
        heard = self.encoder(torch.stack([power[s:s + WINDOW] for s in starts]))
        return F.normalize(heard.mean(0), dim=0)
