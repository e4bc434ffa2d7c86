"""The items that the shipped voice is trained on, out of the clips of voice_clips.py (see train_voice.py)."""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf
from safetensors.numpy import load_file
from voice_clips import LONGEST, acted, hurried, levelled, mel_of, poor_recording, rows, some, warped
from voice_emotion import PLAIN_MANNER, Line, manner_of
from voice_pack import aligned
from voice_parts import cut

from dubctl.campplus import Campplus
from dubctl.emotion.base import EMOTIONS, LipTrack
from dubctl.emotion.lips import lip_features
from dubctl.errors import DubctlError
from dubctl.media.mel import FRAMES_PER_SECOND, HOP, RATE
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.frontend import phonemise
from dubctl.synth.model import Synthesizer
from dubctl.synth.symbols import tokenise
from dubctl.synth.voice_files import load_folder
from dubctl.training.data import Item
from dubctl.training.features import Features, cached


def corpus(args: argparse.Namespace) -> tuple[list[Item], list[Item], list[Line]]:
    """Training and held-out items; an item's `row` is its place among the lines."""
    encoder, second = SpeakerEncoder().eval(), Campplus()
    voice = load_folder(args.init)[0] if args.parts else None
    lips = load_file(args.grid_lips) if args.grid_lips else {}
    train: list[Item] = []
    held: list[Item] = []
    lines: list[Line] = []
    for folder, row in (*rows(args), *some(args, warped(args)), *some(args, hurried(args)), *acted(args)):
        media = folder / (row.get("audio") or row["video"])
        try:
            features = cached(args.cache, media, encoder, second=second)
            tokens = tokenise(row.get("phonemes") or phonemise(row["text"]))
        except DubctlError as err:
            print("left out:", err.message)
            continue
        noisy = poor_recording(args, row, media, encoder)
        clean = levelled(media, row["quiet"]) if "quiet" in row else None
        if clean is not None:
            if args.parts or noisy is None:
                noisy = features.mel, features.dvector
            features = replace(features, mel=mel_of(clean),
                               dvector=_asked(features.dvector, clean, encoder, args.quiet_voice))
        filmed = folder == args.acted
        feeling = row["emotion"] if filmed else "neutral"  # the labels of the other sets are those of their words
        item = Item(row["id"], row["speaker"], tokens, features, _lips(lips, row["id"], features), len(lines),
                    EMOTIONS.index(feeling), acted=filmed, noisy=noisy,
                    played=folder == args.hurried)
        if not item.fits(LONGEST) or len(tokens) < 5:
            continue
        whole = voice is None or clean is None
        for one in [item] if whole else _parts(item, media, clean, args.quiet_voice, encoder, voice):
            one.row = len(lines)
            lines.append(Line(one.id, media, row["speaker"], row["text"], feeling,
                              manner_of(row) if filmed else PLAIN_MANNER, filmed))
            (held if row.get("split") == "dev" else train).append(one)
    for item in train:
        if item.acted:
            usual = [i.log_f0 for i in train if i.speaker == item.speaker and not i.acted]
            item.log_f0 = float(np.mean(usual)) if usual else item.log_f0
    return train, held, lines


def _asked(heard: np.ndarray, clean: np.ndarray, encoder: SpeakerEncoder, share: float) -> np.ndarray:
    """The d-vector that GE2E asks for: the recording's, `share` of it that of the samples without its noise."""
    asked = (1 - share) * heard + share * encoder.embed(clean, RATE) if share else heard
    return asked / np.linalg.norm(asked)


def _parts(item: Item, media: Path, clean: np.ndarray, share: float, encoder: SpeakerEncoder,
           voice: Synthesizer) -> Iterator[Item]:
    """A recording, cut in its pauses; clean: its samples without noise."""
    recording = levelled(media, media)

    def voices(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        heard = encoder.embed(recording[first * HOP: last * HOP], RATE)
        return _asked(heard, clean[first * HOP: last * HOP], encoder, share), heard
    yield from cut(item, aligned(voice, item.tokens, item.features.mel), voices)


def _lips(tracks: dict[str, np.ndarray], id: str, features: Features) -> np.ndarray | None:
    if f"{id}.opening" not in tracks:
        return None
    track = LipTrack(*(tracks[f"{id}.{n}"] for n in ("opening", "width")), tracks[f"{id}.visible"].astype(bool))
    start = float(features.start)
    values, visible = lip_features(track, start, start + len(features.mel) / FRAMES_PER_SECOND)
    return values if len(values) > 1 and visible.mean() > 0.8 else None


SNIPPET = 130  # mel frames, 1.5 s
BITS = 13  # of a sample: its noise lies 83 dB under full scale, below that of every recording
SNIPPETS = {"librispeech": 480, "kokoro_mix": 260, "kathleen": 40, "cmu_arctic": 60}  # at most; of `--more`: 260


def save_snippets(args: argparse.Namespace, train: list[Item], lines: list[Line]) -> None:
    """1.5 s of the recordings of some plain items, as their mels have them (FLAC), and where in the item they begin;
    LibriSpeech's without their noise and marked as narrow, for they have nothing above 8 kHz."""
    sound, item, first, narrow = [], [], [], []
    for place, start in _some(args, train, lines):
        line = lines[train[place].row]
        quiet = args.quiet / f"{line.id}.flac" if args.quiet else line.path
        wav = levelled(line.path, quiet if quiet.is_file() else line.path)[start * HOP: (start + SNIPPET) * HOP]
        sink = io.BytesIO()
        wav = np.round(wav * 2 ** (BITS - 1)) / 2 ** (BITS - 1)
        sf.write(sink, wav, RATE, format="FLAC", subtype="PCM_16")
        sound.append(np.frombuffer(sink.getvalue(), np.uint8))
        item.append(place)
        first.append(start)
        narrow.append(line.path.parts[-3] == "librispeech")
    args.snippets.parent.mkdir(parents=True, exist_ok=True)
    with args.snippets.open("wb") as sink:
        np.savez(sink, flac=np.concatenate(sound), bytes=np.array([len(s) for s in sound]), item=np.array(item),
                 first=np.array(first), narrow=np.array(narrow))
    print(f"{len(sound)} snippets, {sum(map(len, sound)) / 1e6:.0f} MB", flush=True)


def _some(args: argparse.Namespace, train: list[Item], lines: list[Line]) -> Iterator[tuple[int, int]]:
    """(item, first frame) of the snippets: no acted, warped or hurried items; real voices give two."""
    left = dict(SNIPPETS)
    for place in random.Random(0).sample(range(len(train)), len(train)):
        line, room = lines[train[place].row], train[place].frames - SNIPPET
        folder = line.path.parts[-3]
        plain = args.data / folder in line.path.parents or line.path.parents[1] in args.more
        if room < 0 or line.filmed or not plain:
            continue
        for number in range(2 if folder == "librispeech" else 1):
            if left.setdefault(folder, 260) > 0:
                left[folder] -= 1
                yield place, random.Random(place + number).randint(0, room)
