"""The voice's training material in one file, to be trained on elsewhere (train_voice.py --pack, --packed).

Mels are kept as grey pictures with a step of 0.13 (prompts that are recordings with noise: 0.4) of a natural logarithm,
losslessly compressed (WebP): 3 to 4 bits for each of 80 bands, 86 times a second. Every item is aligned by the voice
that training starts from, so that no search is needed there.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from dubctl.graph.build import MODALITIES
from dubctl.synth.alignment import beta_binomial_prior, monotonic_search
from dubctl.synth.model import Synthesizer
from dubctl.synth.symbols import Tokens
from dubctl.training.data import Item
from dubctl.training.emotion_data import EmotionSource, Films, ReferencePool
from dubctl.training.features import Features

FLOOR = -12.0  # below every mel
STEP, COARSE = 0.13, 0.4
STRIP = 8000  # frames of a picture


def pack(path: Path, train: Sequence[Item], held: Sequence[Item], source: EmotionSource | None,
         voice: Synthesizer) -> None:
    """Write items and films."""
    items = [*train, *held]
    with ProcessPoolExecutor(2, initializer=_start, initargs=(voice,)) as pool:
        found = pool.map(_aligned, [(i.tokens, i.features.mel) for i in items if i.durations is None], chunksize=50)
        durations = [next(found) if i.durations is None else i.durations for i in items]
    tracks = [i.lips if i.lips is not None else np.zeros((0, 4), np.float32) for i in items]
    noisy = [i for i in items if i.noisy is not None]
    names = list(dict.fromkeys(i.speaker for i in items))
    arrays: dict[str, Any] = {
        "names": json.dumps(names), "model": json.dumps(voice.config.as_dict()), "train": len(train),
        "speaker": np.array([names.index(i.speaker) for i in items], np.int32),
        "phones": np.concatenate([i.tokens.phones for i in items]).astype(np.int16),
        "stress": np.concatenate([i.tokens.stress for i in items]).astype(np.int8),
        "tokens": np.array([len(i.tokens) for i in items]), "frames": np.array([i.frames for i in items]),
        "durations": np.concatenate(durations).astype(np.int16),
        "f0": np.concatenate([i.features.f0 for i in items]).astype(np.float16),
        "dvector": np.stack([i.features.dvector for i in items]).astype(np.float16),
        "campplus": np.stack([i.features.campplus for i in items]).astype(np.float16),
        "noisy_dvector": np.stack([i.noisy[1] for i in noisy]).astype(np.float16) if noisy else np.zeros((0, 256)),
        "noisy_frames": np.array([len(i.noisy[0]) if i.noisy is not None else 0 for i in items]),
        "lips": np.concatenate(tracks).astype(np.float16), "lip_frames": np.array([len(t) for t in tracks]),
        **{n: np.array([getattr(i, n) for i in items]) for n in ("row", "emotion", "acted", "log_f0", "played")},
        **pictures("mel", [i.features.mel for i in items], STEP),
        **pictures("noisy_mel", [i.noisy[0] for i in noisy if i.noisy is not None], COARSE),
        **(_films(source) if source is not None else {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as sink:
        np.savez_compressed(sink, **arrays)


def unpack(path: Path) -> tuple[list[Item], list[Item], EmotionSource | None, dict[str, Any]]:
    """Training and held-out items, the films, and the network's configuration."""
    with np.load(path) as found:
        a = dict(found)
    mels, noisy = cut(a, "mel", a["frames"], STEP), cut(a, "noisy_mel", a["noisy_frames"], COARSE)
    names = json.loads(str(a["names"]))
    by_token, by_frame = np.cumsum(a["tokens"])[:-1], np.cumsum(a["frames"])[:-1]
    phones, stress, durations = (np.split(a[n], by_token) for n in ("phones", "stress", "durations"))
    f0, lips = np.split(a["f0"], by_frame), np.split(a["lips"], np.cumsum(a["lip_frames"])[:-1])
    heard = iter(a["noisy_dvector"].astype(np.float32))
    items = []
    for i, mel in enumerate(mels):
        item = Item(str(i), names[a["speaker"][i]], Tokens(phones[i].tolist(), stress[i].tolist()),
                    Features(mel, f0[i], a["dvector"][i].astype(np.float32),
                             campplus=a["campplus"][i].astype(np.float32)),
                    lips[i].astype(np.float32) if len(lips[i]) else None, int(a["row"][i]), int(a["emotion"][i]),
                    bool(a["acted"][i]), noisy=(noisy[i], next(heard)) if len(noisy[i]) else None,
                    played=bool(a["played"][i]), durations=durations[i].astype(np.int64))
        item.log_f0 = float(a["log_f0"][i])
        items.append(item)
    train = int(a["train"])
    return items[:train], items[train:], _read_films(a), json.loads(str(a["model"]))


