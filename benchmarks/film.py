"""A film with subtitles: GRID clips cut together, dubbed line by line, each read by an onset model that never saw it.

    python benchmarks/film.py GRID --folds FOLDS --tracks TRACKS.safetensors --prompt examples/voice.wav -o runs/film

The clips, the models and where the talker is heard are those of benchmarks/sync.py. The subtitles begin 0 to 0.3 s
before he is heard and stay 0.2 to 0.6 s longer (`--seed`), as subtitles do. Writes RESULT.json, film.mp4 and the lines,
prints a table; intervals are 95 % over lines (one talker: they say nothing of other faces).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from sync import NEAR, arguments, material, with_interval
from voice import exit_code_of

from dubctl.dubbing.lines import Line
from dubctl.dubbing.section import Section, sections_of
from dubctl.dubbing.session import DubRequest, perform
from dubctl.emotion import speech_onset
from dubctl.errors import InputError
from dubctl.files import write_json
from dubctl.media.audio import RATE, save_wav
from dubctl.media.clip import probe
from dubctl.media.ffmpeg import reason, run

EARLY, LATE = (0.0, 0.3), (0.2, 0.6)  # seconds


def main() -> int:
    args = parse()
    return exit_code_of(lambda: benchmark(args))


def benchmark(args: argparse.Namespace) -> None:
    """Cut together, dub, measure, write, print."""
    models, rows, truth = material(args)
    film = args.out / "film.mp4"
    cut_together([args.grid / row["video"] for row in rows], film)
    lines, spans = subtitled(args, rows, truth)
    found = []
    sections = sections_of([(line.start, line.end) for line in lines], probe(film).duration)
    for number, (row, line, section) in enumerate(zip(rows, lines, sections, strict=True), 1):
        model = models[row["id"]]
        speech_onset.shipped = lambda model=model: model  # the one model that has not seen this clip
        found.append(spoken(args, film, line, section) | {"id": row["id"]})
        print(f"\r{number}/{len(rows)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for line, (start, end), row in zip(lines, spans, found, strict=True):
        row["start_off"], row["end_off"] = line.start + row["start"] - start, line.start + row["end"] - end
    figures = {f"{edge}s within {near * 1000:.0f} ms": with_interval([float(abs(row[f"{edge}_off"]) <= near)
                                                                      for row in found])
               for edge in ("start", "end") for near in (NEAR, 0.2 + 1e-9)}
    write_json(args.out / "RESULT.json", {"lines": len(lines), "takes": args.takes, "vocoder": args.vocoder,
                                          "seed": args.seed, "figures": figures, "rows": found})
    for label, figure in figures.items():
        print(f"| {label} | {figure['value']:.2f} [{figure['ci95'][0]:.2f}, {figure['ci95'][1]:.2f}] |")


def cut_together(clips: list[Path], film: Path) -> None:
    """One silent film of clips that are alike, at 25 frames a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("".join(f"file '{clip.resolve()}'\n" for clip in clips))
        listed.flush()
        _, err, code = run(["-v", "error", "-f", "concat", "-safe", "0", "-i", listed.name, "-an", "-c:v", "libx264",
                            "-qp", "10", "-r", "25", "-y", str(film)])
    if code:
        raise InputError(f"cannot cut the clips together: {reason(err)}")


def subtitled(args: argparse.Namespace, rows: list[dict[str, Any]], truth: dict[str, tuple[float, float]]
              ) -> tuple[list[Line], list[tuple[float, float]]]:
    """The lines of the film, and where the talker is heard in it, seconds."""
    draw, lines, spans, clip = random.Random(args.seed), [], [], 0.0
    for row in rows:
        length, (start, end) = probe(args.grid / row["video"]).duration, truth[row["id"]]
        first, last = max(0.0, start - draw.uniform(*EARLY)), min(length, end + draw.uniform(*LATE))
        lines.append(Line(row["id"], round(clip + first, 3), round(clip + last, 3), row["text"], args.prompt))
        spans.append((clip + start, clip + end))
        clip += length
    return lines, spans


def spoken(args: argparse.Namespace, film: Path, line: Line, section: Section) -> dict[str, Any]:
    """Where a line is spoken, in seconds of its section."""
    out = args.out / f"{line.id}.wav"
    track, report = perform(DubRequest(clip=film, script=line.text, prompt=line.prompt, out=out, vocoder=args.vocoder,
                                       takes=args.takes, section=section))
    save_wav(out, track, RATE)
    return {"start": report["speech"]["start"], "end": report["speech"]["end"],
            "stretch": report["speech"]["stretch"], "from_mouth": report["window"]["from_mouth"]}


def parse() -> argparse.Namespace:
    p = arguments(__doc__)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--takes", type=int, default=2)
    return p.parse_args()


if __name__ == "__main__":
    sys.exit(main())
