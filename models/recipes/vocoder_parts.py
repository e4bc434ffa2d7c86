"""HiFi-GAN as a network that can be trained, and how a vocoder's two files are written: `model.safetensors` and a
`model.onnx` that reads its weights out of it. Writing needs the package `onnx`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TEACHER = Path(__file__).resolve().parents[1] / "vocoder-hifigan"
KERNELS = (3, 7, 11)  # of the residual blocks of each stage
STAGES = 4
Places = dict[str, tuple[int, int]]  # where a tensor lies in a file: its first byte, the one after its last


class Generator(nn.Module):
    """HiFi-GAN V1, with the weights that ship."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import SpeechT5HifiGan

        ships = SpeechT5HifiGan.from_pretrained(TEACHER, dtype=torch.float32)
        self.conv_pre, self.upsampler, self.conv_post = ships.conv_pre, ships.upsampler, ships.conv_post
        count = len(KERNELS)
        self.resblocks = nn.ModuleList(nn.ModuleList(ships.resblocks[count * i: count * (i + 1)])
                                       for i in range(STAGES))

    def stage(self, i: int, x: Tensor) -> Tensor:
        x = self.upsampler[i](F.leaky_relu(x, 0.1))
        return reduce(torch.add, [block(x) for block in self.resblocks[i]]) / len(KERNELS)

    def forward(self, mel: Tensor) -> Tensor:
        """[N,T,80] -> [N,256 T]."""
        x = self.conv_pre(mel.transpose(1, 2))
        for i in range(STAGES):
            x = self.stage(i, x)
        return torch.tanh(self.conv_post(F.leaky_relu(x, 0.01))).squeeze(1)


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> Places:
    """Write tensors as they are; where each one lies in the file."""
    from safetensors.torch import save

    data = save({name: value.contiguous() for name, value in tensors.items()})
    path.write_bytes(data)
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {name: tuple(start + at for at in entry["data_offsets"]) for name, entry in header.items()}


def write(net: Generator, out: Path, name_of: Callable[[str], str] = str) -> None:
    """Write model.safetensors (float16), its tensors under `name_of` their own names, and model.onnx, which reads its
    weights out of it."""
    import onnx

    out.mkdir(parents=True, exist_ok=True)
    places = save_tensors({name_of(name): value.half() for name, value in net.state_dict().items()},
                          out / "model.safetensors")
    path = out / "model.onnx"
    torch.onnx.export(net, (torch.zeros(1, 40, 80),), str(path), input_names=["mel"], output_names=["audio"],
                      opset_version=17, dynamo=False,
                      dynamic_axes={"mel": {0: "N", 1: "T"}, "audio": {0: "N", 1: "L"}})
    graph = onnx.load(str(path))
    for tensor in graph.graph.initializer:
        graph.graph.node.insert(0, outside(tensor, *places[name_of(tensor.name)]))
    path.write_bytes(graph.SerializeToString())


def outside(tensor: Any, first: int, end: int) -> Any:
    """Turn an ONNX initializer into a float16 reference to model.safetensors; the node that casts it back."""
    import onnx

    name = tensor.name
    beside(tensor, name + "_f16", onnx.TensorProto.FLOAT16, first, end)
    return onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT)


def beside(tensor: Any, name: str, kind: int, first: int, end: int) -> None:
    """Turn an ONNX initializer into a reference, of this name and type, to model.safetensors."""
    shape = list(tensor.dims)
    tensor.Clear()
    tensor.name, tensor.data_type, tensor.data_location = name, kind, 1  # 1: external
    tensor.dims.extend(shape)
    for key, value in (("location", "model.safetensors"), ("offset", first), ("length", end - first)):
        tensor.external_data.add(key=key, value=str(value))
