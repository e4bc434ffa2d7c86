"""Is a script understood as film dialogue writes it: capitals, stutters, drawn-out words, sounds, markup, numbers?

    python benchmarks/dialogue.py benchmarks/lists/dialogue.jsonl --prompt A.wav --prompt B.wav --asr WHISPER -o OUT

Each line is spoken at its natural pace in each prompt's voice. Of stutters and sounds like "Shh" a transcript may have
anything or nothing: `said` has the words without them, and the WER counts what comes before the first of those words
as right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from dubctl.files import read_jsonl, write_json
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.mel import RATE
from dubctl.metrics.asr import load_asr
from dubctl.metrics.text import normalise
from dubctl.metrics.wer import count_errors
from dubctl.synth.prompt import read_prompt
from dubctl.synth.voice import Voice


def without_opening(heard: str, said: str) -> str:
    """The transcript from the first word of `said` on, where it has it within its first four."""
    words, first = normalise(heard).split(), normalise(said).split()[0]
    return " ".join(words[words.index(first):] if first in words[:4] else words)


def main() -> None:
    args = parse()
    voice, asr = Voice.load(args.checkpoint, vocoder=args.vocoder), load_asr(str(args.asr))
    prompts = [read_prompt(load_audio(file, RATE), RATE) for file in args.prompt]
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, line in enumerate(read_jsonl(args.list)):
        for prompt, told in zip(args.prompt, prompts, strict=True):
            file = args.out / f"{number:02d}-{prompt.stem}.wav"
            save_wav(file, voice.best_take(line["script"], told, None, args.takes)[0].wav, RATE)
            heard = asr.transcribe(file)
            scored = count_errors(line["script"], line["said"], without_opening(heard, line["said"]))
            rows.append({**line, "prompt": prompt.stem, "heard": heard, "words": scored.weight,
                         "errors": min(float(scored.value or 0), 1.0) * scored.weight})
    wrong, words = (sum(row[key] for row in rows) for key in ("errors", "words"))
    whole = sum(not row["errors"] for row in rows) / len(rows)
    write_json(args.out / "dialogue.json", {"wer": wrong / words, "lines_right": whole, "rows": rows})
    Console().print(f"WER {wrong / words:.1%}, lines right {whole:.1%} ({len(rows)} dubs, {words:.0f} words)")


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("list", type=Path)
    p.add_argument("--prompt", type=Path, action="append", required=True, help="of a voice; may be repeated")
    p.add_argument("--asr", type=Path, required=True)
    p.add_argument("--checkpoint", type=Path)
    p.add_argument("--vocoder", default="hifigan")
    p.add_argument("--takes", type=int, default=1)
    p.add_argument("-o", "--out", type=Path, required=True)
    return p.parse_args()


if __name__ == "__main__":
    main()
