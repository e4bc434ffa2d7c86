"""Checkpoints: one safetensors file holding weights, EMA and optimiser state; no pickle, always whole on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from dubctl.errors import InputError
from dubctl.files import atomic_path
from dubctl.synth.config import network_config

FORMAT = 1


def save(path: Path, groups: dict[str, dict[str, torch.Tensor]], meta: dict[str, Any]) -> None:
    """Write tensors under `<group>.<name>` and `meta` as JSON in the header, atomically."""
    flat = {f"{group}.{name}": tensor.detach().cpu().contiguous().clone()
            for group, tensors in groups.items() for name, tensor in tensors.items()}
    with atomic_path(path) as part:
        save_file(flat, part, metadata={"meta": json.dumps({"format": FORMAT, **meta}, sort_keys=True)})


def load(path: Path) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]]:
    """Groups and meta of a checkpoint.

    Raises:
        InputError: missing, cut, or not a checkpoint of this format.
    """
    try:
        with safe_open(path, "pt") as reader:
            meta = json.loads((reader.metadata() or {}).get("meta", "{}"))
        flat = load_file(path)
    except FileNotFoundError as err:
        raise InputError(f"no such checkpoint: {path}") from err
    except Exception as err:
        raise InputError(f"not a readable checkpoint: {path} ({err})",
                         "point at a run's checkpoint.safetensors") from err
    if meta.get("format") != FORMAT:
        raise InputError(f"{path}: not a dubctl checkpoint (format {meta.get('format')})")
    _complete(meta, str(path))
    groups: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in flat.items():
        group, name = key.split(".", 1)
        groups.setdefault(group, {})[name] = tensor
    return groups, meta


def _complete(meta: dict[str, Any], name: str) -> None:
    """Give a checkpoint's network configuration the fields that later versions added, at their defaults: a run that
    was started before goes on."""
    model = meta.get("config", {}).get("model")
    if model is not None:
        whole = network_config(model, name).as_dict()
        meta["config"]["model"] = json.loads(json.dumps(whole))


def optimiser_tensors(optimiser: torch.optim.Optimizer, names: dict[int, str]) -> dict[str, torch.Tensor]:
    """Optimiser state as named tensors; `names` maps id(parameter) to its name."""
    out = {}
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            out[f"{key}|{names[id(parameter)]}"] = torch.as_tensor(value)
    return out


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor],
                      parameters: dict[str, torch.nn.Parameter]) -> None:
    """The inverse of `optimiser_tensors`."""
    for key, value in tensors.items():
        slot, name = key.split("|", 1)
        parameter = parameters[name]
        optimiser.state[parameter][slot] = value.to(parameter.device).clone()
