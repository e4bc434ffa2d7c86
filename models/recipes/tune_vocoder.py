"""Tune a vocoder to what a dubctl voice gives it: mels that are smoother than those of recordings.

    R=models/recipes
    python $R/train_voice.py … --pack pack.npz --snippets snippets.npz       # recordings of some of the items
    python $R/tune_vocoder.py speak pack.npz snippets.npz spoken.npz --voice models/voice
    python $R/tune_vocoder.py train spoken.npz tuned.pt --minutes 8 --device cuda
    python $R/tune_vocoder.py export tuned.pt models/vocoder-hifigan --share 0.5  # half-way from what ships

The voice speaks the items under their recordings' own durations, pitch, energy (ground-truth-aligned mels, as
HiFi-GAN's authors do, Kong et al. 2020, section 4.4), a share `REAL` stays recordings' own mels. Critics: HiFi-GAN's
of periods and UnivNet's of spectra at three resolutions (Jang et al. 2021), least squares, features matched. What was
recorded at 16 kHz is judged below 7.6 kHz only. Needs the package `onnx` (export). No vocoder that ships was made so:
2,150 steps of 32 made HiFi-GAN less like the prompt and no clearer (docs/voice-history.md).
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

import numpy as np
import soundfile as sf
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from transformers import SpeechT5HifiGan
from vocoder_parts import TEACHER, hifigan, write
from voice_pack import FLOOR, cut, pictures, unpack

from dubctl.media.mel import HOP, RATE, mel_basis, mel_spectrogram
from dubctl.synth.voice_files import load_folder
from dubctl.training.config import TrainConfig
from dubctl.training.data import Sampler
from dubctl.training.speaker_loss import SpeakerLoss
from dubctl.training.step import TrainingStep

CROP = 40  # mel frames of a training crop
REAL = 0.15  # share of crops heard from the recording's own mel
ALONE = 150  # steps that the critics learn alone
LOWPASS = 7600.0  # Hz
PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))  # n_fft, hop, window
LOG = 50
STEP = 0.06  # of the made mels, as they are kept
EDGE = 2  # frames at a snippet's ends whose own mel lacks what lies outside


class PeriodCritic(nn.Module):
    """Convolutions over the sound folded at a period."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        sizes = (1, 32, 128, 512, 1024)
        self.layers = nn.ModuleList(
            [weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0))) for a, b in zip(sizes, sizes[1:], strict=False)]
            + [weight_norm(nn.Conv2d(1024, 1024, (5, 1), 1, (2, 0)))])
        self.score = weight_norm(nn.Conv2d(1024, 1, (3, 1), 1, (1, 0)))

    def forward(self, wav: Tensor) -> list[Tensor]:
        """Sound (B, N) -> the layers' features and, last, the scores."""
        x = F.pad(wav, (0, -wav.shape[1] % self.period), "reflect")
        return _seen(self, x.view(len(x), 1, -1, self.period))


class SpectrumCritic(nn.Module):
    """Convolutions over a magnitude spectrum of one resolution."""

    def __init__(self, size: int, hop: int, window: int) -> None:
        super().__init__()
        self.size, self.hop = size, hop
        self.register_buffer("window", torch.hann_window(window))
        def layer(into: int, stride: int) -> nn.Module:
            return weight_norm(nn.Conv2d(into, 32, (3, 9), (1, stride), (1, 4)))
        self.layers = nn.ModuleList([layer(1, 1), layer(32, 2), layer(32, 2), layer(32, 2),
                                     weight_norm(nn.Conv2d(32, 32, 3, 1, 1))])
        self.score = weight_norm(nn.Conv2d(32, 1, 3, 1, 1))

    def forward(self, wav: Tensor) -> list[Tensor]:
        """Sound (B, N) -> the layers' features and, last, the scores."""
        with torch.autocast(wav.device.type, enabled=False):
            found = magnitude(wav.float(), self.size, self.hop, self.window)
        return _seen(self, found.transpose(1, 2)[:, None])


def _seen(critic: PeriodCritic | SpectrumCritic, x: Tensor) -> list[Tensor]:
    seen = []
    for layer in critic.layers:
        x = F.leaky_relu(layer(x), 0.1)
        seen.append(x)
    return [*seen, critic.score(x)]


def magnitude(wav: Tensor, size: int, hop: int, window: Tensor) -> Tensor:
    """(B, N) -> (B, bins, frames)."""
    return torch.stft(wav, size, hop, len(window), window, return_complex=True).abs().clamp(min=1e-5)


