"""The items that the shipped voice is trained on, out of the clips of voice_clips.py (see train_voice.py)."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from safetensors.numpy import load_file
from voice_clips import LONGEST, acted, hurried, poor_recording, quiet_mel, rows, warped
from voice_emotion import PLAIN_MANNER, Line, manner_of

from dubctl.emotion.base import EMOTIONS, LipTrack
from dubctl.emotion.lips import lip_features
from dubctl.errors import DubctlError
from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.speaker import SpeakerEncoder
from dubctl.synth.frontend import phonemise
from dubctl.synth.symbols import tokenise
from dubctl.training.data import Item
from dubctl.training.features import Features, cached


def corpus(args: argparse.Namespace) -> tuple[list[Item], list[Item], list[Line]]:
    """Training and held-out items; an item's `row` is its place among the lines."""
    encoder = SpeakerEncoder().eval()
    lips = load_file(args.grid_lips) if args.grid_lips else {}
    train: list[Item] = []
    held: list[Item] = []
    lines: list[Line] = []
    for folder, row in (*rows(args), *warped(args), *hurried(args), *acted(args)):
        media = folder / (row.get("audio") or row["video"])
        try:
            features = cached(args.cache, media, encoder)
            tokens = tokenise(row.get("phonemes") or phonemise(row["text"]))
        except DubctlError as err:
            print("left out:", err.message)
            continue
        noisy = poor_recording(args, row, media, encoder)
        if "quiet" in row:
            noisy = noisy or (features.mel, features.dvector)
            features = replace(features, mel=quiet_mel(media, row["quiet"]))
        filmed = folder == args.acted
        feeling = row["emotion"] if filmed else "neutral"  # the labels of the other sets are those of their words
        item = Item(row["id"], row["speaker"], tokens, features, _lips(lips, row["id"], features), len(lines),
                    EMOTIONS.index(feeling), acted=filmed, noisy=noisy,
                    played=folder == args.hurried)
        if not item.fits(LONGEST) or len(tokens) < 5:
            continue
        lines.append(Line(row["id"], media, row["speaker"], row["text"], feeling,
                          manner_of(row) if filmed else PLAIN_MANNER, filmed))
        (held if row.get("split") == "dev" else train).append(item)
    for item in train:
        if item.acted:
            usual = [i.log_f0 for i in train if i.speaker == item.speaker and not i.acted]
            item.log_f0 = float(np.mean(usual)) if usual else item.log_f0
    return train, held, lines


def _lips(tracks: dict[str, np.ndarray], id: str, features: Features) -> np.ndarray | None:
    if f"{id}.opening" not in tracks:
        return None
    track = LipTrack(*(tracks[f"{id}.{n}"] for n in ("opening", "width")), tracks[f"{id}.visible"].astype(bool))
    start = float(features.start)
    values, visible = lip_features(track, start, start + len(features.mel) / FRAMES_PER_SECOND)
    return values if len(values) > 1 and visible.mean() > 0.8 else None
