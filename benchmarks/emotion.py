"""Emotion in the voice: is it heard, and does retrieval help? Lines, voices and imagined films are held out.

    python benchmarks/emotion.py --data DATA --acted ACTED_TEST -o runs/emotion [--asr WHISPER] [--checkpoint VOICE]

DATA has kokoro_mix (prompts), ACTED_TEST is made by `models/recipes/acted_speech.py DATA/kokoro_mix:45 --split test
--feelings 6`: its clips are the rendered targets. Half of its lines are spoken, the others are the footage that can be
retrieved. All lie in imagined films (models/recipes/imagined_films.py): the picture is a noisy witness of the feeling.

Each line is spoken with each of the seven feelings, as `dub` would, from the target's own scene, face and script and
(a) three references a modality, (b) none, (c) as (a), but what the graphs find is not acted (`--emotion scene:0`), or
(d) as directed: references of the right feeling and the acted departures of `dub --emotion` at the target's strength,
at most `--strongest` (the flag also moves the line's own vectors, and the references' sound by the strength). A
recogniser of `dubctl eval` (`--recogniser`) hears all, the targets too, and as `copied` the targets after copy
synthesis (mel -> vocoder), which is as much as this voice could reach. Speech that is in OUT already is judged, not
spoken again.
Figures: accuracy, unweighted recall, confusion; the paired difference (a) - (b), drawn over whole speakers and over
lines, and McNemar; WER and the GE2E cosine to the prompt of emotional and neutral lines; and how often the graphs'
finding itself is right, with and without references, in `--films` films of the same lines. Chance is 1/7.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "models" / "recipes"))

from emotion_films import paired
from voice_emotion import Line, emotion, labels_in

from dubctl.dubbing.acted import Feeling
from dubctl.dubbing.direction import Wishes
from dubctl.dubbing.found import find_feeling
from dubctl.emotion.base import EMOTIONS
from dubctl.files import read_jsonl, write_json
from dubctl.graph.build import EmotionBatch
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.mel import HOP, RATE, mel_spectrogram
from dubctl.metrics.classification import confusion_matrix, summary, unweighted_recall
from dubctl.metrics.stats import bootstrap_ci, bootstrap_tables, paired_bootstrap
from dubctl.metrics.wer import count_errors
from dubctl.ser.recogniser import Recogniser
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.prompt import read_prompt
from dubctl.synth.takes import TAKES
from dubctl.synth.voice import Voice
from dubctl.training.emotion_data import EmotionSource

NEUTRAL = EMOTIONS.index("neutral")
SYSTEMS = ("targets", "copied", "retrieval", "none", "unacted", "directed")


@dataclass
class Spoken:
    """One clip: how it should feel, who speaks, and what the recogniser heard (7,)."""

    id: str
    truth: int
    speaker: str
    heard: np.ndarray
    errors: float = 0.0
    words: float = 0.0
    cosine: float = 0.0

    @property
    def right(self) -> bool:
        return int(self.heard.argmax()) == self.truth


class Bench:
    """The held-out film, its lines, and what speaks and hears them."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.rows = args, read_jsonl(args.acted / "manifest.jsonl")
        sources = list(dict.fromkeys(row["source"] for row in self.rows))
        self.spoken = set(sources[: args.lines])
        self.footage = np.array([row["source"] not in self.spoken for row in self.rows])
        self.source = self.film(args.seed)
        self.voice = Voice.load(args.checkpoint, vocoder=args.vocoder)
        self.recogniser, self.encoder = Recogniser.load(shipped=args.recogniser), SpeakerEncoder()
        self.plain = self._plain()
        self.prompts = {speaker: read_prompt(wav, RATE) for speaker, wav in self.plain.items()}
        self.asr = None
        if args.asr:
            from dubctl.metrics.asr import load_asr

            self.asr = load_asr(args.asr)

    def film(self, seed: int) -> EmotionSource:
        """The lines in an imagined film; those that are spoken are nobody's reference."""
        lines = [Line.acted(row, self.args.acted) for row in self.rows]
        source = emotion(lines, self.args.data / "text" / "xed", self.args.out / "functionals.safetensors", seed)
        for m, found in source.neighbours.items():
            kept = [[j for j in row if self.footage[j]][:3] for row in found]
            source.neighbours[m] = np.array([row + [-1] * (3 - len(row)) for row in kept])
        return source

    def _plain(self) -> dict[str, np.ndarray]:
        """A plain recording of each speaker that is none of the lines, for a prompt."""
        mix = self.args.data / "kokoro_mix"
        used, splits = {row["source"] for row in self.rows}, {row["split"] for row in self.rows}
        found: dict[str, np.ndarray] = {}
        for row in read_jsonl(mix / "manifest.jsonl"):
            if row["split"] in splits and row["id"] not in used and row["speaker"] not in found \
                    and 2.5 < row["seconds"] < 6:
                found[row["speaker"]] = load_audio(mix / row["audio"], RATE)
        return found

    def targets(self) -> list[int]:
        """Rows that are spoken."""
        return [i for i, row in enumerate(self.rows) if row["source"] in self.spoken and row["speaker"] in self.prompts]

    def felt(self, row: int, references: bool) -> EmotionBatch:
        return self.source.batch([row], 3, np.random.default_rng(0), 0.0, 0.0 if references else 1.0)

    def speak(self, row: int, references: bool, acted: bool = True) -> np.ndarray:
        """The line at its natural length."""
        felt, labels = self.felt(row, references), self.labels(self.source, row) if references else None
        return self.say(row, felt, Wishes(found=find_feeling(self.voice, felt, labels=labels).acted if acted else None))

    def labels(self, film: EmotionSource, row: int) -> np.ndarray:
        """(3, 7) how the line's references are labelled."""
        return labels_in(film, row, [mine["emotion"] for mine in self.rows], 3)

    def say(self, row: int, felt: EmotionBatch, wishes: Wishes) -> np.ndarray:
        mine = self.rows[row]
        return self.voice.best_take(mine["text"], self.prompts[mine["speaker"]], None, self.args.takes, emotion=felt,
                                    direction=wishes.whole())[0].wav

    def findings(self) -> dict[str, Any]:
        """How often the likeliest class is the line's over several films: with references, with those to the graphs
        alone, and without."""
        right: dict[str, list[float]] = {"with": [], "graphs": [], "without": []}
        speakers: list[str] = []
        for number in range(self.args.films):
            film = self.film(self.args.seed + number)
            for row in self.targets():
                speakers.append(self.rows[row]["speaker"])
                felt, alone = (film.batch([row], 3, np.random.default_rng(0), 0.0, share) for share in (0.0, 1.0))
                found = find_feeling(self.voice, felt, labels=self.labels(film, row))
                for name, shares in (("with", found.shares), ("graphs", found.graphs),
                                     ("without", find_feeling(self.voice, alone).shares)):
                    right[name].append(float(bool(shares) and EMOTIONS[int(np.argmax(shares))] ==
                                             self.rows[row]["emotion"]))
        return {"lines": len(speakers), **{name: float(np.mean(found)) for name, found in right.items()},
                "over_speakers": vars(paired_bootstrap(right["without"], right["with"], clusters=speakers)),
                "graphs_over_speakers": vars(paired_bootstrap(right["without"], right["graphs"], clusters=speakers))}

    def directed(self, row: int) -> np.ndarray:
        """The line with the nearest references of its own feeling, and the departures that `--emotion` adds."""
        mine, neighbours = self.rows[row], self.source.neighbours
        fitting = np.array([self.footage[j] and other["emotion"] == mine["emotion"]
                            for j, other in enumerate(self.rows)])
        self.source.neighbours = {m: found.copy() for m, found in neighbours.items()}
        for m in neighbours:
            alike = self.source.footage.vectors[m] @ self.source.basic[m][row]
            self.source.neighbours[m][row] = np.argsort(-np.where(fitting, alike, -np.inf))[:3]
        felt, self.source.neighbours = self.felt(row, True), neighbours
        return self.say(row, felt, Wishes(feeling=Feeling(mine["emotion"], min(self.args.strongest, mine["strength"]))))

    def target(self, row: int) -> np.ndarray:
        return load_audio(self.args.acted / self.rows[row]["audio"], RATE)

    def copied(self, row: int) -> np.ndarray:
        wav = self.target(row)
        return self.voice.vocoder(mel_spectrogram(torch.from_numpy(wav)).numpy()[: len(wav) // HOP])

    def spoken_file(self, row: int, name: str, say: Callable[[int], np.ndarray]) -> Path:
        """The line as `name` speaks it; what an earlier run with the same output folder spoke is not spoken again."""
        file = self.args.out / "audio" / name / f"{self.rows[row]['id']}.wav"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            save_wav(file, say(row).astype(np.float32), RATE)
        return file

    def judge(self, row: int, file: Path) -> Spoken:
        mine, wav = self.rows[row], load_audio(file, RATE)
        plain = self.plain[mine["speaker"]] if self.recogniser.beside_plain else None
        found = Spoken(mine["id"], EMOTIONS.index(mine["emotion"]), mine["speaker"],
                       self.recogniser.probabilities(wav, plain))
        if self.asr is not None:
            scored = count_errors(mine["id"], mine["text"], self.asr.transcribe(file))
            found.errors, found.words = float(scored.value or 0) * scored.weight, scored.weight
        found.cosine = float(self.encoder.embed(wav, RATE) @ self.prompts[mine["speaker"]].dvector)
        return found


def figures(spoken: list[Spoken]) -> dict[str, Any]:
    """Accuracy, recall, confusion with intervals over speakers; WER and cosine of neutral and emotional lines."""
    tables = np.stack([confusion_matrix([s.truth], [int(s.heard.argmax())], len(EMOTIONS)) for s in spoken])
    found = summary(tables.sum(0))
    speakers = [s.speaker for s in spoken]
    found["uar_ci95"] = bootstrap_tables(tables, unweighted_recall, speakers)
    found["accuracy_ci95"] = bootstrap_ci([float(s.right) for s in spoken], clusters=speakers)
    for name, part in (("neutral", [s for s in spoken if s.truth == NEUTRAL]),
                       ("emotional", [s for s in spoken if s.truth != NEUTRAL])):
        words = sum(s.words for s in part)
        found[name] = {"wer": sum(s.errors for s in part) / words if words else None,
                       "secs": float(np.mean([s.cosine for s in part])) if part else None}
    return found


def compared(a: list[Spoken], b: list[Spoken]) -> dict[str, Any]:
    """Accuracy of `a` less that of `b` on the same lines."""
    mine, other = ([float(s.right) for s in part] for part in (a, b))
    return paired(mine, other, [s.speaker for s in a])


def main() -> None:
    args = parse()
    torch.set_num_threads(args.threads)
    bench = Bench(args)
    rows = bench.targets()
    say = {"targets": bench.target, "copied": bench.copied, "retrieval": lambda row: bench.speak(row, True),
           "none": lambda row: bench.speak(row, False), "unacted": lambda row: bench.speak(row, True, acted=False),
           "directed": bench.directed}
    systems: dict[str, list[Spoken]] = {name: [] for name in args.systems}
    for done, row in enumerate(rows):
        for name, spoken in systems.items():
            spoken.append(bench.judge(row, bench.spoken_file(row, name, say[name])))
        print(f"{done + 1}/{len(rows)}", end="\r", file=sys.stderr, flush=True)
    report = {name: figures(spoken) for name, spoken in systems.items() if spoken}
    if {"retrieval", "none"} <= set(systems):
        report["retrieval_against_none"] = compared(systems["retrieval"], systems["none"])
    if args.films:
        report["findings"] = bench.findings()
    lines = {name: [[s.id, s.speaker, s.right] for s in spoken] for name, spoken in systems.items()}
    write_json(args.out / f"{args.recogniser}.json", report | {"lines": lines})
    print(json.dumps(report, indent=1, default=float))


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--acted", type=Path, required=True)
    p.add_argument("-o", "--out", type=Path, required=True)
    p.add_argument("--checkpoint", type=Path)
    p.add_argument("--vocoder", choices=("lite", "hifigan"), default="hifigan")
    p.add_argument("--takes", type=int, default=TAKES, help="dub --takes")
    p.add_argument("--recogniser", choices=("ser", "ser-prompt"), default="ser")
    p.add_argument("--asr")
    p.add_argument("--lines", type=int, default=15)
    p.add_argument("--systems", nargs="+", choices=SYSTEMS, default=[s for s in SYSTEMS if s != "copied"])
    p.add_argument("--strongest", type=float, default=2.0, help="greatest strength of a directed line")
    p.add_argument("--films", type=int, default=3, help="films over which the graphs' findings are counted")
    p.add_argument("--seed", type=int, default=5)
    p.add_argument("--threads", type=int, default=1)
    return p.parse_args()


if __name__ == "__main__":
    main()
