"""The vocoder benchmark: held-out recordings copy-synthesised, and how long that takes.

    taskset -c 0,1 python benchmarks/vocoder.py models/vocoder-hifigan models/vocoder-lite --data DATA/kokoro_mix \\
        --asr WHISPER -o runs/vocoder

DATA has `manifest.jsonl`; clips are taken from its rows of `--split`, speakers in turn, those without a row of another
split first. Each clip's log-mel goes through each vocoder (a folder with `model.onnx`: mel [1,T,80] -> audio). Figures:

- CPU and wall seconds per second of audio in onnxruntime, at 1 and at 2 threads: medians over `--repeats` warm runs of
  `--timed` seconds of mel, the vocoders taking turns, so that what else runs on the machine falls on all of them;
- DNSMOS OVRL and DistillMOS (`dubctl[mos]`), means and mean losses against the first vocoder with a 95 % interval over
  clips;
- corpus WER of a Whisper transcript, left out without `--asr`; "recording" is the clip itself;
- log-mel L1 of the speech to the mel it was made from, and to the first vocoder's speech.

Writes RESULT.json and the speech to the output folder and prints a table for the model card; `--check` exits 6 if the
last vocoder loses over 0.1 OVRL against the first or hears more words wrong than it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from voice import MOS, exit_code_of, hold_to_bars

from dubctl.errors import InputError
from dubctl.files import read_jsonl, write_json
from dubctl.media.audio import load_audio, save_wav

RATE, HOP = 22050, 256
LOSS = 0.1  # OVRL that may be lost


@dataclass(frozen=True)
class Clip:
    """A held-out recording and its log-mel [T,80]."""

    id: str
    text: str
    wav: np.ndarray
    mel: np.ndarray


def mel_of(wav: np.ndarray) -> np.ndarray:
    import torch

    from dubctl.media.mel import mel_spectrogram

    return mel_spectrogram(torch.from_numpy(np.ascontiguousarray(wav, np.float32))).numpy()


def load_clips(data: Path, split: str, count: int, shortest: float) -> list[Clip]:
    """Up to `count` clips of a split, speakers in turn, those in no other split first.

    Raises:
        InputError: the split has no clip that long.
    """
    rows = list(read_jsonl(data / "manifest.jsonl"))
    known = {row.get("speaker") for row in rows if row.get("split") != split}
    seen: dict[Any, int] = {}
    queue = []
    for at, row in enumerate(row for row in rows if row.get("split") == split and row["seconds"] >= shortest):
        speaker = row.get("speaker")
        seen[speaker] = seen.get(speaker, 0) + 1
        queue.append((speaker in known, seen[speaker], at, row))
    if not queue:
        raise InputError(f"{data} has no clip of split '{split}' that lasts {shortest:g} s")
    clips = []
    for *_, row in sorted(queue, key=lambda entry: entry[:3])[:count]:
        wav = load_audio(data / row["audio"], RATE)
        clips.append(Clip(str(row["id"]), str(row.get("text", "")), wav[:len(wav) // HOP * HOP], mel_of(wav)))
    return clips


def session(folder: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    return onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])


def speak(vocoder: Any, mel: np.ndarray) -> np.ndarray:
    return vocoder.run(None, {"mel": np.ascontiguousarray(mel[None], np.float32)})[0].reshape(-1)


def timings(folders: list[Path], mel: np.ndarray, threads: int, repeats: int) -> list[dict[str, float]]:
    """Median CPU and wall seconds per audio second of each vocoder, taking turns."""
    vocoders = [session(folder, threads) for folder in folders]
    taken: list[list[tuple[float, float]]] = [[] for _ in folders]
    for turn in range(repeats + 1):
        for vocoder, runs in zip(vocoders, taken, strict=True):
            cpu, wall = time.process_time(), time.perf_counter()
            speak(vocoder, mel)
            if turn:  # the first warms up
                runs.append((time.process_time() - cpu, time.perf_counter() - wall))
    seconds = len(mel) * HOP / RATE
    return [{"cpu": statistics.median(c for c, _ in runs) / seconds,
             "wall": statistics.median(w for _, w in runs) / seconds} for runs in taken]


def quality(clips: list[Clip], speech: dict[str, list[np.ndarray]], out: Path, asr: str | None,
            mos: list[str]) -> dict[str, Any]:
    """Figures per name of `speech`: WER where there is a recogniser, and the predicted opinion scores of `mos`."""
    from dubctl.metrics.asr import load_asr
    from dubctl.metrics.base import EvalItem
    from dubctl.metrics.run import evaluate

    recogniser = load_asr(asr) if asr else None
    names = (["wer"] if asr else []) + mos
    found: dict[str, Any] = {}
    for name, wavs in speech.items():
        items = []
        for clip, wav in zip(clips, wavs, strict=True):
            path = out / "speech" / name / f"{clip.id}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            save_wav(path, wav, RATE)
            items.append(EvalItem(clip.id, dub=path, text=clip.text))
        report = evaluate(items, names, asr=recogniser)
        found[name] = {metric: {"value": result.value, "ci95": result.ci95, "detail": result.detail,
                                "scores": [score.value for score in report.scores[metric]]}
                       for metric, result in report.results.items()}
        print(f"scored {name}", file=sys.stderr, flush=True)
    return found


def distances(clips: list[Clip], speech: dict[str, list[np.ndarray]], first: str) -> dict[str, dict[str, float]]:
    """Mean log-mel L1 to the mel put in and to the speech of the vocoder `first`."""
    mels = {name: [mel_of(wav) for wav in wavs] for name, wavs in speech.items()}

    def mean(name: str, others: list[np.ndarray]) -> float:
        return float(np.mean([np.abs(a - b).mean() for a, b in zip(mels[name], others, strict=True)]))

    return {name: {"mel_l1": mean(name, [c.mel for c in clips]), "mel_l1_first": mean(name, mels[first])}
            for name in speech}


def losses(found: dict[str, Any], first: str) -> None:
    """Add each vocoder's mean loss of opinion scores against the first, clip by clip, with an interval."""
    from dubctl.metrics.stats import bootstrap_ci

    for figures in found.values():
        for name in MOS.keys() & figures.keys():
            paired = zip(found[first][name]["scores"], figures[name]["scores"], strict=True)
            lost = [a - b for a, b in paired]
            figures[f"{name}_lost"] = {"value": float(np.mean(lost)), "ci95": bootstrap_ci(lost)}


