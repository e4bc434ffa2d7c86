"""Dubbing a clip of a library: its emotion vectors and lips are there already, so nothing is extracted again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dubctl.dubbing import placement
from dubctl.dubbing.direction import Wishes
from dubctl.dubbing.found import find_feeling
from dubctl.dubbing.scene_reading import lips_in
from dubctl.emotion.lips import speech_window
from dubctl.graph.build import MODALITIES, EmotionBatch
from dubctl.library.hits import Hit, gather_references
from dubctl.library.lip_features import LANDMARKS, lip_features_of
from dubctl.library.store import Library
from dubctl.media.audio import load_audio
from dubctl.media.clip import probe
from dubctl.media.clock import samples_at
from dubctl.media.mel import RATE
from dubctl.synth.inputs import Lips
from dubctl.synth.prompt import read_prompt
from dubctl.synth.voice import Voice


def perform_row(voice: Voice, library: Library, place: int, prompt: Path,
                hits: Sequence[Hit]) -> tuple[np.ndarray, dict[str, Any]]:
    """Speech (S,) at 22,050 Hz, as long as the clip to the sample, and what was done.

    The length is the picture's. Only a clip without one gets the length of its recording, and the facts say so; the
    released code takes the recording's length always.

    Raises:
        InputError: an unreadable prompt, or a line too long for its clip.
    """
    row = library.rows[place]
    seconds, of_picture = clip_seconds(library, place)
    track = library.lips(place)
    seen = speech_window(track) if track is not None else None
    window = (max(0.0, seen[0]), min(seconds, seen[1])) if seen is not None else (0.0, seconds)
    heard, emotion = read_prompt(load_audio(prompt, RATE), RATE), emotion_of(library, place, hits)
    finding = find_feeling(voice, emotion)  # the graphs alone: they are what the paper's rows change
    direction = Wishes(found=finding.acted).whole()
    window = placement.widened(window, voice.natural_seconds(row.text, heard, emotion, direction), seconds)
    lips = _lips(voice, library, place, window)
    done = voice.perform(row.text, heard, placement.room_frames(window), lips=lips, emotion=emotion,
                         direction=direction)
    wav = placement.place(voice.sound(done), window[0], samples_at(seconds))
    return wav, {"clip_seconds": round(seconds, 4), "length_of": "picture" if of_picture else "recording",
                 "window": [round(value, 4) for value in window], "from_mouth": seen is not None,
                 "stretch": round(done.stretch, 4), "hurried": done.hurried, "found": finding.report()}


def _lips(voice: Voice, library: Library, place: int, window: tuple[float, float]) -> Lips | None:
    """What the network sees of the mouth: landmarks, or the download's own features where it was trained on those."""
    width, track = voice.model.config.lip_features, library.lips(place)
    if width != LANDMARKS:
        given = lip_features_of(library, place, width, *window)
        return None if given is None else Lips(given, np.ones(len(given), bool), opening=False)
    if track is None or speech_window(track) is None:
        return None
    return lips_in(track, window)


def clip_seconds(library: Library, place: int) -> tuple[float, bool]:
    """Length of a clip, and whether it is its picture's."""
    row, video = library.rows[place], library.media(place, "video")
    if row.start is not None and row.end is not None:
        return row.end - row.start, video is not None
    if row.seconds:
        return row.seconds, bool(row.frames)
    if video is not None and video.is_file() and (info := probe(video)).has_video:
        return info.duration, True
    audio = library.media(place, "audio")
    assert audio is not None  # a line has sound
    return len(load_audio(audio, RATE)) / RATE, False


def emotion_of(library: Library, place: int, hits: Sequence[Hit]) -> EmotionBatch:
    """Basic emotion of a row and its references, a batch of one; what a clip lacks is masked."""
    k = max([1, *(sum(hit.modality == m for hit in hits) for m in MODALITIES)])
    found, vectors = gather_references(library, list(hits), k), library.vectors
    basic = {"scene": vectors["scene"][place], "face": vectors["face"][place],
             "text": np.concatenate([vectors["text_self"][place], vectors["text_react"][place]])}

    def tensor(value: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(value))[None]

    return EmotionBatch({m: tensor(basic[m]) for m in MODALITIES},
                        torch.tensor([[bool(library.masks[m][place]) for m in MODALITIES]]),
                        {m: tensor(found.indirect[m]) for m in MODALITIES},
                        {m: tensor(found.audio[m]) for m in MODALITIES},
                        tensor(np.stack([found.mask[m] & found.audio_mask[m] for m in MODALITIES])))
