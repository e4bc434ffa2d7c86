"""BigVGAN v2 (Lee et al. 2023, arXiv:2206.04658): periodic, anti-aliased generator; mel -> waveform.

Written from the paper and from NVIDIA's code (MIT), whose `config.json` and `bigvgan_generator.pt` it loads: weight
norm is folded into the weights, the resampling filters are computed. `bigvgan_v2_22khz_80band_fmax8k_256x` reads the
mel of this package (`dubctl.media.mel`), so any voice can speak through it. `bigvgan_v2_44khz_128band_256x`, which the
paper names, needs 128 bands at 44.1 kHz: `BigVgan.mel` measures them; a voice of 80 bands is refused, not stretched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dubctl.device import resolve_device
from dubctl.errors import DependencyError
from dubctl.hub import find_weights, first_line, load_tensors

CHECKPOINTS = ("model.safetensors", "bigvgan_generator.pt")
TAPS = 12  # of the resampling filters (ratio 2)


@dataclass(frozen=True)
class BigVganConfig:
    """What of NVIDIA's `config.json` shapes the generator and its mel."""

    num_mels: int = 80
    sampling_rate: int = 22050
    hop_size: int = 256
    n_fft: int = 1024
    win_size: int = 1024
    fmin: float = 0.0
    fmax: float | None = 8000.0
    upsample_rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)
    upsample_kernel_sizes: tuple[int, ...] = (8, 8, 4, 4, 4, 4)
    upsample_initial_channel: int = 1536
    resblock: str = "1"
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5),) * 3
    activation: str = "snakebeta"
    snake_logscale: bool = True
    use_bias_at_final: bool = True
    use_tanh_at_final: bool = True

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> BigVganConfig:
        """From NVIDIA's configuration; keys that concern training are left out.

        Raises:
            ValueError: an activation or block this code does not know, or rates that do not make the hop.
        """
        known = {f.name for f in fields(cls)}
        made = cls(**{key: _tuples(value) for key, value in table.items() if key in known})
        if made.activation not in ("snake", "snakebeta") or made.resblock not in ("1", "2"):
            raise ValueError(f"unknown activation {made.activation} or block {made.resblock}")
        if math.prod(made.upsample_rates) != made.hop_size:
            raise ValueError(f"upsample_rates make {math.prod(made.upsample_rates)} samples a frame, "
                             f"not {made.hop_size}")
        return made


