"""The voice benchmark: lines never trained on, spoken to voices never trained on.

    python benchmarks/voice.py benchmarks/lists/synthetic.json --data DATA --asr WHISPER -o runs/bench
    python benchmarks/voice.py benchmarks/lists/real.json --data DATA --asr WHISPER -o runs/bench --checkpoint runs/a

A list names six voices (a prompt recording of 3 to 6.5 s each) and thirty lines, five per voice; `--full` speaks all
thirty to all six. DATA is the folder with `manifest.jsonl` (id, audio, …) that holds the prompts and, for the ground
truth beside each figure, the source recordings of the lines. Two ways to speak:

- `--mode speak` (default): the synthesizer alone at its natural length, quick enough to compare checkpoints;
- `--mode dub`: the whole of `dubctl dub` on a silent black clip, whose length is 0.4 s + 0.075 s per letter, rounded
  to a frame of 25 fps; the length of each dub is then checked to the sample. With `--pace 0.8 1.25` the clip has a
  speech window instead, of 1.25 to 0.8 times the line's natural length, evenly spread over the lines.

`--prompt-seconds 3` cuts each prompt to its first three seconds.

Figures: corpus WER of a Whisper transcript, GE2E cosine to the prompt (mean, worst voice) and to other recordings of
the speaker, which the voice was not told of, how often the right prompt is the nearest of the six, cosine and median
pitch from one line of a voice to the next beside its recordings', DNSMOS and DistillMOS where they are
installed, each with a 95 % interval over voices. A line that could not be spoken counts as the worst case. Writes
RESULT.json and the speech to the output folder and prints a table for the model card; `--check` exits 6 if a bar of
the project is missed.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from likeness import Likeness
from voice_table import table
from windows import Place, clip_seconds, first_seconds, paced, paces, silent_clip

from dubctl.errors import DubctlError, InputError, QualityGateError, UsageError
from dubctl.files import read_jsonl, sha256_file, write_json
from dubctl.metrics.base import EvalItem, parse_metrics
from dubctl.metrics.run import EvalReport, evaluate
from dubctl.metrics.wer import KINDS
from dubctl.synth.takes import TAKES

RATE = 22050
MOS = {"dnsmos": "speechmos", "distillmos": "distillmos"}  # metrics, and the packages that they need
# the bars: corpus WER at most, mean cosine and nearest-of-six at least, every dub exactly as long as its clip
BARS = {"wer": 0.10, "secs": 0.75, "nearest": 0.90, "length": 1.0}


@dataclass(frozen=True)
class Case:
    """One line to speak to one voice; `source` is the recording the line comes from, None if there is none."""

    id: str
    text: str
    speaker: str
    prompt: Path
    source: Path | None
    own: bool  # the source is this voice's


Speak = Callable[[Case, Path], dict[str, Any]]  # writes the speech to a path, returns facts for the report


def load_cases(chosen: Mapping[str, Any], lines: Mapping[str, Any], data: Path, sources: Path,
               full: bool) -> list[Case]:
    """Cases of a list: each line to its own voice, or with `full` to every voice.

    Lines of another list are dealt to the voices in turn.

    Raises:
        InputError: the data folder lacks a recording that the list names.
    """
    audio, origin = _audio(data), _audio(sources)
    voices = {voice["speaker"]: _find(audio, voice["prompt"], data) for voice in chosen["voices"]}
    names = list(voices)
    cases = []
    for i, line in enumerate(lines["lines"]):
        own = line.get("speaker", "")
        for speaker in names if full else [own if own in voices else names[i % len(names)]]:
            cases.append(Case(f"{line['id']}-{speaker}", line["text"], speaker, voices[speaker],
                              origin.get(line["id"]), speaker == own))
    return cases


def in_turn(cases: list[Case]) -> list[Case]:
    """The same cases, one of each voice after the other, so that the first few are fair to all voices."""
    turns: dict[str, int] = {}
    order = []
    for case in cases:
        turns[case.speaker] = turns.get(case.speaker, 0) + 1
        order.append((turns[case.speaker], len(order)))
    return [cases[i] for _, i in sorted(order)]


def speaker_alone(checkpoint: Path | None, vocoder: str, takes: int = TAKES) -> Speak:
    """Speak with the synthesizer at its natural length."""
    from dubctl.media.audio import load_audio, save_wav
    from dubctl.synth.voice import Voice

    voice = Voice.load(checkpoint, vocoder=vocoder)

    def speak(case: Case, out: Path) -> dict[str, Any]:
        wav, _ = voice.speak(case.text, load_audio(case.prompt, RATE), RATE, takes=takes)
        save_wav(out, wav, RATE)
        return {"seconds": len(wav) / RATE}

    return speak


def whole_dub(clips: Path, checkpoint: Path | None, vocoder: str, takes: int = TAKES,
              pace: Mapping[str, float] | None = None) -> Speak:
    """Speak through the real `dub` on silent clips; with `pace` (of a case's id) in a window that forces it, for which
    the line is dubbed once before to learn its natural length."""
    from dubctl.dubbing.session import DubRequest, dub_clip

    def speak(case: Case, out: Path) -> dict[str, Any]:
        def dub(place: Place) -> tuple[Path, dict[str, Any]]:
            clip = silent_clip(clips, place.seconds)
            report = dub_clip(DubRequest(clip=clip, script=case.text, prompt=case.prompt, out=out, voice=checkpoint,
                                         seed=0, vocoder=vocoder, takes=takes, window=place.window))
            return clip, report["speech"]

        place = Place(clip_seconds(case.text))
        if pace:
            place = paced(dub(place)[1]["natural_seconds"], pace[case.id])
        started = time.monotonic()
        clip, speech = dub(place)
        return {"seconds": place.seconds, "clip": str(clip), "pace": 1 / speech["stretch"],
                "wall": _since(started)}  # learning the natural length is no part of a dub's time

    return speak


def run_cases(cases: list[Case], speak: Speak, out: Path, suffix: str, clips: Path | None) -> list[EvalItem]:
    """Speak every case and return what to evaluate; a line that cannot be spoken is kept as failed."""
    items = []
    for number, case in enumerate(cases, 1):
        path, why, started = out / f"{case.id}{suffix}", "", time.monotonic()
        facts: dict[str, Any] = {}
        try:
            facts = speak(case, path)
        except InputError as err:  # missing weights are no line's fault: they end the run
            why = err.message
        facts.setdefault("wall", _since(started))
        print(f"\r{number}/{len(cases)} {case.id} {why}", end="\n" if why else "", file=sys.stderr, flush=True)
        items.append(EvalItem(case.id, dub=path, text=case.text, prompt=case.prompt, speaker=case.speaker, failed=why,
                              clip=clip_of(case, facts, clips), report=facts))
    print(file=sys.stderr)
    return items


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def clip_of(case: Case, facts: Mapping[str, Any], clips: Path | None) -> Path | None:
    """The clip that a case was dubbed in, of a failed one the usual."""
    if not clips:
        return None
    return Path(facts["clip"]) if "clip" in facts else silent_clip(clips, clip_seconds(case.text))


def pace_of(items: list[EvalItem]) -> dict[str, float] | None:
    """The pace that was reached, in times of the voice's own: least, median, most."""
    found = [item.report["pace"] for item in items if "pace" in item.report]
    return {"least": min(found), "median": median(found), "most": max(found)} if found else None


def truth_items(cases: list[Case], names: list[str]) -> tuple[list[EvalItem], list[str]]:
    """The source recordings as if they were dubs, and which of the metrics can be taken of them: lines spoken by the
    voice itself; of a list without any, all lines in whoever's voice, whose likeness to the prompt means nothing."""
    own = [case for case in cases if case.own]
    items = [EvalItem(case.id, dub=case.source, text=case.text, prompt=case.prompt, speaker=case.speaker)
             for case in own or {case.source: case for case in cases}.values() if case.source]
    return items, names if own else [name for name in names if name != "secs"]


def figures(report: EvalReport) -> dict[str, Any]:
    """The numbers of one evaluation: {name: {value, ci95}} and counts."""
    found: dict[str, Any] = {"n": len(report.items), "failures": report.failures}
    for name, result in report.results.items():
        found[name] = {"value": result.value, "ci95": result.ci95}
    if "secs" in report.results:
        detail = report.results["secs"].detail
        found["worst_voice"] = next(iter(detail["by_speaker"].items()), None)
        found["nearest"] = detail["nearest"]
    return found


def beyond_recordings(lines: list[dict[str, Any]], sources: list[dict[str, Any]]) -> dict[str, Any]:
    """Of the lines that have a recording: the share of words that are misheard beyond those of the recording, counted
    line by line, for a recogniser that misreads a name in both says nothing of the voice."""
    def misheard(row: dict[str, Any]) -> float:
        return sum(row["detail"]["wer"][kind] for kind in KINDS)

    recorded = {row["id"]: misheard(row) for row in sources}
    both = [row for row in lines if row["id"] in recorded and "wer" in row["detail"]]
    words = sum(row["detail"]["wer"]["words"] for row in both)
    more = sum(max(0.0, misheard(row) - recorded[row["id"]]) for row in both)
    return {"value": more / words if words else None, "lines": len(both)}


def likeness(items: list[EvalItem], data: Path) -> dict[str, Any]:
    """What `Likeness` measures, by its names."""
    found = Likeness(data)
    return {"others": found.to_others(items), "line_to_line": found.line_to_line(items)}


def missed_bars(measured: Mapping[str, Any]) -> list[str]:
    """Bars that the measured figures miss, in words."""
    missed = []
    for name, bar in BARS.items():
        if name not in measured:
            continue  # not asked for; and only a dub has a clip whose length counts
        value = (measured[name] or {}).get("value")
        if value is None or (value > bar if name == "wer" else value < bar):
            missed.append(f"{name} is {'unknown' if value is None else f'{value:.3f}'}, the bar {bar:g}")
    return missed


def _audio(folder: Path) -> dict[str, Path]:
    return {str(row["id"]): folder / row["audio"] for row in read_jsonl(folder / "manifest.jsonl") if row.get("audio")}


def _find(audio: Mapping[str, Path], name: str, data: Path) -> Path:
    if name not in audio or not audio[name].is_file():
        raise InputError(f"{data} holds no recording '{name}', which the list names", "give the matching --data folder")
    return audio[name]


def _read_list(path: Path) -> dict[str, Any]:
    import json

    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise InputError(f"cannot read the list {path}: {err}") from err


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path, help="voices and lines (benchmarks/lists/*.json)")
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.jsonl and the recordings")
    parser.add_argument("--lines", type=Path, help="another list to take the lines from")
    parser.add_argument("--sources", type=Path, help="data folder of those lines (default: --data)")
    parser.add_argument("--asr", help="local Whisper folder (default: DUBCTL_ASR)")
    parser.add_argument("--mode", choices=("speak", "dub"), default="speak")
    parser.add_argument("--checkpoint", type=Path, help="voice folder or run checkpoint (default: shipped)")
    parser.add_argument("--vocoder", choices=("lite", "hifigan"), default="hifigan")
    parser.add_argument("--takes", type=int, default=TAKES, help="dub --takes")
    parser.add_argument("--format", choices=("wav", "mp4"), default="wav", help="what --mode dub writes")
    parser.add_argument("--pace", type=float, nargs=2, metavar=("SLOWEST", "FASTEST"),
                        help="with --mode dub: windows that force the pace, in times of the voice's own")
    parser.add_argument("--prompt-seconds", type=float, help="use only so much of each prompt")
    parser.add_argument("--full", action="store_true", help="every line to every voice")
    parser.add_argument("--jobs", type=int, default=1, help="threads that score")
    parser.add_argument("--device", default="cpu", help="where Whisper runs")
    parser.add_argument("--metrics", help="comma-separated (default: wer,secs, dnsmos, distillmos where installed)")
    parser.add_argument("--limit", type=int, help="speak only so many lines, voices in turn: a quick look, no result")
    parser.add_argument("--no-truth", action="store_true", help="leave the source recordings out")
    parser.add_argument("--truth-only", action="store_true", help="measure the source recordings alone")
    parser.add_argument("--check", action="store_true", help="exit 6 if a bar is missed")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the speech and RESULT.json")
    return parser.parse_args(argv)


