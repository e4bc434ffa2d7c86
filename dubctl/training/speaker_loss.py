"""Speaker consistency: what GE2E, and CAM++, hear in the made mel is pulled to the voice that was asked for.

The gradient reaches the mel without a vocoder (`dubctl.synth.mel_bridge`; YourTTS's speaker consistency loss, Casanova
et al. 2022, is taken behind the vocoder). The encoder that scores `secs` is thereby in the loss: read `secs` together
with the nearest-voice share, WER and DNSMOS, and with an encoder that is not (benchmarks/second_ear.py).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from dubctl.campplus import Campplus
from dubctl.media.mel import FLOOR
from dubctl.speaker import WINDOW, SpeakerEncoder
from dubctl.synth.kaldi_bridge import KaldiBridge, heard_frames
from dubctl.synth.mel_bridge import STRIDE, MelBridge

HEARD = 230  # mel frames that CAM++ hears of a line
CROP = int((WINDOW - 1) * STRIDE) + 2  # mel frames that one 1.6-s window needs: 138
SHARPNESS = 10.0  # of the contrast between the voices of a batch; GE2E's own learned scale is of this size


class SpeakerLoss(nn.Module):
    """GE2E on one random 1.6-s window of each made mel, and CAM++ on 2.7 s of it. Nothing in it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = SpeakerEncoder()
        self.bridge = MelBridge(self.encoder.basis)
        self.second_encoder, self.second_bridge = Campplus(), KaldiBridge()
        self.requires_grad_(False)
        self.encoder.train()  # cuDNN has no backward pass of an LSTM that was told to evaluate; nothing in it differs

    def heard(self, mel: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        """Unit vectors (B, 256) of mels (B, T, 80) with `frames` (B,) real frames each."""
        crop = _piece(mel, frames, CROP)
        with torch.autocast(mel.device.type, enabled=False):  # powers, and voices, differ by less than bfloat16 does
            return self.encoder(self.bridge(crop, WINDOW))

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

    def second(self, mel: torch.Tensor, frames: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        """1 - cosine of what CAM++ hears in a random piece of the mels, as long for all, to the asked vectors
        (B, 192)."""
        length = max(2, min(HEARD, int(frames.min())))
        heard = self.second_encoder(self.second_bridge(_piece(mel, frames, length), heard_frames(length)))
        filled = (frames / CROP).clamp(max=1)  # little of a voice is heard in a word
        return (filled * (1 - (heard.float() * asked.float()).sum(1))).mean()


def _piece(mel: torch.Tensor, frames: torch.Tensor, length: int) -> torch.Tensor:
    """A random piece (B, length, 80) of mels (B, T, 80) with `frames` (B,) real frames each; silence behind what is
    shorter."""
    room = (frames - length).clamp(min=0)
    start = (torch.rand(len(mel), device=mel.device) * (room + 1)).long()
    place = start[:, None] + torch.arange(length, device=mel.device)
    piece = mel.gather(1, place.clamp(max=mel.shape[1] - 1)[..., None].expand(-1, -1, mel.shape[2])).float()
    return torch.where((place < frames[:, None])[..., None], piece, torch.full_like(piece, FLOOR).log())