class Generator(nn.Module):
    """mel (B, bands, T) -> samples (B, 1, hop T) in -1..1. Parameter names are NVIDIA's."""

    def __init__(self, config: BigVganConfig) -> None:
        super().__init__()
        self.config, width = config, config.upsample_initial_channel
        self.conv_pre = nn.Conv1d(config.num_mels, width, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            self.ups.append(nn.ModuleList([nn.ConvTranspose1d(width, width // 2, kernel, rate,
                                                              padding=(kernel - rate) // 2)]))
            width //= 2
            for size, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True):
                self.resblocks.append(AmpBlock(config, width, size, dilations))
        self.activation_post = AntiAliased(config, width)
        self.conv_post = nn.Conv1d(width, 1, 7, padding=3, bias=config.use_bias_at_final)

    def forward(self, mel: Tensor) -> Tensor:
        x, count = self.conv_pre(mel), len(self.config.resblock_kernel_sizes)
        for stage, (up,) in enumerate(self.ups):
            x = up(x)
            blocks = self.resblocks[stage * count:(stage + 1) * count]
            x = sum(block(x) for block in blocks) / count
        x = self.conv_post(self.activation_post(x))
        return torch.tanh(x) if self.config.use_tanh_at_final else x.clamp(-1.0, 1.0)


class AmpBlock(nn.Module):
    """Anti-aliased multi-periodicity block: dilated convolutions behind Snake activations, each with a residual."""

    def __init__(self, config: BigVganConfig, width: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.paired = config.resblock == "1"

        def convs(spread: tuple[int, ...]) -> nn.ModuleList:
            return nn.ModuleList(nn.Conv1d(width, width, kernel, dilation=d, padding=(kernel - 1) * d // 2)
                                 for d in spread)

        if self.paired:
            self.convs1, self.convs2 = convs(dilations), convs((1,) * len(dilations))
        else:
            self.convs = convs(dilations)
        count = len(dilations) * (2 if self.paired else 1)
        self.activations = nn.ModuleList(AntiAliased(config, width) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        if not self.paired:
            for conv, act in zip(self.convs, self.activations, strict=True):
                x = x + conv(act(x))
            return x
        acts = self.activations
        for first, second, a, b in zip(self.convs1, self.convs2, acts[::2], acts[1::2], strict=True):
            x = x + second(b(first(a(x))))
        return x


class AntiAliased(nn.Module):
    """Snake at twice the rate: up by 2, x + sin^2(alpha x) / beta, down by 2 (paper, "Anti-aliased representation").

    For the plain Snake beta is alpha.
    """

    def __init__(self, config: BigVganConfig, width: int) -> None:
        super().__init__()
        self.log = config.snake_logscale
        self.act = nn.ParameterDict({"alpha": nn.Parameter(torch.zeros(width))})
        if config.activation == "snakebeta":
            self.act["beta"] = nn.Parameter(torch.zeros(width))
        self.register_buffer("filter", kaiser_sinc(0.25, 0.3, TAPS), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        width = x.shape[1]
        taps = self.filter.to(x.dtype).expand(width, 1, -1)
        edge = TAPS // 2 - 1
        x = F.conv_transpose1d(F.pad(x, (edge, edge), mode="replicate"), 2 * taps, stride=2, groups=width)
        cut = 2 * edge + (TAPS - 2) // 2
        x = self._snake(x[..., cut:-cut])
        return F.conv1d(F.pad(x, (edge, TAPS // 2), mode="replicate"), taps, stride=2, groups=width)

    def _snake(self, x: Tensor) -> Tensor:
        alpha = self.act["alpha"][:, None]
        beta = self.act["beta"][:, None] if "beta" in self.act else alpha
        if self.log:
            alpha, beta = alpha.exp(), beta.exp()
        return x + (alpha * x).sin().square() / (beta + 1e-9)


def kaiser_sinc(cutoff: float, half_width: float, taps: int) -> Tensor:
    """Low-pass filter (1, 1, taps) of unit sum: a sinc of `cutoff` (cycles a sample) in a Kaiser window whose beta
    follows from the transition's half width (Kaiser's formula)."""
    drop = 2.285 * (taps // 2 - 1) * math.pi * 4 * half_width + 7.95
    beta = 0.1102 * (drop - 8.7) if drop > 50 else 0.5842 * max(drop - 21, 0.0) ** 0.4 + 0.07886 * max(drop - 21, 0.0)
    window = torch.kaiser_window(taps, beta=beta, periodic=False)
    time = torch.arange(-(taps // 2), taps // 2) + 0.5
    found = 2 * cutoff * window * torch.sinc(2 * cutoff * time)
    return (found / found.sum())[None, None]


class BigVgan:
    """A `Vocoder` with NVIDIA's weights.

    Args:
        name: repository or folder with `config.json` and `bigvgan_generator.pt` (or `model.safetensors`).

    Attributes:
        name: as given. config: rate, bands and hop of its mel. weights: what was loaded.

    Raises:
        DependencyError: weights missing or of another network.
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        self.name = name
        self.weights = find_weights(name, needs=("config.json", CHECKPOINTS))
        self.path = next(self.weights.folder / file for file in CHECKPOINTS if (self.weights.folder / file).is_file())
        self._device = resolve_device(device)
        try:
            table = json.loads(self.weights.file("config.json").read_text(encoding="utf-8"))
            self.config = BigVganConfig.from_json(table)
            net = Generator(self.config)
            net.load_state_dict(plain_weights(load_tensors(self.path)))
        except (RuntimeError, ValueError, TypeError, KeyError) as err:
            raise DependencyError(f"{self.path} is no BigVGAN generator: {first_line(err)}",
                                  f"dubctl models download {name}") from err
        self._net = net.eval().to(self._device)

    def __call__(self, mel: np.ndarray) -> np.ndarray:
        """mel (T, bands) float32 natural log -> samples (hop T,) float32 in -1..1 at `config.sampling_rate`.

        Raises:
            DependencyError: a mel of another number of bands (another vocoder is needed).
        """
        if mel.ndim != 2 or mel.shape[1] != self.config.num_mels:
            raise DependencyError(f"the vocoder {self.weights.name} reads mels of {self.config.num_mels} bands at "
                                  f"{self.config.sampling_rate} Hz, this one has {mel.shape[-1]}",
                                  "dubctl's voices make 80 bands at 22050 Hz: name bigvgan_v2_22khz_80band_fmax8k_256x")
        if not len(mel):
            return np.zeros(0, np.float32)
        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(mel.T, np.float32))[None].to(self._device)
            return self._net(given)[0, 0].float().cpu().numpy()

    def mel(self, wav: np.ndarray) -> np.ndarray:
        """The mel (T, bands) that this generator reads of mono speech (S,) at its own rate; T = S // hop.

        Raises:
            ValueError: fewer samples than the reflect padding needs.
        """
        return log_mel(torch.from_numpy(np.asarray(wav, np.float32)), self.config).numpy()

    def fits_voices(self) -> bool:
        """Whether it reads the mel that voices make (`dubctl.media.mel`)."""
        c = self.config
        return (c.num_mels, c.sampling_rate, c.hop_size, c.n_fft, c.fmax) == (80, 22050, 256, 1024, 8000)

    def misfit(self) -> str:
        """Why no voice can speak through it, "" where voices can."""
        c = self.config
        return "" if self.fits_voices() else (
            f"the vocoder {self.name} reads {c.num_mels} bands at {c.sampling_rate} Hz; voices make 80 at 22050 Hz")


def log_mel(wav: Tensor, config: BigVganConfig) -> Tensor:
    """Natural-log mel (T, bands) as BigVGAN's `meldataset.py` measures it (Slaney, reflect padding, floor 1e-5)."""
    import torchaudio

    pad = (config.n_fft - config.hop_size) // 2
    if wav.numel() <= pad:
        raise ValueError(f"need more than {pad} samples, got {wav.numel()}")
    padded = F.pad(wav[None, None], (pad, pad), mode="reflect")[0, 0]
    spec = torch.stft(padded, config.n_fft, config.hop_size, config.win_size, torch.hann_window(config.win_size),
                      center=False, return_complex=True)
    bank = torchaudio.functional.melscale_fbanks(
        config.n_fft // 2 + 1, config.fmin, config.fmax or config.sampling_rate / 2, config.num_mels,
        config.sampling_rate, norm="slaney", mel_scale="slaney")
    magnitude = (spec.real.square() + spec.imag.square() + 1e-9).sqrt()
    return (bank.T @ magnitude).clamp(min=1e-5).log().T.contiguous()


def plain_weights(tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    """A generator's tensors with weight norm folded in (w = g v / |v|) and the stored filters left out."""
    tensors = tensors.get("generator", tensors)
    out: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.endswith(".filter"):
            continue
        if name.endswith(("weight_v", "weight.original1")):
            base = name.removesuffix("_v").replace("parametrizations.weight.original1", "weight")
            gain = tensors[name[:-1] + ("g" if name.endswith("_v") else "0")]
            out[base] = gain * value / value.flatten(1).norm(dim=1).reshape(-1, *[1] * (value.dim() - 1))
        elif not name.endswith(("weight_g", "weight.original0")):
            out[name] = value
    return out


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
