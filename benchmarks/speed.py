"""How long a dub takes: cold, as a user's command, and warm, in a process that has dubbed before.

    python benchmarks/speed.py examples/clip.mp4 --script "Stay close, and don't look back." \
        --prompt examples/voice.wav --vocoder lite --count 5

Prints the median of `count` runs each, wall and CPU seconds, the factor of real time, and where the time of the median
runs went (stages overlap: they add up to more than the whole). Run it on an otherwise idle machine: two busy cores
make a dub's threads wait for one another.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from dubctl.dubbing.session import DubRequest, dub_clip
from dubctl.synth.takes import TAKES

Run = tuple[float, float, dict[str, Any]]  # wall seconds, CPU seconds, report


def main() -> None:
    args = parse()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "dub.mp4"
        for name, run in (("cold", cold), ("warm", warm)):
            if name == "warm":
                run(args, out)  # loads what stays loaded
            runs = sorted((run(args, out) for _ in range(args.count)), key=lambda r: r[0])
            show(name, runs)


def cold(args: argparse.Namespace, out: Path) -> Run:
    """One `dubctl dub` in a process of its own."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-m", "dubctl.cli.main", "dub", str(args.clip), "--script", args.script, "--prompt",
                    str(args.prompt), "--vocoder", args.vocoder, "--takes", str(args.takes), "-o", str(out), "--force",
                    "--quiet"], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, _cpu(after) - _cpu(before), json.loads(out.with_suffix(".json").read_text())


def warm(args: argparse.Namespace, out: Path) -> Run:
    """One more dub in this process."""
    before, start = time.process_time(), time.monotonic()
    report = dub_clip(DubRequest(clip=args.clip, script=args.script, prompt=args.prompt, out=out,
                                 vocoder=args.vocoder, takes=args.takes))
    return time.monotonic() - start, time.process_time() - before, report


def show(name: str, runs: list[Run]) -> None:
    """The median run, and the quickest and slowest."""
    wall, cpu, report = runs[len(runs) // 2]
    seconds = report["clip_seconds"]
    print(f"{name}: {wall:.2f} s ({runs[0][0]:.2f} to {runs[-1][0]:.2f}), {cpu:.2f} CPU s, {wall / seconds:.2f} times "
          f"the clip's {seconds:.2f} s; median of {len(runs)}")
    print("   " + ", ".join(f"{stage} {spent['wall_s']:.2f}" for stage, spent in report["timing"]["stages"].items()))


def _cpu(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("clip", type=Path)
    p.add_argument("--script", required=True)
    p.add_argument("--prompt", type=Path, required=True)
    p.add_argument("--vocoder", choices=("hifigan", "lite"), default="hifigan")
    p.add_argument("--takes", type=int, default=TAKES)
    p.add_argument("--count", type=int, default=5, help="runs of each kind")
    return p.parse_args()


if __name__ == "__main__":
    main()
