"""A voice between voices: the weighted mean of their weights, which holds where they were trained from one another.

    python models/recipes/mix_voices.py models/voice=0.55 runs/a/voice=0.225 runs/b/voice=0.225 -o mixed

A long run drifts from what it started with; part of the way keeps what both can do (Wortsman et al. 2022, "Robust
fine-tuning of zero-shot models" and "Model soups"). `--keep variance aggregate` leaves such parts of the network as the
first voice has them: what a run unlearns in one part is not averaged in with what it learns in another.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def mix(voices: dict[Path, float], out: Path, keep: Sequence[str] = ()) -> None:
    """Write the mean of voices of one network, weighted as given (float16); the rest is copied from the first.

    Args:
        keep: parts of the network (the first word of their tensors' names) that stay as the first voice has them.

    Raises:
        ValueError: weights that do not sum to 1, voices of different networks, or a part that the network lacks.
    """
    if abs(sum(voices.values()) - 1) > 1e-6:
        raise ValueError(f"the weights sum to {sum(voices.values()):g}, not to 1")
    parts = [(load_file(folder / "model.safetensors"), weight) for folder, weight in voices.items()]
    first = parts[0][0]
    if any({n: t.shape for n, t in part.items()} != {n: t.shape for n, t in first.items()} for part, _ in parts):
        raise ValueError("voices of different networks cannot be mixed")
    part_of = {name: name.partition(".")[0] for name in first}
    if lacking := sorted(set(keep) - set(part_of.values())):
        raise ValueError(f"the network has no part {', '.join(lacking)}")

    def mixed(name: str) -> torch.Tensor:
        if part_of[name] in keep:
            return first[name]
        return sum((weight * part[name].float() for part, weight in parts), torch.zeros(()))

    out.mkdir(parents=True, exist_ok=True)
    save_file({name: mixed(name).half().contiguous() for name in first}, out / "model.safetensors")
    shutil.copy(next(iter(voices)) / "config.json", out / "config.json")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("voices", nargs="+", metavar="FOLDER=WEIGHT")
    p.add_argument("-o", "--out", type=Path, required=True)
    p.add_argument("--keep", nargs="*", default=[], metavar="PART", help="parts that stay as the first voice has them")
    args = p.parse_args()
    pairs = [voice.rsplit("=", 1) for voice in args.voices]
    try:
        mix({Path(folder): float(weight) for folder, weight in pairs}, args.out, args.keep)
    except ValueError as err:
        p.error(str(err))


if __name__ == "__main__":
    main()
