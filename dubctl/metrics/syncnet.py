"""SyncNet (Chung & Zisserman 2016, "Out of time"): audio and mouth in one space, close when they belong together.

The layers and their names are those of the public checkpoint `syncnet_v2` (joonson/syncnet_python), so that it loads as
it is. No checkpoint ships: its licence does not say that it may.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dubctl.errors import DependencyError

RATE, FPS = 16_000, 25
SPAN, AUDIO_SPAN, PER_FRAME = 5, 20, 4  # frames of picture, of MFCC, MFCC per picture frame
SHIFTS = 15


class SyncNet(nn.Module):
    """Faces (N, 3, 5, 224, 224) BGR 0..255 and MFCC (N, 1, 13, 20) -> vectors (N, 1024)."""

    def __init__(self, dim: int = 1024) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_conv2(1, 64), nn.MaxPool2d(1, 1), *_conv2(64, 192), nn.MaxPool2d(3, (1, 2)), *_conv2(192, 384),
            *_conv2(384, 256), *_conv2(256, 256), nn.MaxPool2d(3, 2), *_conv2(256, 512, (5, 4), 0))
        self.netfcaud, self.netfclip = _head(dim), _head(dim)
        self.netcnnlip = nn.Sequential(
            *_conv3(3, 96, (5, 7, 7), (1, 2, 2), 0), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_conv3(96, 256, (1, 5, 5), (1, 2, 2)), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_conv3(256, 256), *_conv3(256, 256), *_conv3(256, 256), nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_conv3(256, 512, (1, 6, 6), 1, 0))

    def audio(self, mfcc: Tensor) -> Tensor:
        """(N, 1, 13, 20) -> (N, 1024)."""
        return self.netfcaud(self.netcnnaud(mfcc).flatten(1))

    def lips(self, faces: Tensor) -> Tensor:
        """(N, 3, 5, 224, 224) -> (N, 1024)."""
        return self.netfclip(self.netcnnlip(faces).flatten(1))


def _conv2(into: int, out: int, kernel: Any = 3, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(into, out, kernel, padding=padding), nn.BatchNorm2d(out), nn.ReLU()]


def _conv3(into: int, out: int, kernel: Any = (1, 3, 3), stride: Any = 1, padding: Any = (0, 1, 1)) -> list[nn.Module]:
    return [nn.Conv3d(into, out, kernel, stride=stride, padding=padding), nn.BatchNorm3d(out), nn.ReLU()]


def _head(dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, dim))


def load_syncnet(path: Path, device: str = "cpu") -> SyncNet:
    """The network of a checkpoint: `syncnet_v2.model` (read without executing pickles) or safetensors of its keys.

    Raises:
        DependencyError: no such file, or not SyncNet's weights.
    """
    net = SyncNet()
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict(state)
    except Exception as err:  # torch and safetensors raise whatever their parts raise
        raise DependencyError(f"cannot load SyncNet from {path}: {str(err).strip().splitlines()[0]}",
                              "get syncnet_v2.model of joonson/syncnet_python") from err
    return net.eval().to(device)


@torch.inference_mode()
def distances(net: SyncNet, faces: np.ndarray, wav: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Mean distance of mouth and sound at shifts -15 … 15 frames (31,).

    Args:
        faces: (N, 224, 224, 3) uint8 BGR at 25 fps. wav: mono (S,) float32 at 16 kHz in -1..1, with the same start.

    Raises:
        ValueError: fewer than six frames of picture and sound.
    """
    count = min(len(faces), len(wav) // (RATE // FPS)) - SPAN
    if count < 1:
        raise ValueError("SyncNet needs at least six frames of picture and sound")
    heard = torch.from_numpy(mfcc(wav).T.copy())[None, None]  # (1, 1, 13, T)
    seen = torch.from_numpy(faces).permute(3, 0, 1, 2)[None]  # (1, 3, N, 224, 224)
    lips, audio = [], []
    for start in range(0, count, 8):
        turns = range(start, min(count, start + 8))
        lips.append(net.lips(torch.cat([seen[:, :, t:t + SPAN] for t in turns]).float().to(device)).cpu())
        audio.append(net.audio(torch.cat([heard[..., t * PER_FRAME:t * PER_FRAME + AUDIO_SPAN]
                                          for t in turns]).to(device)).cpu())
    return _shifted(torch.cat(lips), torch.cat(audio)).numpy()


def _shifted(lips: Tensor, audio: Tensor) -> Tensor:
    """(31,): sound moved by each shift, zeros beyond its ends, as in the reference implementation."""
    padded = F.pad(audio, (0, 0, SHIFTS, SHIFTS))
    return torch.stack([F.pairwise_distance(lips, padded[k:k + len(lips)]).mean() for k in range(2 * SHIFTS + 1)])


def mfcc(wav: np.ndarray) -> np.ndarray:
    """MFCC (T, 13) every 10 ms, as python_speech_features computes them by default from 16-bit samples.

    Pre-emphasis 0.97, rectangular windows of 25 ms, 512 points, 26 HTK filters, orthonormal DCT-II, lifter 22, the
    first coefficient replaced by the log energy.
    """
    signal = np.round(np.clip(wav, -1, 1) * 32767).astype(np.float64)
    signal = np.append(signal[0], signal[1:] - 0.97 * signal[:-1])
    count = 1 + max(0, int(np.ceil((len(signal) - 400) / 160)))
    padded = np.pad(signal, (0, max(0, (count - 1) * 160 + 400 - len(signal))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160][:count]
    power = np.abs(np.fft.rfft(frames, 512)) ** 2 / 512
    tiny = np.finfo(float).eps
    logs = np.log(np.maximum(power @ _filters().T, tiny))
    rows = np.arange(13)[:, None]
    basis = np.sqrt(2 / 26) * np.cos(np.pi * rows * (2 * np.arange(26) + 1) / 52)
    basis[0] /= np.sqrt(2)
    out = logs @ basis.T * (1 + 11 * np.sin(np.pi * np.arange(13) / 22))
    out[:, 0] = np.log(np.maximum(power.sum(1), tiny))
    return out.astype(np.float32)


def _filters() -> np.ndarray:
    """HTK triangles (26, 257) on whole bins."""
    mels = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    bins = np.floor(513 * 700 * (10 ** (mels / 2595) - 1) / RATE)
    at = np.arange(257)
    up = (at - bins[:-2, None]) / np.maximum(bins[1:-1] - bins[:-2], 1)[:, None]
    down = (bins[2:, None] - at) / np.maximum(bins[2:] - bins[1:-1], 1)[:, None]
    inside = (at >= bins[:-2, None]) & (at < bins[2:, None])
    return np.where(inside, np.where(at < bins[1:-1, None], up, down), 0.0)
