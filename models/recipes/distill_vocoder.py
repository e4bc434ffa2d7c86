"""Distil HiFi-GAN universal into a generator with fewer residual blocks (models/vocoder-lite).

    R=models/recipes/distill_vocoder.py
    python $R cache CACHE --data D/kokoro_mix --data D/librispeech --data ACTED --data D/kathleen --data D/cmu_arctic
    python $R train CACHE run.pt --minutes 50
    python $R train CACHE more.pt --init run.pt --forced 0 --rate 3e-4 --minutes 7
    python $R train CACHE next.pt --init more.pt --forced 0 --rate 5e-4 --minutes 28
    python $R cache CACHE --voice --seconds 200 --data D/kokoro_mix --data D/librispeech --data D/kathleen \\
        --data D/cmu_arctic
    python $R train CACHE last.pt --init next.pt --forced 0 --rate 6e-4 --features 0.2 --minutes 85
    python $R train CACHE even.pt --init last.pt --forced 0 --rate 4e-4 --features 0 --ripple 1 --minutes 35
    python $R export even.pt models/vocoder-lite

These were used (D: the data sets, ACTED: what acted_speech.py writes), but that the cache, its features computed by
onnxruntime, grew while the first 300 steps ran, that the run was ended after step 800, and that the last one's cache
(audio alone) were 400 drafts of train_refiner.py, half of them recordings' mels and half the refined voice's, its crops
40 frames with 4 left out at each end. Needs the package `onnx`.

The student has the teacher's layers, but of each stage's three residual blocks (kernels 3, 7, 11) it keeps those in
`KERNELS`, with the teacher's weights to begin with. It learns by plain regression, for the teacher is deterministic:
the teacher's features after each stage, its waveform, and spectra of that waveform. None of those notices that the
student's hiss is 3 dB louder in one part of every mel frame than in another, which buzzes (benchmarks/artefacts.py):
`--ripple` asks for the teacher's power in each sixteenth and sixty-fourth of the frame.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dubctl.errors import InputError
from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.media.mel import HOP, RATE, mel_basis, mel_spectrogram
from dubctl.synth.prompt import read_prompt
from dubctl.synth.voice import Voice

TEACHER = Path(__file__).resolve().parents[1] / "vocoder-hifigan"
Kernels = tuple[tuple[int, ...], ...]  # of the residual blocks, per stage
ALL: Kernels = ((3, 7, 11),) * 4  # the teacher's
KERNELS: Kernels = ((3, 7, 11), (3,), (3,), (3,))  # the student's
SNIPPET, LONGEST = 3.0, 3.2  # seconds a clip gives, and the length from which it is cut
FIRST = ("conv_pre.", "upsampler.0.", "resblocks.0.")  # the layers up to the first stage's output
BATCH, LOG = 4, 50  # crops a step; steps between lines of the log, and checkpoints
EDGE, CROP = 2, 36  # mel frames of a crop that the loss leaves out at each end, and in all
PARTS, RIPPLE_HZ, SILENT = (16, 64), 1000, 1e-6  # of a frame; what is above; mean square of frames that do not count


class Generator(nn.Module):
    """HiFi-GAN V1 with a choice of residual blocks per stage, to begin with all with the teacher's weights."""

    def __init__(self, kernels: Kernels) -> None:
        super().__init__()
        from transformers import SpeechT5HifiGan

        teacher = SpeechT5HifiGan.from_pretrained(TEACHER, dtype=torch.float32)
        self.conv_pre, self.upsampler, self.conv_post = teacher.conv_pre, teacher.upsampler, teacher.conv_post
        self.resblocks = nn.ModuleList(
            nn.ModuleList(teacher.resblocks[len(ALL[0]) * i + ALL[0].index(k)] for k in stage)
            for i, stage in enumerate(kernels))

    def stage(self, i: int, x: Tensor) -> Tensor:
        x = self.upsampler[i](F.leaky_relu(x, 0.1))
        total = reduce(torch.add, [block(x) for block in self.resblocks[i]])
        return total / len(self.resblocks[i]) if len(self.resblocks[i]) > 1 else total

    def features(self, mel: Tensor) -> list[Tensor]:
        """[N,T,80] -> what each of the four stages gives, and the audio [N,256 T]."""
        return self.rest(self.stage(0, self.conv_pre(mel.transpose(1, 2))))

    def rest(self, first: Tensor, given: list[Tensor] | None = None) -> list[Tensor]:
        """The same from the first stage's output on; `given`: features that the stages take as inputs."""
        found = [first]
        for i in range(1, len(ALL)):
            found.append(self.stage(i, given[i - 1] if given else found[-1]))
        return [*found, torch.tanh(self.conv_post(F.leaky_relu(found[-1], 0.01))).squeeze(1)]

    def forward(self, mel: Tensor) -> Tensor:
        return self.features(mel)[-1]


