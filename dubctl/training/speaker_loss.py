"""Speaker consistency: what the GE2E encoder itself hears in the made mel is pulled to the voice that was asked for.

The encoder reads 40 power-mel bands at 16 kHz and 100 frames a second; `MelBridge` gives it those from the
synthesizer's 80 log-mel bands, so that the gradient reaches the mel without a vocoder (YourTTS's speaker consistency
loss, Casanova et al. 2022, there taken behind the vocoder). The encoder that scores `secs` is thereby in the loss:
read `secs` together with the nearest-voice share, WER and DNSMOS.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from dubctl.assets import model_file
from dubctl.media.mel import FLOOR, FRAMES_PER_SECOND, N_MELS, RATE, mel_basis
from dubctl.speaker import HOP, WINDOW, SpeakerEncoder
from dubctl.speaker import RATE as GE2E_RATE
from dubctl.synth.aligner import MEL_SCALE, MEL_SHIFT

STRIDE = FRAMES_PER_SECOND * HOP / GE2E_RATE  # mel frames per frame of the encoder: 0.861
CROP = int((WINDOW - 1) * STRIDE) + 2  # mel frames that one 1.6-s window needs: 138
SHARPNESS = 10.0  # of the contrast between the voices of a batch; GE2E's own learned scale is of this size
SILENCE = 1e-7  # power added to every band, far below speech


class MelBridge(nn.Module):
    """80 log-mel bands at 86 frames/s -> 40 power-mel bands at 100 frames/s, as the GE2E encoder computes them.

    Filter banks inverted and applied, then a learned correction per band and frame (at most a factor e**1.5), which
    makes up for the longer analysis window. Trained by models/recipes/train_mel_bridge.py on real recordings.

    Args:
        path: safetensors file of the correction; the shipped one if None, "" for none (training the bridge).
    """

    inverse: torch.Tensor
    spread: torch.Tensor
    bands: torch.Tensor

    def __init__(self, bands: torch.Tensor, path: Path | str | None = None, width: int = 128) -> None:
        super().__init__()
        self.narrow = nn.Conv1d(N_MELS, width, 5, padding=2)
        self.widen = nn.Conv1d(width, bands.shape[0], 5, padding=2)
        nn.init.zeros_(self.widen.weight)
        nn.init.zeros_(self.widen.bias)
        if path != "":
            self.load_state_dict({n: t.float() for n, t in load_file(path or model_file(*BRIDGE)).items()})
        basis = mel_basis("cpu")
        self.register_buffer("inverse", torch.linalg.pinv(basis).T.contiguous(), persistent=False)
        self.register_buffer("spread", _bins(basis.shape[1], bands.shape[1]), persistent=False)
        self.register_buffer("bands", bands.T * GAIN, persistent=False)

    def forward(self, mel: torch.Tensor, frames: int) -> torch.Tensor:
        """Natural-log mel (B, T, 80) -> power (B, frames, 40); frame i lies at i x 0.861 mel frames."""
        at = (torch.arange(frames, device=mel.device) * STRIDE).clamp(max=mel.shape[1] - 1)
        low = at.floor().long().clamp(max=mel.shape[1] - 2)
        part = (at - low)[:, None]
        mel = mel[:, low] * (1 - part) + mel[:, low + 1] * part
        linear = (mel.exp() @ self.inverse).clamp(min=0) @ self.spread
        rough = (linear.square() @ self.bands + SILENCE).log()
        fixed = F.gelu(self.narrow(((mel + MEL_SHIFT) / MEL_SCALE).transpose(1, 2)))
        return (rough + 1.5 * torch.tanh(self.widen(fixed).transpose(1, 2))).exp()


BRIDGE = ("speaker-encoder", "mel_bridge.safetensors")
GAIN = 0.31  # power of a 400-sample Hann window at 16 kHz over that of a 1024-sample one at 22.05 kHz, measured


def _bins(have: int, want: int) -> torch.Tensor:
    """Linear interpolation (have, want) from the bins of 22.05 kHz, 1024 points, to those of 16 kHz, 400 points."""
    at = torch.linspace(0, GE2E_RATE / 2, want) / (RATE / 2 / (have - 1))
    low = at.floor().long().clamp(max=have - 2)
    weights = torch.zeros(have, want)
    weights[low, torch.arange(want)] = 1 - (at - low)
    weights[low + 1, torch.arange(want)] = at - low
    return weights


class SpeakerLoss(nn.Module):
    """GE2E on one random 1.6-s window of each made mel. Nothing in it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = SpeakerEncoder()
        self.bridge = MelBridge(self.encoder.basis)
        self.requires_grad_(False)
        self.encoder.train()  # cuDNN has no backward pass of an LSTM that was told to evaluate; nothing in it differs

    def heard(self, mel: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        """Unit vectors (B, 256) of mels (B, T, 80) with `frames` (B,) real frames each."""
        room = (frames - CROP).clamp(min=0)
        start = (torch.rand(len(mel), device=mel.device) * (room + 1)).long()
        place = start[:, None] + torch.arange(CROP, device=mel.device)
        inside = place < frames[:, None]
        crop = mel.gather(1, place.clamp(max=mel.shape[1] - 1)[..., None].expand(-1, -1, mel.shape[2]))
        crop = torch.where(inside[..., None], crop, torch.full_like(crop, FLOOR).log())
        with torch.autocast(mel.device.type, enabled=False):  # powers, and voices, differ by less than bfloat16 does
            return self.encoder(self.bridge(crop.float(), WINDOW))

    def forward(self, mel: torch.Tensor, frames: torch.Tensor, asked: torch.Tensor,
                speakers: list[str]) -> dict[str, torch.Tensor]:
        """`speaker`: 1 - cosine to the asked voice (B, 256). `contrast`: cross-entropy of picking the asked voice
        among those of the batch (voices of the same speaker do not compete). Both are means in which a mel that does
        not fill GE2E's window counts by the share it fills: little of a voice is heard in a word, which would be bent
        for it."""
        heard = self.heard(mel, frames)
        with torch.autocast(mel.device.type, enabled=False):
            cosines = heard @ asked.float().T
        same = torch.tensor([[a == b for b in speakers] for a in speakers], device=mel.device)
        rivals = same & ~torch.eye(len(speakers), dtype=torch.bool, device=mel.device)
        logits = (SHARPNESS * cosines).masked_fill(rivals, float("-inf"))
        filled = (frames / CROP).clamp(max=1)
        right = torch.arange(len(speakers), device=mel.device)
        return {"speaker": (filled * (1 - cosines.diagonal())).mean(),
                "contrast": (filled * F.cross_entropy(logits, right, reduction="none")).mean()}
