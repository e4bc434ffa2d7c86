"""A refiner of mels: what the decoder's L1 has blurred is drawn again by flow matching, around the decoder's mel.

The decoder paints the mean of all ways in which a sound can be said; a recording is one of them. The refiner learnt,
from the decoder's mels beside the recordings' (under one alignment), how noise flows into the difference of the two
(Lipman et al. 2023, "Flow matching for generative modeling"; for speech: Matcha-TTS, Mehta et al. 2024), told the mel,
the phones and the voice. It starts from much less noise than it was taught with: from all of it speech is livelier, and
less clear (docs/voice-history.md). It was taught by acted speech too, and by spectra that lean; still it tames a
feeling, so the more a line is acted, the less is refined. A voice without `refiner.safetensors` speaks as its decoder
paints.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from dubctl.config import load_dataclass
from dubctl.errors import InputError
from dubctl.media.mel import HIGHEST, LOWEST, N_MELS
from dubctl.speaker import DIM
from dubctl.synth.aligner import MEL_SCALE, MEL_SHIFT
from dubctl.synth.symbols import SYMBOLS
from dubctl.unfilled import unfilled

FILE = "refiner.safetensors"
TIMES = 64  # sines and cosines that tell the time


@dataclass
class RefinerConfig:
    """Sizes; steps of Euler's method; noise: what it starts from, times what it was taught with; share of the way."""

    width: int = 256
    hidden: int = 768
    kernel: int = 7
    dilations: tuple[int, ...] = (1, 1, 2, 1, 1, 1, 2, 1)
    phone_width: int = 48
    steps: int = 4
    noise: float = 0.15
    share: float = 1.0


@dataclass
class Draft:
    """What a mel is refined by: mel (B, T, 80) as the decoder made it, phone ids (B, T) and how far each frame is into
    its phone (B, T; 0..1), the voice's d-vector (B, 256), real frames (B, T)."""

    mel: Tensor
    phones: Tensor
    into: Tensor
    dvector: Tensor
    mask: Tensor


class Block(nn.Module):
    """ConvNeXt's block over time, its norm modulated by the condition (B, D)."""

    def __init__(self, width: int, hidden: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, kernel, padding=dilation * (kernel // 2), dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.film = nn.Linear(width, 2 * width)
        self.widen, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, condition: Tensor, keep: Tensor) -> Tensor:
        gain, shift = self.film(condition)[:, None].chunk(2, -1)
        y = self.norm(self.mix((x * keep).transpose(1, 2)).transpose(1, 2)) * (1 + gain) + shift
        return x + self.scale * self.narrow(F.gelu(self.widen(y)))


class Refiner(nn.Module):
    """The velocity field, and the mel that it leads to.

    `spread` (80,) is how far a recording's band is from the decoder's: the flow goes in units of it.
    """

    spread: Tensor

    def __init__(self, config: RefinerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or RefinerConfig()
        width = config.width
        self.phones = nn.Embedding(len(SYMBOLS), config.phone_width)
        self.into = nn.Linear(2 * N_MELS + config.phone_width + 2, width)
        self.time = nn.Sequential(nn.Linear(TIMES, width), nn.GELU(), nn.Linear(width, width))
        self.voice = nn.Linear(DIM, width)
        self.blocks = nn.ModuleList(Block(width, config.hidden, config.kernel, d) for d in config.dilations)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, N_MELS)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("spread", torch.ones(N_MELS))

    def forward(self, x: Tensor, time: Tensor, draft: Draft) -> Tensor:
        """Velocity (B, T, 80) at x (B, T, 80), the difference so far, and `time` (B,) from 0, noise, to 1."""
        rates = torch.exp(-math.log(1e4) * torch.arange(TIMES // 2, device=x.device) / (TIMES // 2))
        phase = 1000 * time[:, None] * rates
        condition = F.gelu(self.time(torch.cat([phase.sin(), phase.cos()], -1)) + self.voice(draft.dvector * 8))
        place = torch.stack([draft.into - 0.5, (draft.into * torch.pi).sin()], -1)
        y = self.into(torch.cat([x, (draft.mel + MEL_SHIFT) / MEL_SCALE, self.phones(draft.phones), place], -1))
        keep = draft.mask[..., None].to(y.dtype)
        for block in self.blocks:
            y = block(y, condition, keep)
        return self.out(self.norm(y)).float()

    def flow(self, x: Tensor, draft: Draft, steps: int) -> Tensor:
        """Where noise x (B, T, 80) flows to, in as many steps of Euler's method: what the draft lacks, in units of
        `spread`."""
        for step in range(steps):
            time = torch.full((len(x),), step / steps, device=x.device)
            x = x + self(x, time, draft) / steps
        return x

    @torch.no_grad()
    def refine(self, draft: Draft, part: float = 1.0, seed: int = 0) -> Tensor:
        """Mels (B, T, 80), of which `part` of the share is gone; the same for the same `seed`."""
        config, mel = self.config, draft.mel
        noise = torch.randn(mel.shape, generator=torch.Generator().manual_seed(seed))  # of the CPU: alike everywhere
        x = self.flow(noise.to(mel) * config.noise, draft, config.steps)
        return (mel + part * config.share * x * self.spread).clamp(LOWEST, HIGHEST)


def draft_of(mel: Tensor, phones: list[int], durations: np.ndarray, dvector: np.ndarray | Tensor) -> Draft:
    """A batch of one: mel (T, 80), of tokens (L,) their phones and frames, summing to T; d-vector (256,)."""
    device, index = mel.device, np.repeat(np.arange(len(durations)), durations)
    start = np.cumsum(durations) - durations
    into = (np.arange(len(index)) - start[index] + 0.5) / durations[index]
    return Draft(mel[None], torch.tensor(np.asarray(phones)[index], device=device)[None],
                 torch.tensor(into, dtype=torch.float32, device=device)[None],
                 torch.as_tensor(dvector, dtype=torch.float32, device=device)[None],
                 torch.ones(1, len(index), dtype=torch.bool, device=device))


def load_refiner(folder: Path) -> Refiner | None:
    """The refiner of a voice folder, in eval mode; None where the voice has none.

    Raises:
        InputError: the file is damaged, or another version's.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            config = load_dataclass(RefinerConfig, json.loads(file.metadata()["config"]), str(path))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (no mapping)
        with unfilled():
            refiner = Refiner(config)
        refiner.load_state_dict(tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as err:
        raise InputError(f"no refiner of mels: {path} ({err})", "remove the file, or make the voice again") from err
    return refiner.eval()


def save_refiner(refiner: Refiner, path: Path) -> None:
    """Write weights (float16) and configuration as one file."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({n: t.half().contiguous() for n, t in refiner.state_dict().items()}, path,
              {"config": json.dumps(asdict(refiner.config))})