def table(result: dict[str, Any]) -> str:
    """Markdown for a model card."""
    names = list(result["figures"])
    rows: list[tuple[str, list[str]]] = []
    for threads in result["threads"]:
        for clock in ("cpu", "wall"):
            cells = [result["timing"][str(threads)].get(name, {}).get(clock) for name in names]
            rows.append((f"{clock} s per s of audio, {threads} thread(s)", [_cell(c) for c in cells]))
    for metric, label in (("dnsmos", "DNSMOS OVRL"), ("dnsmos_lost", "OVRL lost"), ("distillmos", "DistillMOS"),
                          ("distillmos_lost", "… lost"), ("wer", "corpus WER")):
        if any(metric in figures for figures in result["figures"].values()):
            rows.append((label, [_with_interval(result["figures"][name].get(metric)) for name in names]))
    for metric, label in (("mel_l1", "log-mel L1 to the mel put in"), ("mel_l1_first", "… to the first's speech")):
        rows.append((label, [_cell(result["figures"][name][metric]) for name in names]))
    lines = [f"| {result['clips']} clips | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    return "\n".join(lines + [f"| {label} | " + " | ".join(cells) + " |" for label, cells in rows])


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _with_interval(figure: dict[str, Any] | None) -> str:
    if not figure or figure["value"] is None:
        return "–"
    interval = figure["ci95"]
    return _cell(figure["value"]) + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def missed_bars(figures: dict[str, Any], first: str, last: str) -> list[str]:
    missed = []
    if "dnsmos_lost" in figures[last] and figures[last]["dnsmos_lost"]["value"] > LOSS:
        missed.append(f"OVRL lost is {figures[last]['dnsmos_lost']['value']:.3f}, the bar {LOSS}")
    if "wer" in figures[last] and figures[last]["wer"]["value"] > figures[first]["wer"]["value"]:
        missed.append(f"WER is {figures[last]['wer']['value']:.4f}, the first's {figures[first]['wer']['value']:.4f}")
    return missed


def benchmark(args: argparse.Namespace) -> dict[str, Any]:
    """Run it and return what is written to RESULT.json."""
    clips = load_clips(args.data, args.split, args.clips, args.shortest)
    names = [folder.resolve().name for folder in args.vocoders]
    mel = np.concatenate([clip.mel for clip in clips])[:round(args.timed * RATE / HOP)]
    threads = [int(n) for n in args.threads.split(",") if n]
    timing = {str(n): dict(zip(names, timings(args.vocoders, mel, n, args.repeats), strict=True)) for n in threads}
    speech = {} if args.no_truth else {"recording": [clip.wav for clip in clips]}
    for name, folder in zip(names, args.vocoders, strict=True):
        vocoder = session(folder, max(threads, default=1))
        speech[name] = [speak(vocoder, clip.mel) for clip in clips]
    opinions = [name for name, package in MOS.items() if find_spec(package) and not args.no_mos]
    figures = quality(clips, speech, args.out, args.asr, opinions)
    for name, found in distances(clips, speech, names[0]).items():
        figures[name] |= found
    losses(figures, names[0])
    return {"clips": len(clips), "ids": [clip.id for clip in clips], "names": names, "threads": threads,
            "timed_s": len(mel) * HOP / RATE, "repeats": args.repeats, "timing": timing, "figures": figures}


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vocoders", type=Path, nargs="+", help="folders with model.onnx; the first is compared against")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.jsonl and the recordings")
    parser.add_argument("--split", default="test", help="rows to take (default: test)")
    parser.add_argument("--clips", type=int, default=24, help="how many (default: 24)")
    parser.add_argument("--shortest", type=float, default=2.0, help="seconds a clip lasts at least (default: 2)")
    parser.add_argument("--asr", help="local Whisper folder; without it no WER")
    parser.add_argument("--threads", default="1,2", help="numbers of threads to time (default: 1,2; '': none)")
    parser.add_argument("--timed", type=float, default=4.0, help="seconds of mel to time (default: 4)")
    parser.add_argument("--repeats", type=int, default=7, help="timed runs after the warm one (default: 7)")
    parser.add_argument("--no-truth", action="store_true", help="leave the recordings themselves out")
    parser.add_argument("--no-mos", action="store_true", help="leave DNSMOS out")
    parser.add_argument("--check", action="store_true", help="exit 6 if a bar is missed")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the speech and RESULT.json")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)

    def work() -> None:
        result = benchmark(args)
        write_json(args.out / "RESULT.json", result)
        print(table(result))
        hold_to_bars(missed_bars(result["figures"], result["names"][0], result["names"][-1]), args.check)
    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