def clips(folders: list[Path]) -> list[Path]:
    """Recordings that may be trained on, a folder's in turn with the others', its speakers in turn too."""
    queues = []
    for folder in folders:
        order, speakers = random.Random(0), dict[str, list[Path]]()
        for row in read_jsonl(folder / "manifest.jsonl"):
            other = folder.name == "librispeech" and row.get("text")  # its lines with text are test-other
            if row.get("split", "train") == "train" and not other:
                speakers.setdefault(str(row.get("speaker", "")), []).append(folder / str(row["audio"]))
        lists = [order.sample(paths, len(paths)) for paths in speakers.values()]
        order.shuffle(lists)
        queues.append(in_turn(lists))
    return in_turn(queues)


def in_turn(lists: list[list[Path]]) -> list[Path]:
    """One of each list after the other."""
    return [path for row in zip_longest(*lists) for path in row if path]


def recorded(folders: list[Path]) -> Iterator[tuple[Path, Tensor]]:
    """Log-mels [T,80] of the recordings, at most `LONGEST`."""
    for number, path in enumerate(clips(folders)):
        wav = load_audio(path, RATE)
        if len(wav) > LONGEST * RATE:
            start = random.Random(number).randrange(len(wav) - int(SNIPPET * RATE))
            wav = wav[start:start + int(SNIPPET * RATE)]
        yield path, mel_spectrogram(torch.from_numpy(wav))


def spoken(folders: list[Path]) -> Iterator[tuple[Path, Tensor]]:
    """What the dubctl voice gives the vocoder: lines of the folders with their recordings as prompts."""
    voice, lines = Voice.load(), [row["text"] for folder in folders for row in read_jsonl(folder / "manifest.jsonl")
                                  if row.get("text") and row.get("split", "train") == "train"]
    order = random.Random(1)
    for path in clips(folders):
        try:
            prompt = read_prompt(load_audio(path, RATE), RATE)
            mel = voice.perform(order.choice(lines), prompt, None).mel
        except InputError:  # a recording too short or poor for a prompt
            continue
        at = order.randrange(max(1, len(mel) - int(SNIPPET * RATE / HOP)))
        yield path, torch.from_numpy(mel[at:at + int(SNIPPET * RATE / HOP)])


def cache(args: argparse.Namespace) -> None:
    """Write the teacher's features of up to --seconds of speech, one file a clip."""
    teacher, done = Generator(ALL), 0.0
    args.cache.mkdir(parents=True, exist_ok=True)
    for number, (path, mel) in enumerate((spoken if args.voice else recorded)(args.data)):
        if len(mel) <= CROP:
            continue
        with torch.inference_mode():
            *stages, audio = teacher.features(mel[None])
        name = f"{'voice' if args.voice else ''}{number:05d}.pt"
        torch.save([mel, *(f[0].half() for f in stages), audio[0]], args.cache / name)
        done += len(mel) * HOP / RATE
        print(f"{done:.0f} s {path}", flush=True)
        if done > args.seconds:
            break


