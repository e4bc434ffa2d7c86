"""HiFi-GAN as a network that can be trained, and how a vocoder's two files are written: `model.safetensors` and a
`model.onnx` that reads its weights out of it. Writing needs the package `onnx`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import SpeechT5HifiGan

TEACHER = Path(__file__).resolve().parents[1] / "vocoder-hifigan"
Places = dict[str, tuple[int, int]]  # where a tensor lies in a file: its first byte, the one after its last


def hifigan() -> SpeechT5HifiGan:
    """HiFi-GAN V1, [N,T,80] -> [N,256 T], with the weights that ship and under the names that they have there."""
    return SpeechT5HifiGan.from_pretrained(TEACHER, dtype=torch.float32)


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> Places:
    """Write tensors as they are; where each one lies in the file."""
    from safetensors.torch import save

    data = save({name: value.contiguous() for name, value in tensors.items()})
    path.write_bytes(data)
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {name: tuple(start + at for at in entry["data_offsets"]) for name, entry in header.items()}


def write(net: nn.Module, out: Path) -> None:
    """Write model.safetensors (float16) and model.onnx, which reads its weights out of it."""
    import onnx

    out.mkdir(parents=True, exist_ok=True)
    places = save_tensors({name: value.half() for name, value in net.state_dict().items()}, out / "model.safetensors")
    path = out / "model.onnx"
    torch.onnx.export(net, (torch.zeros(1, 40, 80),), str(path), input_names=["mel"], output_names=["audio"],
                      opset_version=17, dynamo=False,
                      dynamic_axes={"mel": {0: "N", 1: "T"}, "audio": {0: "N", 1: "L"}})
    graph = onnx.load(str(path))
    for tensor in graph.graph.initializer:
        graph.graph.node.insert(0, outside(tensor, *places[tensor.name]))
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
