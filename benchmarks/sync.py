"""In time? GRID clips through the whole of `dubctl dub`, each read by an onset model that has not seen it.

    python models/recipes/speech_onset.py GRID --tracks TRACKS.safetensors -o FOLDS --folds 5
    python benchmarks/sync.py GRID --folds FOLDS --prompt examples/voice.wav --asr WHISPER -o runs/sync

GRID is the folder of benchmarks/speech_window.py. Every `--every`-th clip is dubbed with its own text and `--ending`.
Start and end of the made speech are compared with the visible speech window (by the lips alone, as `dubctl eval
--metrics sync` reads it), and with where the talker himself is heard in the recording, which no one who dubs knows; how
loudness follows the lips stands beside the recordings'. With `--asr`, the words of both are heard too. Writes
RESULT.json and the dubs, prints a table; intervals are 95 % over clips (one talker: they say nothing of other faces).
The shipped voice was trained on GRID s1's speech: its WER there is not of unseen lines.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from speech_window import heard, unseen
from voice import exit_code_of

from dubctl.dubbing.session import DubRequest, dub_clip
from dubctl.emotion import speech_onset
from dubctl.errors import InputError
from dubctl.files import read_jsonl, write_json
from dubctl.media.audio import RATE, load_audio, save_wav
from dubctl.media.mel import HOP
from dubctl.metrics.base import EvalItem
from dubctl.metrics.faces import mouth_of
from dubctl.metrics.run import evaluate
from dubctl.metrics.stats import bootstrap_ci
from dubctl.metrics.sync import lips_loudness, sound_span
from dubctl.synth.chunks import chunk_tokens
from dubctl.synth.symbols import is_sound

NEAR = 0.08 + 1e-9  # seconds; the bar of the project


def main() -> int:
    args = parse()
    return exit_code_of(lambda: benchmark(args))


def benchmark(args: argparse.Namespace) -> None:
    """Dub, measure, write, print."""
    models, rows, truth = material(args)
    clips = []
    for number, row in enumerate(rows, 1):
        model = models[row["id"]]
        speech_onset.shipped = lambda model=model: model  # the one model that has not seen this clip
        clips.append(measured(args, row, truth[row["id"]]))
        print(f"\r{number}/{len(rows)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    result: dict[str, Any] = {"clips": len(clips), "checkpoint": str(args.checkpoint or "shipped"),
                              "figures": summary(clips), "rows": clips}
    if args.asr:
        result["wer"] = words(args, rows)
    write_json(args.out / "RESULT.json", result)
    print(table(result))


def material(args: argparse.Namespace) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, tuple[float, float]]]:
    """The model that has not seen a clip, the clips' rows, and where the talker is heard, seconds; all by clip."""
    args.out.mkdir(parents=True, exist_ok=True)
    models = unseen(args.folds)
    rows = [row for row in read_jsonl(args.grid / "manifest.jsonl") if row["id"] in models][:: args.every]
    if not rows:
        raise InputError(f"no clip of {args.grid} was left out by the models in {args.folds}",
                         "make them with models/recipes/speech_onset.py --folds 5")
    truth = heard(args.grid, rows, args.tracks)
    return models, [{**row, "text": row["text"] + args.ending} for row in rows], truth


def measured(args: argparse.Namespace, row: dict[str, Any], truth: tuple[float, float]) -> dict[str, Any]:
    """Errors in seconds (made minus seen, made minus heard) and correlations of one clip."""
    clip, out = args.grid / row["video"], args.out / f"{row['id']}.wav"
    report = dub_clip(DubRequest(clip=clip, script=row["text"], prompt=args.prompt, out=out, voice=args.checkpoint,
                                 seed=0, vocoder=args.vocoder))
    mouth, recording = mouth_of(clip), load_audio(clip, RATE)
    save_wav(args.out / f"{row['id']}_recording.wav", recording, RATE)
    found: dict[str, Any] = {"id": row["id"], "stretch": report["speech"]["stretch"]}
    if mouth.window is None:
        return found | {"window": None}
    dubbed = load_audio(out, RATE)
    made = sound_span(dubbed)
    return found | {"window": mouth.window, "words": word_starts(report, row),
                    **{f"{name}_{of}": made[i] - span[i] for of, span in (("seen", mouth.window), ("heard", truth))
                       for i, name in enumerate(("start", "end"))},
                    "lips_dub": lips_loudness(dubbed, mouth),
                    "lips_recording": lips_loudness(recording, mouth)}


