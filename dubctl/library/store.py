"""The Reference Footage Library on disk (paper, "Multimodal Reference Footage Library"): rows, vectors, lip tracks.

    library.json         schema version, profile, spaces, counts, digests of the files below
    clips.jsonl          one `ClipRow` per line
    vectors.safetensors  scene, face, text_self, text_react, audio (N, d) float32; scene_mask, face_mask, text_mask,
                         audio_mask (N,) bool, False where a clip has no such modality (its vector is then zero)
    lips.safetensors     opening, width (F,) float32 and visible (F,) bool of all clips end to end; offsets (N + 1,)
    index/               see `dubctl.library.index`
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from dubctl.emotion.base import EmotionSpace, LipTrack
from dubctl.errors import InputError
from dubctl.files import atomic_path, read_jsonl, sha256_file, write_json, write_jsonl
from dubctl.library.schema import FPS, MASKS, RATE, SCHEMA_VERSION, VECTORS, ClipRow, resolve_path

KIND = "dubctl-reference-library"
CLIPS, TENSORS, LIPS, CARD = "clips.jsonl", "vectors.safetensors", "lips.safetensors", "library.json"
REDO = "run `dubctl extract DATASET -o {path}` again; finished clips are kept"


@dataclass
class Library:
    """An opened library of N clips: `vectors` (N, d) float32; `masks` (N,) bool of scene, face, text and audio."""

    path: Path
    rows: list[ClipRow]
    vectors: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]
    spaces: dict[str, EmotionSpace]
    profile: str
    meta: dict[str, Any]
    _places: dict[str, int] = field(default_factory=dict, repr=False)
    cache: dict[str, Any] = field(default_factory=dict, repr=False)  # opened indexes and normalised matrices

    def __post_init__(self) -> None:
        self._places = {row.id: place for place, row in enumerate(self.rows)}

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Library({str(self.path)!r}, {len(self)} clips, profile {self.profile!r})"

    @property
    def name(self) -> str:
        """What its references call it: the name in its card, or its path."""
        return str(self.meta.get("name") or self.path)

    @property
    def digest(self) -> str:
        """SHA-256 of the vectors; an index records the one it was built from."""
        return str(self.meta["digests"][TENSORS])

    def __contains__(self, id: str) -> bool:
        """Whether a clip has this id."""
        return id in self._places

    def lookup(self, id: str) -> int:
        """Row number of a clip id.

        Raises:
            InputError: no such clip; the message offers the nearest id.
        """
        if id in self:
            return self._places[id]
        near = difflib.get_close_matches(id, self._places, n=1)
        raise InputError(f"no clip `{id}` in library {self.path}", f"did you mean `{near[0]}`?" if near else
                         f"`jq -r .id {self.path / CLIPS}` lists the ids")

    def media(self, place: int, kind: str) -> Path | None:
        """Path of the "video" or "audio" of row `place`; None where the row names none. It may not exist any more."""
        return resolve_path(getattr(self.rows[place], kind), self.path)

    def lips(self, place: int) -> LipTrack | None:
        """Lip track of row `place` on the 25-fps clock; None where the clip has no picture or the library no tracks."""
        if "lips" not in self.cache:
            file = self.path / LIPS
            self.cache["lips"] = _load_tensors(file) if file.is_file() else {"offsets": np.zeros(len(self) + 1, int)}
        tracks = self.cache["lips"]
        first, last = (int(value) for value in tracks["offsets"][place:place + 2])
        if first == last:
            return None
        return LipTrack(*(tracks[name][first:last] for name in ("opening", "width", "visible")), fps=FPS)

    @classmethod
    def open(cls, path: Path | str, spaces: Mapping[str, EmotionSpace] | None = None) -> Library:
        """Read a library and check that its files belong together.

        Args:
            path: the library folder.
            spaces: the spaces the caller's vectors live in (`Profile.spaces()`); None skips that check.

        Raises:
            InputError: no library there, another schema version, a file changed or cut, or other spaces.
        """
        path = Path(path)
        meta = _read_card(path)
        rows = [ClipRow.from_row(row, str(path / CLIPS), line)
                for line, row in enumerate(read_jsonl(path / CLIPS, drop_cut_line=False), 1)]
        for name, digest in meta["digests"].items():
            if sha256_file(path / name) != digest:
                raise InputError(f"{path / name} does not match {CARD}: it was changed, or writing was cut off",
                                 REDO.format(path=path))
        tensors = _load_tensors(path / TENSORS)
        own: dict[str, EmotionSpace] = meta["spaces"]
        _check_tensors(path, tensors, len(rows), own)
        library = cls(path, rows, {name: tensors[name] for name in VECTORS},
                      {name: tensors[f"{name}_mask"] for name in dict.fromkeys(MASKS.values())},
                      own, meta["profile"], meta)
        if len(library._places) != len(rows):
            raise InputError(f"{path / CLIPS}: two rows have the same id", REDO.format(path=path))
        if spaces is not None:
            check_spaces(path, own, spaces)
        return library


def check_spaces(path: Path, own: Mapping[str, EmotionSpace], asked: Mapping[str, EmotionSpace]) -> None:
    """Raise InputError, naming both, where the library's space of a modality is not the one asked for."""
    for name, space in asked.items():
        if name in own and own[name] != space:
            raise InputError(f"library {path} holds {name} vectors of {own[name]}, but this command makes {space}",
                             f"use the profile it was made with, or run `dubctl extract DATASET -o {path} --force`")