def batch(cached: list[list[Tensor]], order: random.Random) -> list[Tensor]:
    """The teacher's features of four stages [N,C,·] and audio [N,256 CROP], at random places."""
    rows = []
    for mel, *stages, audio in order.choices(cached, [len(mel) for mel, *_ in cached], k=BATCH):
        at = order.randrange(len(mel) - CROP)
        cut = [s[:, at * (r := s.shape[1] // len(mel)):(at + CROP) * r].float() for s in stages]
        rows.append([*cut, audio[at * HOP:(at + CROP) * HOP]])
    return [torch.stack(column) for column in zip(*rows, strict=True)]


def relative(student: Tensor, teacher: Tensor) -> Tensor:
    """L1 distance as a share of the teacher's size."""
    return (student - teacher).abs().mean() / teacher.abs().mean()


def spectra_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Log magnitude L1 and spectral convergence at three resolutions, and log-mel L1."""
    total = student.new_zeros(())
    for size in (256, 512, 1024):
        window = torch.hann_window(size)
        a, b = (torch.view_as_real(torch.stft(x, size, size // 4, window=window, return_complex=True))
                .square().sum(-1).add(1e-7).sqrt() for x in (student, teacher))
        total = total + (a.log() - b.log()).abs().mean() + (a - b).norm() / b.norm()
    bank = mel_basis("cpu")  # of n_fft 1024, the last size
    return total / 3 + ((bank @ a).clamp(min=1e-5).log() - (bank @ b).clamp(min=1e-5).log()).abs().mean()


def ripple(student: Tensor, teacher: Tensor) -> Tensor:
    """How differently the power above `RIPPLE_HZ` lies in the parts of a mel frame, in nepers, over all frames that
    sound; audio [N,256 T] that starts with a frame."""
    taps = torch.arange(-64, 65)
    low = torch.sinc(2 * RIPPLE_HZ / RATE * taps) * torch.hann_window(len(taps), periodic=False)
    high = (taps == 0).float() - low / low.sum()
    total = student.new_zeros(())
    for parts in PARTS:
        ours, theirs = (F.conv1d(x[:, None], high[None, None], padding=64).square()
                        .reshape(len(x), -1, parts, HOP // parts).mean(-1) for x in (student, teacher))
        level = theirs.mean(-1, keepdim=True)
        sounding = (level > SILENT) / level.clamp(min=SILENT)
        a, b = ((power * sounding).mean((0, 1)).clamp(min=1e-3).log() for power in (ours, theirs))
        total = total + (a - b).abs().mean()
    return total


def losses(student: list[Tensor], teacher: list[Tensor]) -> dict[str, Tensor]:
    pairs = []
    for pair in zip(student, teacher, strict=True):
        edge = pair[0].shape[-1] // CROP * EDGE
        pairs.append([x[..., edge:-edge] for x in pair])
    found = {f"stage{i}": relative(a, b) for i, (a, b) in enumerate(pairs[:-1])}
    return found | {"wave": relative(*pairs[-1]), "spectra": spectra_loss(*pairs[-1]), "ripple": ripple(*pairs[-1])}


def train(args: argparse.Namespace) -> None:
    """Train for --minutes, the learning rate falling on a cosine; the checkpoint holds averaged weights."""
    torch.manual_seed(0)
    net, order = Generator(KERNELS), random.Random(0)
    cached = [torch.load(path) for path in sorted(args.cache.glob("*.pt"))]
    if args.init:
        net.load_state_dict(torch.load(args.init))
    learnt = [p for name, p in net.named_parameters() if not name.startswith(FIRST)]
    optimiser = torch.optim.AdamW(learnt, args.rate, betas=(0.8, 0.99), weight_decay=0.0)
    average = {k: v.clone() for k, v in net.state_dict().items()}
    step, sums, started = 0, {}, time.monotonic()
    while (share := (time.monotonic() - started) / (60 * args.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = args.rate * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * (1 + math.cos(math.pi * share)) / 2)
        teacher = batch(cached, order)
        parts = losses(net.rest(teacher[0], teacher if share < args.forced else None), teacher)
        optimiser.zero_grad()
        weights = {name: args.features for name in parts if name.startswith("stage")} | {"ripple": args.ripple}
        sum(v * weights.get(name, 1.0) for name, v in parts.items()).backward()
        nn.utils.clip_grad_norm_(learnt, 5.0)
        optimiser.step()
        step += 1
        for name, value in net.state_dict().items():
            average[name].lerp_(value, max(0.005, 19 / (step + 20)))
        sums = {name: sums.get(name, 0.0) + value.item() / LOG for name, value in parts.items()}
        if step % LOG == 0:
            print(step, f"{time.monotonic() - started:.0f} s", *(f"{k} {v:.4f}" for k, v in sums.items()), flush=True)
            sums = {}
            torch.save(average, args.out)
    torch.save(average, args.out)


def save_half(net: Generator, path: Path, name_of: Callable[[str], str]) -> dict[str, tuple[int, int]]:
    """Write the weights as float16; where each one lies in the file (first byte, the one after the last)."""
    from safetensors.torch import save

    data = save({name_of(name): value.half().contiguous() for name, value in net.state_dict().items()})
    path.write_bytes(data)
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {name: tuple(start + at for at in entry["data_offsets"]) for name, entry in header.items()}


def write(net: Generator, out: Path, name_of: Callable[[str], str] = str) -> None:
    """Write model.safetensors (float16), its tensors under `name_of` their own names, and model.onnx, which reads its
    weights out of it."""
    import onnx

    out.mkdir(parents=True, exist_ok=True)
    places, path = save_half(net, out / "model.safetensors", name_of), out / "model.onnx"
    torch.onnx.export(net, (torch.zeros(1, 40, 80),), str(path), input_names=["mel"], output_names=["audio"],
                      opset_version=17, dynamo=False,
                      dynamic_axes={"mel": {0: "N", 1: "T"}, "audio": {0: "N", 1: "L"}})
    graph = onnx.load(str(path))
    for tensor in graph.graph.initializer:
        graph.graph.node.insert(0, outside(tensor, *places[name_of(tensor.name)]))
    path.write_bytes(graph.SerializeToString())


def export(args: argparse.Namespace) -> None:
    """Write config.json, model.safetensors (float16) and model.onnx, which reads its weights out of it."""
    net = Generator(KERNELS)
    net.load_state_dict(torch.load(args.checkpoint))
    write(net, args.out)
    config = json.loads((TEACHER / "config.json").read_text(encoding="utf-8"))
    config |= {"architectures": ["HifiGanLite"], "model_type": "hifigan_lite", "resblock_kernels_by_stage": KERNELS}
    del config["resblock_kernel_sizes"], config["transformers_version"]
    (args.out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def outside(tensor: Any, first: int, end: int) -> Any:
    """Turn an ONNX initializer into a float16 reference to model.safetensors; the node that casts it back."""
    import onnx

    name, shape = tensor.name, list(tensor.dims)
    tensor.Clear()
    tensor.name, tensor.data_type, tensor.data_location = name + "_f16", onnx.TensorProto.FLOAT16, 1  # 1: external
    tensor.dims.extend(shape)
    for key, value in (("location", "model.safetensors"), ("offset", first), ("length", end - first)):
        tensor.external_data.add(key=key, value=str(value))
    return onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True, dest="step")
    one, two, three = (steps.add_parser(step.__name__, help=step.__doc__) for step in (cache, train, export))
    one.add_argument("cache", type=Path)
    one.add_argument("--data", type=Path, action="append", required=True, help="folder with manifest.jsonl; repeatable")
    one.add_argument("--seconds", type=float, default=330.0, help="of speech in all (4.3 MB each)")
    one.add_argument("--voice", action="store_true", help="of the dubctl voice, prompted by the recordings")
    two.add_argument("cache", type=Path)
    two.add_argument("out", type=Path, help="checkpoint")
    two.add_argument("--minutes", type=float, default=50.0)
    two.add_argument("--forced", type=float, default=0.3, help="share of the time on the teacher's features")
    two.add_argument("--features", type=float, default=1.0, help="weight of the stages in the loss")
    two.add_argument("--ripple", type=float, default=0.0, help="weight of even frames in the loss")
    two.add_argument("--init", type=Path, help="checkpoint to go on from")
    two.add_argument("--rate", type=float, default=1e-3)
    three.add_argument("checkpoint", type=Path)
    three.add_argument("out", type=Path, help="folder")
    args = parser.parse_args()
    {"cache": cache, "train": train, "export": export}[args.step](args)


if __name__ == "__main__":
    main()