def benchmark(args: argparse.Namespace) -> dict[str, Any]:
    """Run it and return the report that is written to RESULT.json."""
    chosen = _read_list(args.list)
    lines = _read_list(args.lines) if args.lines else chosen
    cases = load_cases(chosen, lines, args.data, args.sources or args.data, args.full)
    cases = in_turn(cases)[:args.limit]
    usual = ",".join(["wer", "secs", *(name for name, package in MOS.items() if find_spec(package))])
    names = parse_metrics(args.metrics or usual)
    if args.check and (args.truth_only or not {"wer", "secs"} <= set(names)):
        raise UsageError("--check needs wer and secs of the voice", "leave --metrics and --truth-only out")
    if args.pace and (args.mode != "dub" or not 0 < args.pace[0] <= args.pace[1] < math.inf):
        raise UsageError("--pace needs --mode dub and two numbers above 0, the slowest first", "say --pace 0.8 1.25")
    if args.prompt_seconds is not None:
        if not 1 <= args.prompt_seconds <= 30:
            raise UsageError("--prompt-seconds is not within 1 to 30", "say as much as a prompt may have")
        cases = [replace(c, prompt=first_seconds(c.prompt, args.prompt_seconds, args.out / "prompts")) for c in cases]
    options = {"asr": args.asr, "jobs": args.jobs, "device": args.device, "progress": _progress}
    result: dict[str, Any] = {"list": args.list.name, "list_sha256": sha256_file(args.list), "mode": args.mode,
                              "checkpoint": str(args.checkpoint or "shipped"), "vocoder": args.vocoder,
                              "takes": args.takes,
                              "full": args.full, "limit": args.limit, "pace": args.pace,
                              "prompt_seconds": args.prompt_seconds}
    if not args.truth_only:
        clips = args.out / "clips" if args.mode == "dub" else None
        suffix = f".{args.format}" if clips else ".wav"
        way = (args.checkpoint, args.vocoder, args.takes)
        pace = dict(zip((c.id for c in cases), paces(len(cases), *args.pace), strict=True)) if args.pace else None
        speak = whole_dub(clips, *way, pace) if clips else speaker_alone(*way)
        items = run_cases(cases, speak, args.out / "speech", suffix, clips)
        report = evaluate(items, names + (["length"] if clips else []), **options)
        seconds, wall = (sum(i.report.get(key, 0.0) for i in items) for key in ("seconds", "wall"))
        spoken = figures(report) | (likeness(items, args.data) if "secs" in names else {})
        spoken |= {"pace": pace_of(items)}
        result |= {"dubctl": spoken, "real_time_factor": wall / seconds if seconds else None,
                   "lines": report.as_dict()}
    truth, of_truth = ([], []) if args.no_truth else truth_items(cases, names)
    if truth and of_truth:
        report = evaluate(truth, of_truth, **options)
        spoken = figures(report) | (likeness(truth, args.data) if "secs" in of_truth else {})
        result |= {"source": spoken, "source_lines": report.as_dict()}
    if "lines" in result and "source_lines" in result and "wer" in names:
        result["dubctl"]["beyond"] = beyond_recordings(result["lines"]["items"], result["source_lines"]["items"])
    return result


def _progress(done: int, total: int, note: str = "") -> None:
    print(f"\rscored {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)

    def work() -> None:
        result = benchmark(args)
        write_json(args.out / "RESULT.json", result)
        empty = {"n": 0, "failures": 0}
        print(table(result.get("dubctl", empty), result.get("source")))
        hold_to_bars(missed_bars(result["dubctl"]) if "dubctl" in result else [], args.check)
    return exit_code_of(work)


def hold_to_bars(missed: list[str], check: bool) -> None:
    """Name the bars that are missed.

    Raises:
        QualityGateError: some are, and `check` is given.
    """
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    if check and missed:
        raise QualityGateError(f"{len(missed)} bars missed")


def exit_code_of(work: Callable[[], None]) -> int:
    """Run a benchmark's work; a failure is one line and its exit code."""
    try:
        work()
    except DubctlError as err:
        print(f"error: {err.message}" + (f" ({err.hint})" if err.hint else ""), file=sys.stderr)
        return err.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