_VOICE: list[Synthesizer] = []


def _start(voice: Synthesizer) -> None:
    torch.set_num_threads(1)
    _VOICE.append(voice)


def _aligned(line: tuple[Tokens, np.ndarray]) -> np.ndarray:
    return aligned(_VOICE[0], *line)


@torch.no_grad()
def aligned(voice: Synthesizer, tokens: Tokens, mel: np.ndarray) -> np.ndarray:
    """Frames (L,) of each token of a recording, by the voice's own aligner; mel (T, 80)."""
    phones, stress = torch.tensor([tokens.phones]), torch.tensor([tokens.stress])
    length, frames = torch.tensor([len(tokens)]), torch.tensor([len(mel)])
    embedded = voice.aligner.embed(phones, stress)
    recorded = torch.from_numpy(mel.astype(np.float32))[None]
    score, _ = voice.alignment(embedded, torch.ones_like(phones, dtype=torch.bool), recorded,
                               torch.ones(1, len(mel), dtype=torch.bool),
                               beta_binomial_prior(frames, length, len(mel), len(tokens)))
    return monotonic_search(score, length, frames)[0].numpy()


def pictures(name: str, mels: Sequence[np.ndarray], step: float) -> dict[str, np.ndarray]:
    """Like mels once, in strips, and which of them each is."""
    place: dict[bytes, int] = {}
    which = np.array([place.setdefault(m.tobytes(), len(place)) for m in mels], np.int32)
    first = {int(w): m for w, m in zip(which[::-1], mels[::-1], strict=True)}
    kept = [first[i] for i in range(len(place))]
    out = {f"{name}.which": which, f"{name}.length": np.array([len(m) for m in kept])}
    if kept:
        whole = np.concatenate(kept)
        grey = np.round((whole.astype(np.float32) - FLOOR) / step).clip(0, 255).astype(np.uint8)
        for number, start in enumerate(range(0, len(grey), STRIP)):
            sink = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(grey[start: start + STRIP].T)).save(
                sink, "WEBP", lossless=True, quality=60, method=4)
            out[f"{name}.strip{number}"] = np.frombuffer(sink.getvalue(), np.uint8)
    return out


def cut(arrays: dict[str, Any], name: str, frames: np.ndarray, step: float) -> list[np.ndarray]:
    """The inverse: float16 mels of the items (empty where `frames` is 0)."""
    count = sum(key.startswith(f"{name}.strip") for key in arrays)
    with ProcessPoolExecutor() as pool:
        strips = list(pool.map(_decoded, [arrays[f"{name}.strip{i}"].tobytes() for i in range(count)]))
    if not strips:
        return [np.zeros((0, 80), np.float16)] * len(frames)
    whole = (np.concatenate(strips).astype(np.float32) * step + FLOOR).astype(np.float16)
    kept = np.split(whole, np.cumsum(arrays[f"{name}.length"])[:-1])
    which = iter(arrays[f"{name}.which"])
    return [kept[next(which)] if n else whole[:0] for n in frames]


def _decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L")).T


def _films(source: EmotionSource) -> dict[str, np.ndarray]:
    """Vectors that lines and footage share are kept once."""
    films = source.films if isinstance(source, Films) else [source]
    out = {"films": np.array(len(films)), "audio_mask": films[0].footage.audio_mask}
    for m in MODALITIES:
        rows = np.concatenate([x for film in films for x in (film.basic[m], film.footage.vectors[m])])
        once, which = np.unique(rows.astype(np.float16), axis=0, return_inverse=True)
        out |= {f"{m}.vectors": once, f"{m}.which": which.reshape(len(films), -1).astype(np.int32),
                f"{m}.neighbours": np.stack([film.neighbours[m] for film in films]).astype(np.int32)}
    return out | {"audio": np.stack([film.footage.audio for film in films]).astype(np.float16)}


def _read_films(a: dict[str, Any]) -> EmotionSource | None:
    if "films" not in a:
        return None
    films, lines = [], a[f"{MODALITIES[0]}.neighbours"].shape[1]
    for number in range(int(a["films"])):
        rows = {m: a[f"{m}.vectors"][a[f"{m}.which"][number]].astype(np.float32) for m in MODALITIES}
        footage = ReferencePool({m: r[lines:] for m, r in rows.items()}, a["audio"][number].astype(np.float32),
                                a["audio_mask"])
        basic = {m: r[:lines] for m, r in rows.items()}
        films.append(EmotionSource(basic, {m: np.ones(lines, bool) for m in basic}, footage,
                                   {m: a[f"{m}.neighbours"][number].astype(np.int64) for m in basic}))
    return Films(films)