def word_starts(report: dict[str, Any], row: dict[str, Any]) -> list[float]:
    """Seconds by which the words but the first start later than their labels; [] where the two do not match."""
    lengths = report["speech"]["durations_frames"]
    edges = report["speech"]["start"] + np.concatenate([[0], np.cumsum(lengths)]) * HOP / RATE
    made, fresh = [], True
    for phone, start in zip((p for tokens in chunk_tokens(row["text"]) for p in tokens.phones), edges, strict=False):
        if is_sound(phone) and fresh:
            made.append(float(start))
        fresh = not is_sound(phone)
    said = [start for word, start, _ in row["words"] if word not in ("sil", "sp")]
    return [a - b for a, b in zip(made[1:], said[1:], strict=True)] if len(made) == len(said) else []


def summary(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """Shares within 80 ms (a clip without a window counts as missed) and mean correlations, with intervals."""
    figures: dict[str, Any] = {}
    for name in ("start_seen", "end_seen", "start_heard", "end_heard"):
        figures[name] = with_interval([float(abs(clip.get(name, np.inf)) <= NEAR) for clip in clips])
    figures["words_near"] = with_interval([float(np.mean(np.abs(clip["words"]) <= NEAR)) for clip in clips
                                           if clip.get("words")])
    for name in ("lips_dub", "lips_recording"):
        figures[name] = with_interval([clip[name] for clip in clips if clip.get(name) is not None])
    return figures


def with_interval(values: list[float]) -> dict[str, Any]:
    """Mean and its 95 % interval."""
    return {"value": float(np.mean(values)) if values else None, "ci95": bootstrap_ci(values, None, None),
            "n": len(values)}


def words(args: argparse.Namespace, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Corpus WER of the dubs and of the recordings."""
    found = {}
    for name, ending in (("dubs", ""), ("recordings", "_recording")):
        items = [EvalItem(row["id"], dub=args.out / f"{row['id']}{ending}.wav", text=row["text"]) for row in rows]
        wer = evaluate(items, ["wer"], asr=args.asr).results["wer"]
        found[name] = {"value": wer.value, "ci95": wer.ci95}
    return found


def table(result: dict[str, Any]) -> str:
    """For the model card."""
    labels = {"start_seen": "starts within 80 ms of the visible window", "end_seen": "ends so",
              "start_heard": "starts within 80 ms of the talker's own sound", "end_heard": "ends so",
              "words_near": "words but the first that start within 80 ms of their labels",
              "lips_dub": "lips to loudness, dubs", "lips_recording": "lips to loudness, recordings"}
    rows = [(labels[name], figure) for name, figure in result["figures"].items()]
    rows += [(f"WER of the {name}", figure) for name, figure in result.get("wer", {}).items()]
    lines = [f"| {result['clips']} clips | |", "|---|---|"]
    for label, figure in rows:
        spread = f" [{figure['ci95'][0]:.2f}, {figure['ci95'][1]:.2f}]" if figure["ci95"] else ""
        lines.append(f"| {label} | {'–' if figure['value'] is None else format(figure['value'], '.2f')}{spread} |")
    return "\n".join(lines)


def arguments(about: str | None) -> argparse.ArgumentParser:
    """The flags of every benchmark on these clips."""
    p = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("grid", type=Path)
    p.add_argument("--folds", type=Path, required=True)
    p.add_argument("--prompt", type=Path, required=True)
    p.add_argument("--tracks", type=Path, help="cache of benchmarks/speech_window.py")
    p.add_argument("--every", type=int, default=13)
    p.add_argument("--ending", default=".", help="what is written behind each text: GRID's have no mark, scripts have")
    p.add_argument("--vocoder", choices=("lite", "hifigan"), default="hifigan")
    p.add_argument("-o", "--out", type=Path, required=True)
    return p


def parse() -> argparse.Namespace:
    p = arguments(__doc__)
    p.add_argument("--checkpoint", type=Path, help="voice folder or run checkpoint (default: shipped)")
    p.add_argument("--asr", help="local Whisper folder")
    return p.parse_args()


if __name__ == "__main__":
    sys.exit(main())
