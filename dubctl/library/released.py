"""Emotion features and retrieval lists in the files of the released research code (Authentic-Dubber), both ways.

    scene_emo_roberta/{id}-scene_attri_emo.npy                        (1, d)
    face_emo_roberta/{id}-face_caption.npy                            (1, d)
    text_cat_react_emb_reberta/{id}-text_cat_react-{speaker}.npy      (1, 2d) = [T_self ; T_react]  (spelt so there)
    audio_emo/{id}-audio_emo-{speaker}.npy                            (1, d)
    …/{id}-scene_attri_emo.npy_top_100.json, {id}-face_caption.npy_top_100.json, {id}_top_100.json (text)
                                     [{"file_name": …}, …], best first; the scores in them are ours, the code reads none

Also read: its second generation (`scene_caption_embedding/`, `face_caption_embedding/`, `text_emo_embedding/`,
`…_top_6500.json`), I3D scene features `emos/{speaker}-emo-{id}.npy` and EmoNet/EmoFAN face features
`VA_feature/{speaker}-feature-{id}.npy` (frames, d), whose mean over time is taken. Arrays are loaded without pickle.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dubctl.emotion.base import EmotionSpace
from dubctl.errors import InputError
from dubctl.files import atomic_path, write_text
from dubctl.library.schema import QUERY_MODALITIES

MODALITIES = ("scene", "face", "text", "audio")
# modality -> (folder, file name) as the released code has them
FILES = {"scene": ("scene_emo_roberta", "{id}-scene_attri_emo.npy"),
         "face": ("face_emo_roberta", "{id}-face_caption.npy"),
         "text": ("text_cat_react_emb_reberta", "{id}-text_cat_react-{speaker}.npy"),
         "audio": ("audio_emo", "{id}-audio_emo-{speaker}.npy")}
WIDTHS = {"scene": 1024, "face": 1024, "text": 2048, "audio": 1024}  # what its networks read
MARKS = {"scene": ("-scene_attri_emo", "-scene_caption"), "face": ("-face_caption",),
         "text": ("-text_cat_react", "-text_emo"), "audio": ("-audio_emo",)}
FOLDERS = {"scene_caption_embedding": "scene", "face_caption_embedding": "face", "text_emo_embedding": "text"}
TOP = re.compile(r"(?P<query>.+?)(?:\.npy)?_top_\d+\.json")
BOTH = "cat_react"  # text files that hold T_self and T_react
KEPT = 32  # references kept of a list: K is 10 at most, and some are excluded


class Features(NamedTuple):
    """Vectors of one modality: ids, rows (n, d) float32, and what could not be read. `space` says what made them."""

    ids: list[str]
    rows: np.ndarray
    space: EmotionSpace
    problems: list[str]


def clip_of(stem: str, known: Collection[str]) -> tuple[str, str] | None:
    """The clip that a file name speaks of, and the rest of the name: ids hide between a speaker and a kind."""
    if stem in known:
        return stem, ""
    parts = stem.split("-")
    for length in range(len(parts), 0, -1):
        for first in range(len(parts) - length + 1):
            id = "-".join(parts[first:first + length])
            if id in known:
                return id, "-" + "-".join(parts[first + length:]) if first + length < len(parts) else ""
    short = f"{parts[0]}-{parts[-1]}"  # GRID: s6-face-bwba2a
    return (short, "") if short in known else None


def sort_features(files: Iterable[Path], known: Collection[str]) -> dict[str, dict[str, Path]]:
    """Emotion feature files by modality and clip id; of several folders of one modality the fullest."""
    folders: dict[str, dict[Path, dict[str, Path]]] = {}
    for path in files:
        found = clip_of(path.stem, known)
        modality = next((name for name, marks in MARKS.items() if found and found[1].startswith(marks)),
                        FOLDERS.get(path.parent.name) if found else None)
        if found and modality:
            folders.setdefault(modality, {}).setdefault(path.parent, {})[found[0]] = path
    return {name: max((len(held), str(folder), held) for folder, held in of.items())[2]
            for name, of in folders.items()}


def features_in(folder: Path, known: Collection[str]) -> dict[str, Path]:
    """Every .npy file of a folder that speaks of a known clip.

    Raises:
        InputError: no such folder, or none in it does.
    """
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}", "give the folder that holds one .npy file a clip")
    files = {found[0]: path for path in sorted(folder.rglob("*.npy")) if (found := clip_of(path.stem, known))}
    if not files:
        raise InputError(f"no .npy file in {folder} is named after a clip of the library",
                         "names look like ID-scene_attri_emo.npy or SPEAKER-emo-ID.npy")
    return files


def read_features(files: Mapping[str, Path], modality: str) -> Features:
    """Vectors out of .npy files: (d,), (1, d), or (frames, d) averaged over time.

    Text files named `cat_react` hold both halves; another text vector stands for both, and `problems` says so.

    Raises:
        InputError: none can be read, or their widths differ.
    """
    ids, rows, problems = list[str](), list[np.ndarray](), list[str]()
    halved = [BOTH in path.name for path in files.values()]
    for id, path in files.items():
        try:
            rows.append(_vector(path))
            ids.append(id)
        except (OSError, ValueError) as err:
            problems.append(f"{path}: {err}")
    if not rows:
        raise InputError(f"no {modality} feature can be read: {problems[0]}", "they are NumPy arrays of numbers")
    width = len(rows[0])
    for id, row in zip(ids, rows, strict=True):
        if len(row) != width:
            raise InputError(f"{files[id]}: {len(row)} numbers, but {files[ids[0]]} has {width}",
                             "features of one kind have one width")
    if modality == "text" and not all(halved):
        problems.append("the text features hold T_self alone: it stands for T_react too")
        rows = [np.concatenate([row, row]) for row in rows]
    elif modality == "text" and width % 2:
        raise InputError(f"text features are [T_self ; T_react], but have {width} numbers", "an even width is needed")
    stacked = np.stack(rows)
    revision = hashlib.sha256("\n".join(ids).encode() + stacked.tobytes()).hexdigest()[:12]
    name = next(iter(files.values())).parent.name
    dim = stacked.shape[1] // 2 if modality == "text" else stacked.shape[1]
    return Features(ids, stacked, EmotionSpace(f"imported:{name}", revision, dim), problems)


def _vector(path: Path) -> np.ndarray:
    values = np.load(path, allow_pickle=False)
    if not np.issubdtype(values.dtype, np.number) or values.ndim not in (1, 2) or not values.size:
        raise ValueError(f"expected (d,), (1, d) or (frames, d) numbers, not {values.dtype} {values.shape}")
    vector = values.astype(np.float32).reshape(-1, values.shape[-1]).mean(0)
    if not np.isfinite(vector).all():
        raise ValueError("it holds values that are not finite")
    return vector


def read_top_lists(files: Iterable[Path], known: Collection[str]) -> tuple[dict[str, dict[str, list[str]]], list[str]]:
    """Retrieved ids, best first, by modality and query; the query itself is dropped. And what could not be read.

    The released lists were made with the training set as library, and nothing in them excludes the query: a training
    clip's best hit is itself, and its "matched audio" the very speech to be made.
    """
    lists: dict[str, dict[str, list[str]]] = {name: {} for name in QUERY_MODALITIES}
    problems: list[str] = []
    for path in files:
        if not (match := TOP.fullmatch(path.name)) or not (query := clip_of(match["query"], known)):
            continue
        modality = next((name for name in ("scene", "face") if query[1].startswith(MARKS[name])), "text")
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            names = [Path(str(row["file_name"])).name.removesuffix(".npy") for row in rows]
        except (OSError, ValueError, TypeError, KeyError) as err:
            problems.append(f"{path}: not a list of objects with `file_name` ({err!r:.60})")
            continue
        hits = [found[0] for name in names if (found := clip_of(name, known))]
        if lost := len(names) - len(hits):
            problems.append(f"{path}: {lost} of its {len(names)} references are not in the library")
        lists[modality][query[0]] = [id for id in dict.fromkeys(hits) if id != query[0]][:KEPT]
    return {name: of for name, of in lists.items() if of}, problems


def write_feature(root: Path, modality: str, id: str, speaker: str, vector: np.ndarray) -> Path:
    """One vector (d,) as the released code reads it: (1, d) float32. Returns its path."""
    folder, name = FILES[modality]
    path = root / folder / name.format(id=id, speaker=speaker)
    with atomic_path(path) as part, part.open("wb") as sink:
        np.save(sink, np.asarray(vector, np.float32)[None], allow_pickle=False)
    return path


def write_top_list(root: Path, modality: str, query: str, hits: Iterable[tuple[str, str, float]], count: int) -> Path:
    """One retrieval list; `hits` are (id, speaker, score). Returns its path."""
    names = {"scene": "{id}-scene_attri_emo.npy", "face": "{id}-face_caption.npy", "text": "{id}-text_emo.npy"}
    stem = query if modality == "text" else names[modality].format(id=query)
    rows: list[dict[str, Any]] = [{"file_name": names[modality].format(id=id), "score": round(float(score), 6)}
                                  for id, _, score in hits]
    path = root / f"{modality}_top" / f"{stem}_top_{count}.json"
    write_text(path, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    return path
