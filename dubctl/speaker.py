"""GE2E speaker encoder (Wan et al. 2018; Resemblyzer's weights): speech -> a unit vector that names the voice.

The same vector conditions the synthesizer and scores `secs`. Both sides of a comparison go through `embed`, so both
are resampled, cut and levelled alike. See models/speaker-encoder/MODEL_CARD.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from dubctl.assets import model_file
from dubctl.errors import InputError
from dubctl.unfilled import unfilled

RATE = 16000  # Hz
HOP = 160  # samples: 10 ms
WINDOW = 160  # frames in one window: 1.6 s
DIM = 256
MIN_SPEECH = 0.3  # seconds of speech, pauses cut; below this the vector says more about the vowel than the voice
LEVEL_DBFS = -30.0
WINDOWS_AT_ONCE = 64  # bounds memory on long recordings

_VAD_FRAME = 480  # samples: 30 ms
_VAD_RANGE_DB = 35.0  # a frame this far below the loud ones is a pause
_VAD_KEEP = 5  # frames kept on either side of speech: pauses under 0.3 s stay


class SpeakerEncoder(nn.Module):
    """LSTM 40 -> 256 (3 layers), linear, ReLU, L2 norm over windows of 1.6 s.

    Args:
        path: safetensors file; the shipped one if None.

    Raises:
        DependencyError: the shipped weights are missing.
        InputError: `path` is not a file of these weights.
    """

    basis: torch.Tensor  # (40, 201) mel filters

    def __init__(self, path: Path | str | None = None) -> None:
        super().__init__()
        with unfilled():
            self.lstm = nn.LSTM(40, DIM, 3, batch_first=True)
            self.linear = nn.Linear(DIM, DIM)
        source = Path(path) if path else model_file("speaker-encoder", "model.safetensors")
        try:
            weights = load_file(source)
            basis = weights.pop("mel_basis")
            self.load_state_dict(weights)
        except Exception as err:  # safetensors, torch and the OS each raise their own
            hint = "use models/speaker-encoder/model.safetensors"
            raise InputError(f"not a speaker encoder: {source}", hint) from err
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("hann", torch.hann_window(400), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def mel(self, wav: torch.Tensor) -> torch.Tensor:
        """Power mel, no log: (S,) at 16 kHz -> (S // 160 + 1, 40)."""
        spectrum = torch.stft(wav, 400, HOP, 400, self.hann, center=True, pad_mode="constant", return_complex=True)
        return (self.basis @ spectrum.abs() ** 2).T

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Mel windows (N, T, 40) -> unit vectors (N, 256)."""
        hidden = self.lstm(windows)[1][0][-1]
        return F.normalize(F.relu(self.linear(hidden)), dim=1)

    @torch.inference_mode()
    def encode(self, wav: torch.Tensor) -> torch.Tensor:
        """Unit vector (256,) of speech (S,) at 16 kHz as it stands: levelled, not cut.

        Raises:
            InputError: silence.
        """
        wav = wav.to(self.basis)
        rms = float(wav.pow(2).mean().sqrt())
        if not rms > 1e-5:  # -100 dBFS; NaN lands here too
            raise InputError("no speech to take a voice from: the recording is silent", _HINT)
        wav = wav * max(1.0, 10 ** (LEVEL_DBFS / 20) / rms)  # raised, never lowered, as Resemblyzer does
        starts, length = window_starts(len(wav))
        mel = self.mel(F.pad(wav, (0, max(0, length - len(wav)))))
        parts = []
        for i in range(0, len(starts), WINDOWS_AT_ONCE):
            parts.append(self(torch.stack([mel[s:s + WINDOW] for s in starts[i:i + WINDOWS_AT_ONCE]])))
        return F.normalize(torch.cat(parts).mean(0), dim=0)

    def embed(self, wav: np.ndarray | torch.Tensor, rate: int) -> np.ndarray:
        """Unit vector (256,) float32 of mono speech (S,) at `rate` Hz: resampled to 16 kHz, long pauses cut, levelled.

        Raises:
            InputError: not mono, not finite, silent, or less than `MIN_SPEECH` seconds of speech.
        """
        speech = speech_only(to_16k(wav, rate))
        if len(speech) < MIN_SPEECH * RATE:
            heard = f"only {len(speech) / RATE:.2f} s of speech to take a voice from"
            raise InputError(f"{heard}; at least {MIN_SPEECH} s needed", _HINT)
        return self.encode(torch.from_numpy(speech)).cpu().numpy().astype(np.float32)


_HINT = "give 3 to 10 seconds of one clear voice"


def to_16k(wav: np.ndarray | torch.Tensor, rate: int) -> np.ndarray:
    """Mono speech (S,) at `rate` Hz -> float32 at 16 kHz. Raises InputError if not mono or not finite."""
    if isinstance(wav, torch.Tensor):
        wav = wav.detach().cpu().numpy()
    samples = np.asarray(wav, dtype=np.float32)
    if samples.ndim != 1:
        raise InputError(f"expected mono speech, got an array of shape {samples.shape}")
    if not np.isfinite(samples).all():
        raise InputError("the recording has samples that are not finite", "record or export it again")
    if rate == RATE or not len(samples):
        return samples
    return np.ascontiguousarray(soxr.resample(samples, rate, RATE), dtype=np.float32)


def speech_only(wav: np.ndarray) -> np.ndarray:
    """Speech (S,) at 16 kHz without its long pauses.

    A 30-ms frame is speech if it is within 35 dB of the clip's loud frames (95th percentile); 150 ms around speech are
    kept, so pauses under 0.3 s stay whole. Frames are kept or dropped whole, the tail goes with the last frame.
    """
    count = len(wav) // _VAD_FRAME
    if not count:
        return wav
    frames = wav[:count * _VAD_FRAME].reshape(count, _VAD_FRAME).astype(np.float64)
    power = 10 * np.log10((frames ** 2).mean(1) + 1e-12)
    loud = power > max(np.percentile(power, 95) - _VAD_RANGE_DB, -90.0)
    near = np.convolve(loud, np.ones(2 * _VAD_KEEP + 1), mode="full")[_VAD_KEEP:_VAD_KEEP + count] > 0
    mask = np.repeat(near, _VAD_FRAME)
    return wav[np.concatenate([mask, np.full(len(wav) - len(mask), near[-1])])]


def window_starts(samples: int, per_second: float = 1.3, min_coverage: float = 0.75) -> tuple[list[int], int]:
    """First frames of the windows over `samples` at 16 kHz, and the length to pad to (Resemblyzer's slicing)."""
    step = round(RATE / per_second / HOP)
    frames = -(-(samples + 1) // HOP)
    starts = list(range(0, max(1, frames - WINDOW + step + 1), step))
    if len(starts) > 1 and (samples - starts[-1] * HOP) / (WINDOW * HOP) < min_coverage:
        starts.pop()
    return starts, (starts[-1] + WINDOW) * HOP


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two unit vectors (256,), -1..1."""
    return float(np.clip(np.dot(a, b), -1.0, 1.0))


def moved(dvector: np.ndarray, by: np.ndarray) -> np.ndarray:
    """A d-vector (256,) so far from another: unit and without negative parts, as the encoder's own are."""
    there = np.maximum(dvector + by, 0.0)
    return (there / max(float(np.linalg.norm(there)), 1e-9)).astype(np.float32)
