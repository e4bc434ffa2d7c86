"""The dubs of an experiment's variants: spoken where they are not there yet, and what is to be evaluated of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from dubctl.errors import InputError
from dubctl.experiments.lines import Line
from dubctl.experiments.perform import perform_row
from dubctl.experiments.vocoders import Speaker
from dubctl.files import content_key, write_json, write_jsonl
from dubctl.library.hits import Hit
from dubctl.library.policy import Retrieval, references
from dubctl.library.store import Library
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.mel import RATE
from dubctl.metrics.base import EvalItem
from dubctl.progress import Progress
from dubctl.synth.voice import Voice


@dataclass
class Dubber:
    """Dubs lines of a library into `out`/dubs/VARIANT. `made`: finished dubs by everything they are made of, so that
    variants whose search finds the same references are spoken once."""

    out: Path
    device: str
    seed: int
    made: dict[str, Path] = field(default_factory=dict)

    def dub(self, name: str, library: Library, lines: Sequence[Line], policy: Retrieval, weights: tuple[Path, str],
            speaker: Speaker, tick: Progress) -> list[EvalItem]:
        """Dub what is not dubbed yet; lines that cannot be dubbed are kept as failures, to be scored as such.

        Args:
            weights: a voice, and what it depends on.
        """
        voice: Voice | None = None
        items = []
        for number, line in enumerate(lines):
            tick(number, len(lines), line.id)
            wav, why = self.place(name, line), ""
            key = content_key([weights[1], library.digest, line.id, str(line.prompt), asdict(policy), self.seed,
                               *([speaker.digest] if speaker.digest else [])])
            if not is_there(wav, key):
                voice = voice or _speaking(weights[0], self.device, speaker)
                why = self.line(voice, library, line, policy, wav, key, weights[1] + speaker.digest)
            items.append(item_of(library, line, wav, why))
        self.write(name, items)
        return items

    def line(self, voice: Voice, library: Library, line: Line, policy: Retrieval, wav: Path, key: str,
             weights: str) -> str:
        """Dub one line, or copy it from the variant that had the same references; returns why it cannot be dubbed."""
        hits = references(library, line.place, policy) if voice.emotional and policy.k else []
        same = content_key([weights, library.digest, line.id, str(line.prompt), [[h.modality, h.id] for h in hits]])
        row = library.rows[line.place]
        try:
            facts = self._copied(same, wav) or self._spoken(voice, library, line, hits, wav)
        except InputError as err:
            wav.unlink(missing_ok=True)
            return err.message
        write_json(wav.with_suffix(".json"), {
            **facts, "key": key, "id": line.id, "target": row.id, "text": row.text, "prompt": str(line.prompt),
            "references": [{"modality": hit.modality, "id": hit.id, "score": hit.score} for hit in hits]})
        self.made[same] = wav
        return ""

    def _copied(self, same: str, wav: Path) -> dict[str, Any]:
        """Facts of the sound that is made of the same, now at `wav` too; {} if there is none."""
        if same not in self.made:
            return {}
        wav.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.made[same], wav)
        return facts_of(self.made[same])

    def _spoken(self, voice: Voice, library: Library, line: Line, hits: list[Hit], wav: Path) -> dict[str, Any]:
        torch.manual_seed(self.seed)
        sound, facts = perform_row(voice, library, line.place, line.prompt, hits)
        save_wav(wav, sound, RATE)
        return facts

    def copies(self, name: str, library: Library, lines: Sequence[Line], speaker: Speaker,
               tick: Progress) -> list[EvalItem]:
        """The recordings through mel and vocoder, at the vocoder's own rate."""
        items = []
        for number, line in enumerate(lines):
            tick(number, len(lines), line.id)
            wav = self.place(name, line)
            key = content_key(["copy", speaker.digest, library.digest, line.id])
            if not is_there(wav, key):
                save_wav(wav, speaker.copy(line.source), speaker.rate)
                write_json(wav.with_suffix(".json"), {"key": key, "id": line.id, "rate": speaker.rate})
            items.append(item_of(library, line, wav))
        self.write(name, items)
        return items

    def recordings(self, library: Library, lines: Sequence[Line]) -> list[EvalItem]:
        """The recordings themselves at the rate of the dubs: what those are measured against takes the same door."""
        items = []
        for line in lines:
            wav = self.place("ground-truth", line)
            if not wav.is_file():
                save_wav(wav, load_audio(line.source, RATE), RATE)
            items.append(item_of(library, line, wav))
        return items

    def place(self, name: str, line: Line) -> Path:
        return self.out / "dubs" / name / f"{line.id.replace('/', '_')}.wav"

    def write(self, name: str, items: Sequence[EvalItem]) -> None:
        """`dubs.jsonl`, as `dubctl eval` reads it."""
        write_jsonl(self.out / "dubs" / name / "dubs.jsonl", (_row(item) for item in items))


def _speaking(path: Path, device: str, speaker: Speaker) -> Voice:
    voice = Voice.load(path, device)
    voice.vocoder = speaker.for_voices()
    return voice


def is_there(wav: Path, key: str) -> bool:
    """Whether a dub is there that was made under this key."""
    try:
        return wav.is_file() and json.loads(wav.with_suffix(".json").read_text(encoding="utf-8"))["key"] == key
    except (OSError, ValueError, KeyError):
        return False


def item_of(library: Library, line: Line, wav: Path, why: str = "") -> EvalItem:
    """What is evaluated of a line; `why` it could not be dubbed."""
    row = library.rows[line.place]
    return EvalItem(line.id, dub=wav, text=row.text, prompt=line.prompt, reference=line.source, speaker=row.speaker,
                    emotion=row.emotion, failed=why, report={} if why else facts_of(wav))


def facts_of(wav: Path) -> dict[str, Any]:
    """What was written beside a dub; nothing of a recording."""
    file = wav.with_suffix(".json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _row(item: EvalItem) -> dict[str, Any]:
    paths = {name: str(Path(value).resolve()) for name in ("dub", "prompt", "reference")
             if (value := getattr(item, name)) is not None}
    return {"id": item.id, **paths, "text": item.text, "speaker": item.speaker, "emotion": item.emotion,
            **({"failed": item.failed} if item.failed else {}),
            **({"report": {"found": item.report["found"]}} if "found" in item.report else {})}
