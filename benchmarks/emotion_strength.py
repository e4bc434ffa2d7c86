"""Is strength heard in order? `--emotion NAME:S` for S = 0.2 … 1.0 on plain lines of unseen voices.

    python benchmarks/emotion_strength.py benchmarks/lists/plain.json --data DATA/kokoro_mix -o runs/strength

Each of `--count` lines (one a voice) is spoken at its natural pace over a black clip, with the built-in library, as
`dubctl dub --emotion` does. Printed, mean over lines: seconds, 20-80 % range of the pitch, its median, and what the
recogniser of `dubctl eval` gives the feeling; and for how many lines the last minus the first has the mean's sign.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

from voice import in_turn, load_cases
from windows import clip_seconds, silent_clip

from dubctl.dubbing.acted import Feeling
from dubctl.dubbing.direction import Wishes, told
from dubctl.dubbing.references import emotion_batch, find
from dubctl.dubbing.scene_reading import read_scene
from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.profiles import load_profile
from dubctl.files import write_json
from dubctl.library.builtin import builtin_library
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.mel import HOP, RATE
from dubctl.ser.recogniser import Recogniser
from dubctl.synth.pitch import f0_track
from dubctl.synth.prompt import read_prompt
from dubctl.synth.voice import Voice

MEASURES = ("seconds", "range_st", "pitch_hz", "heard")


def measured(wav: np.ndarray, name: str, recogniser: Recogniser) -> list[float]:
    """`MEASURES` of one line's speech (S,)."""
    f0 = f0_track(wav, len(wav) // HOP)
    low, middle, high = np.percentile(f0[f0 > 0], (20, 50, 80))
    return [len(wav) / RATE, float(12 * np.log2(high / low)), float(middle),
            float(recogniser.probabilities(wav)[EMOTIONS.index(name)])]


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    lines = json.loads(args.list.read_text(encoding="utf-8"))
    cases = in_turn(load_cases(lines, lines, args.data, args.data, False))[: args.count]
    voice, recogniser = Voice.load(args.checkpoint), Recogniser.load()
    profile, library = load_profile("lite"), builtin_library()
    args.out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {}
    for name in args.emotions:
        table = np.zeros((len(cases), len(args.strengths), len(MEASURES)))
        for i, case in enumerate(cases):
            clip = silent_clip(args.out, clip_seconds(case.text))
            reading = read_scene(clip, case.text, profile)
            prompt = read_prompt(load_audio(case.prompt, RATE), RATE)
            for j, strength in enumerate(args.strengths):
                feeling = Feeling(name, strength)
                felt = told(reading, feeling, profile)
                hits = find(library, felt, 3, None, clip, case.text, feeling)
                done = voice.perform(case.text, prompt, None, emotion=emotion_batch(library, felt, hits, feeling),
                                     direction=Wishes(feeling=feeling).whole())
                wav = voice.vocoder(done.mel)
                save_wav(args.out / f"{case.id}_{name}_{strength}.wav", wav, RATE)
                table[i, j] = measured(wav, name, recogniser)
        means = table.mean(0)
        change = table[:, -1] - table[:, 0]
        report[name] = {measure: {"means": [round(float(v), 3) for v in means[:, m]],
                                  "in_order": len(set(np.sign(np.diff(means[:, m])))) == 1,
                                  "lines_alike": int((np.sign(change[:, m]) == np.sign(change[:, m].mean())).sum()),
                                  "lines": len(cases)} for m, measure in enumerate(MEASURES)}
        print(name, json.dumps(report[name]), flush=True)
    write_json(args.out / "strength.json", {"strengths": args.strengths, **report})


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("list", type=Path)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("-o", "--out", type=Path, required=True)
    p.add_argument("--checkpoint", type=Path)
    p.add_argument("--count", type=int, default=6)
    p.add_argument("--emotions", nargs="+", default=["sadness"])
    p.add_argument("--strengths", type=float, nargs="+", default=[0.2, 0.4, 0.6, 0.8, 1.0])
    return p.parse_args()


if __name__ == "__main__":
    main()
