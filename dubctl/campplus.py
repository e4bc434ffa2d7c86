"""CAM++ speaker encoder (Wang et al. 2023, "CAM++: A Fast and Efficient Network for Speaker Verification Using
Context-Aware Masking"; 3D-Speaker's weights): speech -> a unit vector that names the voice.

GE2E, which conditions the synthesizer, is easily pleased by its own voice; this one hears more of what it lacks, and
takes part in rehearsals (`dubctl.synth.rehearsal`). See models/speaker-campplus/MODEL_CARD.md.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import torchaudio
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from dubctl.assets import model_file
from dubctl.errors import InputError
from dubctl.speaker import RATE, speech_only, to_16k
from dubctl.unfilled import unfilled

DIM = 192
BANDS = 80
MIN_FRAMES = 10  # of 10 ms
FOLDER = "speaker-campplus"

_CHANNELS, _GROWTH, _NARROW = 128, 32, 128
_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation
_SEGMENT = 100  # frames that share a mask


class Campplus(nn.Module):
    """A 2-D front end, densely connected time-delay layers with context-aware masks, statistics, linear: 6.8 M.

    Parameters are named as in 3D-Speaker's checkpoints.

    Args:
        path: safetensors file; the shipped one if None.

    Raises:
        DependencyError: the shipped weights are missing.
        InputError: `path` is not a file of these weights.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        super().__init__()
        with unfilled():
            self.head = _FrontEnd()
            self.xvector = _layers()
        source = Path(path) if path else model_file(FOLDER, "model.safetensors")
        try:
            self.load_state_dict({name: tensor.float() for name, tensor in load_file(source).items()})
        except Exception as err:  # safetensors, torch and the OS each raise their own
            raise InputError(f"not a CAM++ encoder: {source}", f"use models/{FOLDER}/model.safetensors") from err
        self.requires_grad_(False)
        self.eval()

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        """Log filter banks (B, T, 80), T at least `MIN_FRAMES` -> unit vectors (B, 192), whatever the level."""
        centred = bands - bands.mean(1, keepdim=True)
        return F.normalize(self.xvector(self.head(centred.transpose(1, 2))), dim=1)

    @torch.inference_mode()
    def embed(self, wav: np.ndarray | torch.Tensor, rate: int) -> np.ndarray:
        """Unit vector (192,) float32 of mono speech (S,) at `rate` Hz: resampled to 16 kHz, long pauses cut.

        Raises:
            InputError: not mono, not finite, or too short to tell a voice by.
        """
        bands = filter_banks(speech_only(to_16k(wav, rate)))
        if len(bands) < MIN_FRAMES:
            raise InputError("too little speech to take a voice from", "give 3 to 10 seconds of one clear voice")
        return self(bands[None])[0].numpy()


def filter_banks(wav: np.ndarray) -> torch.Tensor:
    """Kaldi's log filter banks (T, 80) of speech (S,) at 16 kHz, 100 frames/s, frame 0 centred at 12.5 ms."""
    if len(wav) < 400:  # one window
        return torch.zeros(0, BANDS)
    return torchaudio.compliance.kaldi.fbank(torch.from_numpy(wav)[None], num_mel_bins=BANDS, sample_frequency=RATE,
                                             dither=0.0)


class _FrontEnd(nn.Module):
    """(B, 80, T) -> (B, 320, T): residual 2-D convolutions that narrow the bands to an eighth."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(_Residual(width, 2), _Residual(width, 1))
        self.layer2 = nn.Sequential(_Residual(width, 2), _Residual(width, 1))
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, (2, 1), 1, bias=False), nn.BatchNorm2d(width)

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn1(self.conv1(bands[:, None])))
        x = F.relu(self.bn2(self.conv2(self.layer2(self.layer1(x)))))
        return x.flatten(1, 2)


class _Residual(nn.Module):
    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, (stride, 1), 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(width, width, 1, (stride, 1), bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


def _layers() -> nn.Sequential:
    """(B, 320, T) -> (B, 192)."""
    layers: dict[str, nn.Module] = {"tdnn": _TimeDelay(32 * BANDS // 8, _CHANNELS)}
    channels = _CHANNELS
    for i, (count, dilation) in enumerate(_BLOCKS, 1):
        layers[f"block{i}"] = _Block({f"tdnnd{j + 1}": _Dense(channels + j * _GROWTH, dilation) for j in range(count)})
        channels = (channels + count * _GROWTH) // 2
        layers[f"transit{i}"] = _Transit(2 * channels)
    layers |= {"out_nonlinear": _active(channels), "stats": _Statistics(), "dense": _Embedding(2 * channels)}
    return nn.Sequential(OrderedDict(layers))


def _active(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))


class _TimeDelay(nn.Module):
    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(width, channels, 5, 2, 2, bias=False)
        self.nonlinear = _active(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.nonlinear(self.linear(x))


class _Block(nn.ModuleDict):
    """Every layer hears all before it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.values():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class _Dense(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1, self.linear1 = _active(channels), nn.Conv1d(channels, _NARROW, 1, bias=False)
        self.nonlinear2, self.cam_layer = _active(_NARROW), _Masked(dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))


class _Masked(nn.Module):
    """A convolution, masked by what is heard around it: in its second and in the whole recording."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(_NARROW, _GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1, self.linear2 = nn.Conv1d(_NARROW, _NARROW // 2, 1), nn.Conv1d(_NARROW // 2, _GROWTH, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        second = F.avg_pool1d(x, _SEGMENT, _SEGMENT, ceil_mode=True).repeat_interleave(_SEGMENT, -1)
        around = x.mean(-1, keepdim=True) + second[..., :x.shape[-1]]
        return self.linear_local(x) * torch.sigmoid(self.linear2(F.relu(self.linear1(around))))


class _Transit(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear, self.linear = _active(channels), nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.nonlinear(x))


class _Statistics(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x.mean(-1), x.std(-1)], dim=-1)


class _Embedding(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, DIM, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(DIM, affine=False)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.nonlinear(self.linear(x[..., None])[..., 0])
