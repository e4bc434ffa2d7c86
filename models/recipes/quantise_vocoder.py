"""Make `vocoder-lite`: HiFi-GAN universal, most of whose convolutions are computed in 8 bits.

    python models/recipes/quantise_vocoder.py models/vocoder-lite --data D/kokoro_mix --data D/librispeech \\
        --data D/kathleen --data D/cmu_arctic

Quantised are the residual blocks of the first three stages, 54 of 74 convolutions and four fifths of the work: weights
by output channel, what goes in and comes out by the ranges that it has on `CLIPS` crops of 1.7 s, two thirds of
recordings and one third of what the dubctl voice says. The last stage works at the rate of the sound: its rounding is
heard as hiss (models/vocoder-lite/MODEL_CARD.md), so it stays as it is. Weights have 7 bits, for processors without
VNNI add two products of 8 by 8 bits in 16. Needs the package `onnx`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from vocoder_parts import TEACHER, beside, outside, save_tensors

from dubctl.errors import InputError
from dubctl.files import read_jsonl, write_json
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE, mel_spectrogram
from dubctl.synth.prompt import read_prompt
from dubctl.synth.voice import Voice

QUANTISED = re.compile(r"resblocks\.[0-8]/")  # names of nodes; three blocks a stage
CLIPS, FRAMES = 108, 150  # crops that say how far values range, and their mel frames
SPOKEN = 3  # every so many of them is of the voice
PEAKS = 0.5, 0.95  # of the recordings, which are played at levels between
SMALL = 64  # values at most that stay in the graph


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


def recorded(folders: list[Path], order: random.Random) -> Iterator[np.ndarray]:
    """Log-mels [T,80] of recordings, some louder than others."""
    for path in clips(folders):
        wav = load_audio(path, RATE)
        level = order.uniform(*PEAKS) / max(1e-3, float(np.abs(wav).max()))
        yield mel_spectrogram(torch.from_numpy((level * wav).astype(np.float32))).numpy()


def spoken(folders: list[Path], order: random.Random) -> Iterator[np.ndarray]:
    """What the dubctl voice gives the vocoder: lines of the folders with their recordings as prompts."""
    voice, lines = Voice.load(), [row["text"] for folder in folders for row in read_jsonl(folder / "manifest.jsonl")
                                  if row.get("text") and row.get("split", "train") == "train"]
    for path in clips(folders):
        try:
            yield voice.perform(order.choice(lines), read_prompt(load_audio(path, RATE), RATE), None).mel
        except InputError:  # a recording too short or poor for a prompt
            continue


def crops(mels: Iterator[np.ndarray], order: random.Random) -> Iterator[np.ndarray]:
    """[1,FRAMES,80] of each that is long enough."""
    for mel in mels:
        if len(mel) >= FRAMES:
            at = order.randrange(len(mel) - FRAMES + 1)
            yield mel[None, at: at + FRAMES].astype(np.float32)


def material(folders: list[Path]) -> list[np.ndarray]:
    """The crops that say how far values range."""
    order = random.Random(5)
    of_voice = CLIPS // SPOKEN
    return list(chain(islice(crops(spoken(folders, order), order), of_voice),
                      islice(crops(recorded(folders, order), order), CLIPS - of_voice)))


def whole(folder: Path) -> Any:
    """A vocoder's graph with its weights inside, in float32."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(folder / "model.onnx"))
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [n for n in model.graph.node if n.op_type == "Cast" and n.input[0] in stored]:
        value = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
        model.graph.initializer.remove(stored[node.input[0]])
        model.graph.node.remove(node)
    return model


def quantised(model: Any, mels: list[np.ndarray]) -> Any:
    """The graph with the residual blocks of its first stages in 8 bits."""
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(mels)

        def get_next(self) -> dict[str, np.ndarray] | None:
            mel = next(self.left, None)
            return None if mel is None else {"mel": mel}

    left_out = [n.name for n in model.graph.node if n.op_type == "Conv" and not QUANTISED.search(n.name)]
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        onnx.save(model, str(before))
        quantize_static(before, after, Reader(), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"],
                        per_channel=True, reduce_range=True, activation_type=QuantType.QUInt8,
                        weight_type=QuantType.QInt8, nodes_to_exclude=left_out,
                        calibrate_method=CalibrationMethod.MinMax)
        return onnx.load(str(after))


def write(model: Any, out: Path) -> None:
    """Write model.safetensors (8-bit weights as they are, others in float16) and model.onnx, which reads its weights
    out of it."""
    import onnx
    from onnx import numpy_helper

    out.mkdir(parents=True, exist_ok=True)
    large = [t for t in model.graph.initializer if np.prod(t.dims) > SMALL]
    values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in large}
    halved = {name for name, value in values.items() if value.is_floating_point() and not name.endswith("_scale")}
    places = save_tensors({n: v.half() if n in halved else v for n, v in values.items()}, out / "model.safetensors")
    for tensor in large:
        if (name := tensor.name) in halved:
            model.graph.node.insert(0, outside(tensor, *places[name]))
        else:
            beside(tensor, name, tensor.data_type, *places[name])
    onnx.save(model, str(out / "model.onnx"))


def config(folder: Path) -> dict[str, Any]:
    """The original's settings, and what was quantised."""
    found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    found |= {"architectures": ["HifiGanInt8"], "model_type": "hifigan_int8", "quantised_stages": [0, 1, 2]}
    found.pop("transformers_version", None)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the vocoder")
    parser.add_argument("--data", type=Path, action="append", required=True, help="with manifest.jsonl; repeatable")
    args = parser.parse_args()
    write(quantised(whole(TEACHER), material(args.data)), args.out)
    write_json(args.out / "config.json", config(TEACHER))


if __name__ == "__main__":
    main()
