"""How like its speaker a dub is beside what the voice was told, and how alike a voice's lines are.

Both are in GE2E's cosine, of dubs and of the speaker's recordings in a folder with manifest.jsonl; functions of
benchmarks/voice.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from dubctl.errors import InputError
from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.media.mel import RATE as SOUND_RATE
from dubctl.metrics.base import EvalItem
from dubctl.metrics.cepstra import pitch
from dubctl.metrics.stats import bootstrap_ci, ratio
from dubctl.speaker import RATE, SpeakerEncoder, cosine

OTHERS = 5  # recordings of a speaker, beside the prompt
SHORTEST = 2.0  # seconds of a recording


class Likeness:
    """Every sound is heard once."""

    def __init__(self, data: Path) -> None:
        encoder = SpeakerEncoder()
        self.embed = cache(lambda path: encoder.embed(load_audio(path, RATE), RATE))
        self.recordings: dict[str, list[Path]] = {}
        for row in read_jsonl(data / "manifest.jsonl"):
            if row.get("audio") and row.get("seconds", 9) > SHORTEST:
                self.recordings.setdefault(row.get("speaker", ""), []).append(data / row["audio"])

    def to_others(self, items: Sequence[EvalItem]) -> dict[str, Any]:
        """Cosine of each dub to `OTHERS` recordings of its speaker that are not the prompt: {value, ci95, lines}; a dub
        that is not there or cannot be measured scores 0, a speaker without others is left out."""
        lines = {}
        for item in items:
            paths = [p for p in self.recordings.get(item.speaker, []) if p not in (item.prompt, item.dub)][:OTHERS]
            if not paths:
                continue
            try:
                lines[item.id] = sum(cosine(self.embed(item.dub), self.embed(path)) for path in paths) / len(paths)
            except InputError:
                lines[item.id] = 0.0
        values, speakers = list(lines.values()), [item.speaker for item in items if item.id in lines]
        return {"value": ratio(values), "ci95": bootstrap_ci(values, None, speakers), "lines": lines}

    def line_to_line(self, items: Sequence[EvalItem]) -> dict[str, Any]:
        """Is it one voice from line to line? {dubs, recordings}, each as `_steadiness` has it: of all dubs of a voice,
        and of up to `OTHERS` + 1 recordings of the same speakers."""
        dubs: dict[str, list[Path]] = {}
        for item in items:
            if item.dub is not None and item.dub.is_file():
                dubs.setdefault(item.speaker, []).append(item.dub)
        found = {speaker: self.recordings.get(speaker, [])[: OTHERS + 1] for speaker in dubs}
        return {"dubs": self._steadiness(dubs), "recordings": self._steadiness(found)}

    def _steadiness(self, voices: dict[str, list[Path]]) -> dict[str, Any]:
        """Mean cosine between two sounds of a voice, {value, ci95, worst: [speaker, cosine]}, and `semitones`, the
        standard deviation of their median pitch; means over the voices that have two sounds."""
        alike, moves = {}, {}
        for speaker, paths in voices.items():
            sounds = [path for path in paths if self._heard(path)]
            if len(sounds) < 2:
                continue
            alike[speaker] = float(np.mean([cosine(self.embed(a), self.embed(b)) for a, b in combinations(sounds, 2)]))
            heights = [height for path in sounds if (height := median_pitch(path)) is not None]
            if len(heights) > 1:
                moves[speaker] = 12 * float(np.std(np.log2(heights), ddof=1))
        values = list(alike.values())
        return {"value": ratio(values), "ci95": bootstrap_ci(values), "semitones": ratio(list(moves.values())),
                "worst": min(alike.items(), key=lambda pair: pair[1], default=None)}

    def _heard(self, path: Path) -> bool:
        try:
            self.embed(path)
        except InputError:
            return False
        return True


def median_pitch(path: Path) -> float | None:
    """Hz; None where nothing is voiced."""
    f0 = pitch(load_audio(path, SOUND_RATE))
    return float(np.median(f0[f0 > 0])) if (f0 > 0).any() else None