def critics() -> nn.ModuleList:
    """All that judge."""
    return nn.ModuleList([*map(PeriodCritic, PERIODS), *(SpectrumCritic(*r) for r in RESOLUTIONS)])


def lowpass() -> Tensor:
    """A linear-phase filter (1, 1, 127)."""
    t = torch.arange(127) - 63
    taps = torch.sinc(t * 2 * LOWPASS / RATE) * torch.hamming_window(127, periodic=False)
    return (taps / taps.sum())[None, None]


def recordings(arrays: dict[str, np.ndarray]) -> list[io.BytesIO]:
    """The snippets' FLAC files."""
    ends = np.cumsum(arrays["bytes"])[:-1]
    return [io.BytesIO(part.tobytes()) for part in np.split(arrays["flac"], ends)]


class Snippets:
    """Crops of recordings with the mels that belong to them: their own, and as the voice made them."""

    def __init__(self, path: Path, device: torch.device) -> None:
        with np.load(path) as found:
            a = dict(found)
        frames = a["made.length"][a["made.which"]]
        waves = [torch.from_numpy(sf.read(sound, dtype="float32")[0][: n * HOP])
                 for sound, n in zip(recordings(a), frames, strict=True)]
        self.wav = torch.stack(waves).to(device)
        self.made = torch.from_numpy(np.stack(cut(a, "made", frames, STEP)).astype(np.float32)).to(device)
        self.real = torch.stack([mel_spectrogram(wav) for wav in waves]).to(device)
        self.narrow = torch.from_numpy(a["narrow"]).to(device)
        self.low = lowpass().to(device)

    def draw(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Mels (B, CROP, 80), sound (B, CROP x HOP) and which were recorded at 16 kHz (B,)."""
        device = self.wav.device
        row = torch.randint(len(self.wav), (count,), device=device)
        at = EDGE + torch.randint(self.made.shape[1] - CROP - 2 * EDGE + 1, (count, 1), device=device)
        frames = at + torch.arange(CROP, device=device)
        own = torch.rand(count, 1, 1, device=device) < REAL
        mel = torch.where(own, self.real[row[:, None], frames], self.made[row[:, None], frames])
        samples = at * HOP + torch.arange(CROP * HOP, device=device)
        return mel, self.wav[row[:, None], samples], self.narrow[row]

    def heard(self, wav: Tensor, narrow: Tensor) -> Tensor:
        """As it is judged."""
        low = F.conv1d(wav[:, None], self.low, padding=63)[:, 0]
        return torch.where(narrow[:, None], low, wav)


@torch.no_grad()
def speak(args: argparse.Namespace) -> None:
    """Write the snippets with what the voice makes of them."""
    with np.load(args.snippets) as found:
        a = dict(found)
    train, _, films, _ = unpack(args.pack)
    model = load_folder(args.voice)[0].eval()
    step = TrainingStep(model, SpeakerLoss(), TrainConfig(model=model.config, lips_from=0, binarise_from=0,
                                                          reference_dropout=0.3))
    chosen = sorted(set(a["item"].tolist()), key=lambda i: train[i].frames)
    made: dict[int, Tensor] = {}
    for start in range(0, len(chosen), 16):
        part = chosen[start: start + 16]
        sampler = Sampler([train[i] for i in part], len(part), 0)
        batch = sampler.make(0, 1.0, 0.5, 0.0, 0.5)
        rng = np.random.default_rng(start)
        emotion = films.batch(batch.rows, 3, rng, 0.1, 0.3) if films is not None else None
        mel = step(batch, 1, emotion)[1].float()
        made |= {part[i]: mel[b, : train[part[i]].frames] for b, i in enumerate(sampler.indices(0))}
        print(len(made), len(chosen), flush=True)
    frames = [sf.info(sound).frames // HOP for sound in recordings(a)]
    mels = [made[int(item)][first: first + n].clamp(min=FLOOR).numpy()
            for item, first, n in zip(a["item"], a["first"], frames, strict=True)]
    with args.out.open("wb") as sink:
        np.savez(sink, **a, **pictures("made", mels, STEP))


def log_mel(wav: Tensor, basis: Tensor, window: Tensor) -> Tensor:
    """(B, N) -> (B, 80, frames), natural log."""
    return (basis @ magnitude(wav, 1024, HOP, window)).clamp(min=1e-5).log()


def train(args: argparse.Namespace) -> None:
    """Tune for --minutes; the checkpoint holds averaged weights."""
    device = torch.device(args.device)
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    data = Snippets(args.spoken, device)
    print(f"{len(data.wav)} snippets of {data.made.shape[1] * HOP / RATE:.2f} s", flush=True)
    net, judges = hifigan().to(device), critics().to(device)
    learnt = list(net.parameters())
    g = torch.optim.AdamW(learnt, args.rate, betas=(0.8, 0.99), weight_decay=0.0)
    d = torch.optim.AdamW(judges.parameters(), 2e-4, betas=(0.8, 0.99), weight_decay=0.0)
    average = {k: v.clone() for k, v in net.state_dict().items()}
    basis, window = mel_basis("cpu").to(device), torch.hann_window(1024, device=device)
    step, started, saved = 0, time.monotonic(), 0.0
    while (share := (time.monotonic() - started) / (60 * args.minutes)) < 1:
        for group in g.param_groups:
            group["lr"] = args.rate * min(1.0, max(0, step - ALONE) / 200) * (1 - 0.95 * share)
        mel, real, narrow = data.draw(args.batch)
        with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
            made = net(mel)
        made = data.heard(made.float(), narrow)
        real = data.heard(real, narrow)
        with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
            judged = [(j(real), j(made.detach())) for j in judges]
            lesson = sum(((r[-1].float() - 1).square().mean() + m[-1].float().square().mean()) for r, m in judged)
        d.zero_grad(set_to_none=True)
        lesson.backward()
        nn.utils.clip_grad_norm_(judges.parameters(), 10.0)
        d.step()
        parts = {"critics": lesson.detach() / len(judges)}
        like = (log_mel(made, basis, window) - log_mel(real, basis, window)).abs().mean()
        if step >= ALONE:
            judges.requires_grad_(False)
            with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
                pairs = [([x.detach() for x in j(real)], j(made)) for j in judges]
            judges.requires_grad_(True)
            fooled = sum((m[-1].float() - 1).square().mean() for _, m in pairs)
            match = sum((a.float() - b.float()).abs().mean() for r, m in pairs
                        for a, b in zip(r[:-1], m[:-1], strict=True))
            g.zero_grad(set_to_none=True)
            (fooled + 2 * match + 45 * like).backward()
            nn.utils.clip_grad_norm_(learnt, 50.0)
            g.step()
            parts |= {"fooled": fooled.detach() / len(judges), "match": match.detach()}
            torch._foreach_lerp_(list(average.values()), list(net.state_dict().values()),
                                 max(0.002, 1 / (step - ALONE + 1)))
        parts["mel"] = like.detach()
        step += 1
        if step % LOG == 0:
            print(step, f"{time.monotonic() - started:.0f} s", *(f"{k} {float(v):.4f}" for k, v in parts.items()),
                  flush=True)
        if time.monotonic() - saved > 60:
            saved = time.monotonic()
            save(average, args)
    save(average, args)


def save(average: dict[str, Tensor], args: argparse.Namespace) -> None:
    """What was learnt, float16."""
    torch.save({n: t.half().cpu() for n, t in average.items()}, args.out)


def on_the_way(tuned: dict[str, Tensor], share: float) -> SpeechT5HifiGan:
    """The vocoder a share of the way from what ships to what was tuned."""
    net = hifigan()
    net.load_state_dict({n: t + share * (tuned[n].float() - t) for n, t in net.state_dict().items()})
    return net


def export(args: argparse.Namespace) -> None:
    """Write model.safetensors (float16), and model.onnx, which reads its weights out of it, into a folder."""
    net = on_the_way(torch.load(args.checkpoint, map_location="cpu"), args.share)
    write(net, args.out)
    config = (TEACHER / "config.json").read_text(encoding="utf-8")
    (args.out / "config.json").write_text(config, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True, dest="step")
    zero, one, two = (steps.add_parser(step.__name__, help=step.__doc__) for step in (speak, train, export))
    for name in ("pack", "snippets", "out"):
        zero.add_argument(name, type=Path)
    zero.add_argument("--voice", type=Path, help="folder of the voice (default: the shipped one)")
    one.add_argument("spoken", type=Path)
    one.add_argument("out", type=Path, help="checkpoint")
    one.add_argument("--minutes", type=float, default=8.0)
    one.add_argument("--rate", type=float, default=1e-4)
    one.add_argument("--batch", type=int, default=32)
    one.add_argument("--device", default="cpu")
    one.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    two.add_argument("checkpoint", type=Path)
    two.add_argument("out", type=Path, help="folder")
    two.add_argument("--share", type=float, default=1.0, help="how far to go from what ships to what was tuned")
    args = parser.parse_args()
    {"speak": speak, "train": train, "export": export}[args.step](args)


if __name__ == "__main__":
    main()