def read_spaces(path: Path) -> tuple[str, dict[str, EmotionSpace]] | None:
    """Profile name and spaces of the library at `path`, without its vectors; None where there is no library."""
    if not (path / CARD).is_file():
        return None
    meta = _read_card(path)
    return meta["profile"], meta["spaces"]


def write_library(path: Path | str, rows: Sequence[ClipRow], vectors: Mapping[str, np.ndarray],
                  masks: Mapping[str, np.ndarray], spaces: Mapping[str, EmotionSpace], profile: str,
                  lips: Sequence[LipTrack | None] = (), about: Mapping[str, Any] | None = None) -> None:
    """Write all files of a library, each atomically, `library.json` last. Equal contents give equal bytes.

    Args:
        rows: N rows; vectors, masks: as in `Library`; lips: N tracks, or empty to store none.
        about: more facts for `library.json`.
    """
    path = Path(path)
    tensors = {name: np.array(vectors[name], np.float32) for name in VECTORS}  # copies: masked rows are zeroed
    tensors |= {f"{name}_mask": np.ascontiguousarray(mask, bool) for name, mask in masks.items()}
    _check_tensors(path, tensors, len(rows), spaces)
    for name, mask in MASKS.items():
        tensors[name][~tensors[f"{mask}_mask"]] = 0.0
    write_tensors(path / TENSORS, tensors)
    write_jsonl(path / CLIPS, (row.as_row() for row in rows))
    files = [CLIPS, TENSORS]
    if lips:
        write_tensors(path / LIPS, _join_lips(lips))
        files.append(LIPS)
    ok = [row.status == "ok" for row in rows]
    counts = {"clips": len(rows), "ok": sum(ok), "failed": len(rows) - sum(ok)}
    counts |= {name: int(np.sum(mask)) for name, mask in masks.items()}
    write_json(path / CARD, {
        "kind": KIND, "schema_version": SCHEMA_VERSION, "profile": profile,
        "spaces": {name: space.as_dict() for name, space in spaces.items()}, "counts": counts,
        "clock": {"rate": RATE, "fps": FPS}, "digests": {name: sha256_file(path / name) for name in files},
        **(about or {})})


def write_tensors(target: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write a safetensors file atomically."""
    with atomic_path(target) as part:
        part.write_bytes(save({name: np.ascontiguousarray(value) for name, value in tensors.items()}))


def _join_lips(lips: Sequence[LipTrack | None]) -> dict[str, np.ndarray]:
    lengths = [0 if track is None else len(track.opening) for track in lips]
    seen = [track for track in lips if track is not None]

    def column(name: str, dtype: type) -> np.ndarray:
        return np.concatenate([np.zeros(0, dtype), *(np.asarray(getattr(track, name), dtype) for track in seen)])

    return {"opening": column("opening", np.float32), "width": column("width", np.float32),
            "visible": column("visible", bool), "offsets": np.cumsum([0, *lengths]).astype(np.int64)}


def _read_card(path: Path) -> dict[str, Any]:
    file = path / CARD
    if not file.is_file():
        started = (path / "work").is_dir()
        raise InputError(f"no reference library in {path}" + (": its extraction was not finished" if started else ""),
                         REDO.format(path=path) if started else f"make one: dubctl extract DATASET -o {path}")
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
        version, kind = int(meta["schema_version"]), meta["kind"]
        if kind != KIND or version != SCHEMA_VERSION:
            raise InputError(f"{file}: {kind} schema version {version}; this dubctl reads version {SCHEMA_VERSION}",
                             "update dubctl" if version > SCHEMA_VERSION else REDO.format(path=path))
        spaces = {name: EmotionSpace(**meta["spaces"][name]) for name in dict.fromkeys(MASKS.values())}
        return {**meta, "spaces": spaces, "profile": str(meta["profile"]), "digests": dict(meta["digests"])}
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise InputError(f"{file} is not a library's description ({err!r:.80})", REDO.format(path=path)) from err


def _load_tensors(file: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(file)
    except (OSError, SafetensorError) as err:
        raise InputError(f"cannot read {file}: {err}", REDO.format(path=file.parent)) from err


def _check_tensors(path: Path, tensors: Mapping[str, np.ndarray], rows: int,
                   spaces: Mapping[str, EmotionSpace]) -> None:
    for name in VECTORS:
        mask, space = f"{MASKS[name]}_mask", spaces[MASKS[name]]
        for part in (name, mask):
            if part not in tensors:
                raise InputError(f"{path / TENSORS} lacks `{part}`", REDO.format(path=path))
            if len(tensors[part]) != rows:
                raise InputError(f"{path}: {rows} rows in {CLIPS} but {len(tensors[part])} in `{part}`",
                                 REDO.format(path=path))
        if tensors[name].shape[1:] != (space.dim,):
            raise InputError(f"{path}: `{name}` vectors have shape {tensors[name].shape[1:]}, their space is {space}",
                             REDO.format(path=path))
        if not np.isfinite(tensors[name]).all():
            raise InputError(f"{path}: `{name}` holds values that are not finite", REDO.format(path=path))
