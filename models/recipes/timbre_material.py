"""What the timbre adapter is taught with (train_timbre.py): lines that are aligned already, and voices, each heard in
several recordings.

Most of LibriSpeech's speakers have one clip here, of some 12 s; it is cut into pieces of three seconds and more, and a
voice is told by one of them and wanted as all of them say. Each is also played faster and slower (voice_clips.py),
which makes it another voice. Its lines want RNNoise's sound, its voices are as recorded.
"""

from __future__ import annotations

import pickle
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from voice_clips import LONGEST, WARPS, levelled, mel_of
from voice_pack import aligned

from dubctl.errors import DubctlError
from dubctl.files import read_jsonl
from dubctl.media.audio import load_audio
from dubctl.media.mel import FRAMES_PER_SECOND, RATE
from dubctl.media.silence import speech_span
from dubctl.synth.frontend import phonemise
from dubctl.synth.pitch import f0_track, mean_log_f0
from dubctl.synth.prompt import second_encoder, speaker_encoder
from dubctl.synth.symbols import Tokens, tokenise
from dubctl.synth.voice_files import load_folder

PIECE = 3.0  # seconds at least of a piece of a recording
READERS = ("kathleen", "cmu_arctic")  # with hundreds of clips: every eighth is taken
TELLING = 150  # frames of a clip that says whose voice it is


@dataclass
class Recording:
    """What encoders and the synthesizer hear in one recording of a voice: unit vectors (256,) and (192,), mel (T, 80)
    and mean ln F0."""

    dvector: np.ndarray
    campplus: np.ndarray
    mel: np.ndarray
    log_f0: float


@dataclass
class Line:
    """A recorded line: mel (T, 80) to be drawn, f0 (T,), frames (L,) of its tokens; dev: it never trains."""

    speaker: str
    tokens: Tokens
    mel: np.ndarray
    f0: np.ndarray
    durations: np.ndarray
    recording: Recording
    dev: bool = False


@dataclass
class Material:
    """Lines, and the voices of LibriSpeech: recordings of each."""

    lines: list[Line] = field(default_factory=list)
    real: dict[str, list[Recording]] = field(default_factory=dict)

    def synthetic(self) -> dict[str, list[Recording]]:
        """The recordings of every other voice that has more than one."""
        found: dict[str, list[Recording]] = defaultdict(list)
        for line in self.lines:
            if line.speaker not in self.real and len(line.mel) >= TELLING:
                found[line.speaker].append(line.recording)
        return {name: recordings for name, recordings in found.items() if len(recordings) > 1}


def material(data: Path, transcripts: dict[str, str], kept: Path, workers: int = 2) -> Material:
    """Of kokoro_mix, the readers and LibriSpeech's speakers without text in DATA; read from `kept` if it is there.

    Args:
        transcripts: LibriSpeech ids to what is said; a clip without gives voices and no lines.
    """
    if kept.is_file():
        return pickle.loads(kept.read_bytes())  # this recipe's own file
    found = Material()
    with ProcessPoolExecutor(workers, initializer=partial(torch.set_num_threads, 1)) as pool:
        found.lines += [line for line in pool.map(recorded_line, _rows(data), chunksize=20) if line is not None]
        read = [row | {"text": transcripts.get(row["id"], "")} for row in _of(data, "librispeech") if not row["text"]]
        for lines, voices in pool.map(_real, read, chunksize=5):
            found.lines += lines
            found.real |= voices
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(pickle.dumps(found))
    return found


def recording(wav: np.ndarray) -> Recording:
    """Of speech (S,) at 22,050 Hz."""
    mel = mel_of(wav)
    return Recording(speaker_encoder().embed(wav, RATE), second_encoder().embed(wav, RATE), mel,
                     mean_log_f0(f0_track(wav, len(mel))) or 5.1)


def pieces(wav: np.ndarray) -> list[np.ndarray]:
    """Speech (S,) in two to four pieces of `PIECE` seconds and more; as it is where it is short."""
    seconds = len(wav) / RATE
    count = max(2, min(4, int(seconds / PIECE))) if seconds > 5 else 1
    return np.array_split(wav, count)


def _of(data: Path, name: str) -> list[dict[str, Any]]:
    return [row | {"path": data / name / row["audio"]} for row in read_jsonl(data / name / "manifest.jsonl")]


def _rows(data: Path) -> Iterator[dict[str, Any]]:
    """kokoro_mix without its test split, and the readers without the sentences of its test and dev splits."""
    plain, mix = re.compile(r"[^a-z ]"), _of(data, "kokoro_mix")
    reserved = {plain.sub("", row["text"].lower()) for row in mix if row["split"] != "train"}
    yield from (row for row in mix if row["split"] != "test")
    for name in READERS:
        yield from (r for r in _of(data, name)[::8] if plain.sub("", r["text"].lower()) not in reserved)


def recorded_line(row: dict[str, Any]) -> Line | None:
    """Of a manifest's row with the `path` of its recording; None where it cannot be taught."""
    wav = levelled(row["path"], row["path"])
    return _line(row, row["speaker"], wav, wav)


def _real(row: dict[str, Any]) -> tuple[list[Line], dict[str, list[Recording]]]:
    """Lines and voices of a LibriSpeech clip, as it is and warped."""
    from quiet_recordings import quiet  # needs pyrnnoise, which nothing else does

    lines, voices = [], {}
    for factor in (1.0, *WARPS):
        name = row["speaker"] if factor == 1 else f"{row['speaker']}x{factor}"
        wav = load_audio(row["path"], RATE)
        if factor != 1:
            wav = soxr.resample(wav, RATE * factor, RATE).astype(np.float32)
        first, last = speech_span(wav)
        level = 0.9 / float(np.abs(wav[first:last]).max())
        clean, wav = quiet(wav, RATE)[first:last] * level, wav[first:last] * level
        voices[name] = [recording(piece) for piece in pieces(wav)]
        lines += [line for line in [_line(row, name, wav, clean)] if line is not None]
    return lines, voices


def _line(row: dict[str, Any], speaker: str, wav: np.ndarray, wanted: np.ndarray) -> Line | None:
    """The line of a row, with `wanted` to be drawn; None where it cannot be taught."""
    mel = mel_of(wanted)
    try:
        tokens = tokenise(row.get("phonemes") or phonemise(row["text"]))
    except DubctlError:
        return None
    if len(tokens) < 5 or not len(tokens) <= len(mel) <= LONGEST * FRAMES_PER_SECOND or len(mel) / len(tokens) >= 30:
        return None
    f0 = f0_track(wav, len(mel)).astype(np.float16)
    durations = aligned(_shipped(), tokens, mel).astype(np.int64)
    return Line(speaker, tokens, mel, f0, durations, recording(wav), row.get("split") == "dev")


_VOICE: list[Any] = []


def _shipped() -> Any:
    if not _VOICE:
        _VOICE.append(load_folder(None)[0])
    return _VOICE[0]


def mean_of(recordings: Iterable[Recording], name: str) -> np.ndarray:
    """The unit vector of the mean of their `dvector` or `campplus`."""
    mean = np.mean([getattr(one, name) for one in recordings], axis=0)
    return mean / np.linalg.norm(mean)
