"""`dubctl import` and `dubctl export`: community downloads become a library, and a library's features their files.

    LIB/manifest.jsonl       one row a clip, as `dubctl extract LIB` reads it
    LIB/import.json          what was found, missing and duplicated
    LIB/settings/dub-1.0.jsonl, dub-2.0.jsonl, dub-3.0.jsonl
                             {"id", "target", "reference_id", "reference"}; paths start at LIB
    LIB/retrieval/           imported retrieval lists, see `dubctl.library.policy`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from dubctl.errors import InputError, UsageError
from dubctl.files import write_json, write_jsonl
from dubctl.library.datasets import DatasetItem, grid, read_dataset, v2c
from dubctl.library.datasets.lists import EMOTIONS
from dubctl.library.datasets.settings import SETTINGS, dub_lines
from dubctl.library.datasets.survey import Survey
from dubctl.library.footage import footage_digests
from dubctl.library.lip_features import FIELD, sort_lip_features
from dubctl.library.policy import HIDDEN, write_lists
from dubctl.library.released import (
    FILES,
    MODALITIES,
    Features,
    features_in,
    read_features,
    read_top_lists,
    sort_features,
    write_feature,
    write_top_list,
)
from dubctl.library.schema import MASKS, QUERY_MODALITIES, VECTORS, ClipRow, store_path
from dubctl.library.store import CARD, Library, write_library
from dubctl.library.table import neighbour_table
from dubctl.progress import Progress, silent

DATASETS = {"v2c": v2c.survey, "grid": grid.survey}
NO_SPACE = "imported features are of other spaces than an extraction's: `dubctl extract` would make them anew"


def import_dataset(kind: str, sources: Sequence[Path], out: Path, *, split: str = "carved",
                   voices: Path | None = None, features: bool = True, force: bool = False,
                   progress: Progress = silent) -> dict[str, Any]:
    """Write the manifest, the report, the settings' lists, and the library itself where emotion features lie there.

    Args:
        kind: "v2c" or "grid". sources: folders that together hold the dataset. split: see `datasets.splits`.
        voices: speakers of another dataset for setting 3.0. features: import emotion features that are found.

    Returns:
        the report, with `features` ("imported", or why not) and `settings` (lines per setting).

    Raises:
        InputError: nothing found, an unreadable list or feature. UsageError: `out` holds a library already.
    """
    found = DATASETS[kind](sources, split)
    report = found.report
    lips = sort_lip_features(found.files.get(".npy", ()), {item.id for item in found.items})
    found.items = [replace(item, extra={**item.extra, FIELD: lips[item.id]}) if item.id in lips else item
                   for item in found.items]
    report["found"]["lip features"] = len(lips)
    sorted_features = sort_features(found.files.get(".npy", ()), {item.id for item in found.items}) if features else {}
    if len(sorted_features) == len(MODALITIES) and (out / CARD).exists() and not force:
        raise UsageError(f"{out} holds a library already", "choose another -o, or --force to replace it")
    report["features"] = (_import_features(found, sorted_features, out, report, progress) if features else
                          "left alone: measure them with `dubctl extract`")
    report["settings"], report["left out of settings"] = _settings(found, out, read_dataset(voices) if voices else ())
    write_jsonl(out / "manifest.jsonl", (_manifest_row(item, out) for item in found.items))
    write_json(out / "import.json", report)
    return report


def _manifest_row(item: DatasetItem, out: Path) -> dict[str, Any]:
    row = {"id": item.id, "video": _relative(item.video, out), "audio": _relative(item.audio, out), "text": item.text,
           "speaker": item.speaker, "emotion": item.emotion, "split": item.split, "film": item.film, **item.extra}
    return {name: value for name, value in row.items() if value != ""}


def _relative(path: Path | None, out: Path) -> str:
    return store_path(path, out)


def _settings(found: Survey, out: Path,
              voices: Sequence[DatasetItem]) -> tuple[dict[str, int], dict[str, list[str]]]:
    counts, problems = {}, {}
    for setting in SETTINGS:
        rows, lost = dub_lines(setting, found.items, found.lists, voices)
        counts[setting] = len(rows)
        if lost:
            problems[setting] = lost
        if rows:
            write_jsonl(out / "settings" / f"dub-{setting}.jsonl",
                        ({**row, "reference": _relative(row["reference"], out)} for row in rows))
    return counts, problems


def _import_features(found: Survey, files: Mapping[str, Mapping[str, Path]], out: Path, report: dict[str, Any],
                     progress: Progress) -> str:
    """Make the library where all four modalities are there; else say which is not."""
    if not files:
        return "none found: measure them with `dubctl extract`"
    if lacking := [name for name in MODALITIES if name not in files]:
        return (f"found {', '.join(sorted(files))}, but not {', '.join(lacking)}: extract the library, then put these "
                "in with `dubctl import features`")
    items = [item for item in found.items if not item.problem]
    rows = []
    for place, item in enumerate(items):
        progress(place, len(items), item.id)
        rows.append(_row(item, out))
    features = {name: read_features(of, name) for name, of in files.items()}
    vectors, masks = _vectors(rows, features)
    write_library(out, rows, vectors, masks, {name: of.space for name, of in features.items()}, "imported",
                  about={"origin": NO_SPACE})
    known = {row.id for row in rows}
    lists, problems = read_top_lists(found.files.get(".json", ()), known)
    write_lists(Library.open(out), lists)
    report["missing"] |= {f"{name} feature": sorted(known - set(of.ids)) for name, of in features.items()}
    report["unreadable features"] = [problem for of in features.values() for problem in of.problems] + problems
    report["retrieval lists"] = {name: len(of) for name, of in lists.items()}
    return "imported"


def _row(item: DatasetItem, out: Path) -> ClipRow:
    return ClipRow(id=item.id, speaker=item.speaker, text=item.text, emotion=item.emotion, split=item.split,
                   film=item.film, video=store_path(item.video, out), audio=store_path(item.audio, out),
                   digests=footage_digests(item.video, item.audio), extra=dict(item.extra))


def _vectors(rows: Sequence[ClipRow], features: Mapping[str, Features],
             base: Library | None = None) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Vectors and masks of rows; modalities without new features keep those of `base` (the same rows)."""
    places = {row.id: place for place, row in enumerate(rows)}
    vectors = {} if base is None else dict(base.vectors)
    masks = {} if base is None else dict(base.masks)
    for modality, of in features.items():
        at = [places[id] for id in of.ids]
        names = [name for name in VECTORS if MASKS[name] == modality]
        mask = np.zeros(len(rows), bool)
        mask[at] = True
        for name, part in zip(names, np.split(of.rows, len(names), axis=1), strict=True):
            vectors[name] = np.zeros((len(rows), part.shape[1]), np.float32)
            vectors[name][at] = part
        masks[modality] = mask
    return vectors, masks


def import_features(library: Path, out: Path, folders: Mapping[str, Path], lists: Path | None = None,
                    force: bool = False) -> dict[str, Any]:
    """A copy of a library with features, and retrieval lists, of another program in place of its own.

    Table 2 of the paper, rows 1 to 3: I3D features stand for the scene's, EmoFAN's for the face's.

    Args:
        folders: modality -> folder with one .npy file a clip. lists: folder of `…_top_100.json` files.

    Raises:
        UsageError: nothing to import, or `out` holds a library already.
        InputError: an unreadable library, folder or feature.
    """
    if not folders and lists is None:
        raise UsageError("nothing to import", "name a folder: --scene, --face, --text, --audio or --lists")
    if (out / CARD).exists() and not force:
        raise UsageError(f"{out} holds a library already", "choose another -o, or --force to replace it")
    base = Library.open(library)
    known = {row.id for row in base.rows if row.status == "ok"}
    features = {name: read_features(features_in(folder, known), name) for name, folder in folders.items()}
    vectors, masks = _vectors(base.rows, features, base)
    spaces = {**base.spaces, **{name: of.space for name, of in features.items()}}
    rows = [_moved(row, base, place, out) for place, row in enumerate(base.rows)]
    tracks = [base.lips(place) for place in range(len(base))]
    write_library(out, rows, vectors, masks, spaces, base.profile, tracks if any(tracks) else (),
                  about={"origin": NO_SPACE})
    found, problems = read_top_lists(sorted(lists.rglob("*.json")) if lists else (), known)
    if lists is not None and not found:
        raise InputError(f"no retrieval list in {lists} is named after a clip of {library}",
                         "names look like ID-scene_attri_emo.npy_top_100.json")
    write_lists(Library.open(out), found)
    copied = _copy_settings(base, out)
    return {"library": str(out), "features": {name: len(of.ids) for name, of in features.items()},
            "missing": {name: sorted(known - set(of.ids)) for name, of in features.items()},
            "problems": [problem for of in features.values() for problem in of.problems] + problems,
            "retrieval lists": {name: len(of) for name, of in found.items()}, "settings": copied}


def _moved(row: ClipRow, base: Library, place: int, out: Path) -> ClipRow:
    """A row whose media paths start at another library folder."""
    fields = {name: getattr(row, name) for name in row.__dataclass_fields__}
    return ClipRow(**{**fields, **{kind: store_path(base.media(place, kind), out) for kind in ("video", "audio")}})


def _copy_settings(base: Library, out: Path) -> list[str]:
    """The settings' lists, their paths started anew."""
    from dubctl.files import read_jsonl
    from dubctl.library.schema import resolve_path

    names = []
    for file in sorted((base.path / "settings").glob("dub-*.jsonl")):
        write_jsonl(out / "settings" / file.name, (
            {**row, "reference": store_path(resolve_path(row["reference"], base.path), out)}
            for row in read_jsonl(file, drop_cut_line=False)))
        names.append(file.stem.removeprefix("dub-"))
    return names


def export_features(library: Path, out: Path, count: int = 100, progress: Progress = silent) -> dict[str, Any]:
    """A library's vectors and nearest clips as the released research code reads them, emotions.json, and spaces.json,
    which says what made the vectors and how wide each file is.

    Args:
        count: references a list holds; test clips are nobody's reference, and a clip never its own.

    Raises:
        InputError: an unreadable library, or an id that cannot be a file name.
    """
    opened = Library.open(library)
    if bad := next((row.id for row in opened.rows if "/" in row.id), None):
        raise InputError(f"clip `{bad}` has a slash in its id, which no file name can have",
                         "give the dataset a manifest with plain ids")
    written = dict.fromkeys(FILES, 0)
    for place, row in enumerate(opened.rows):
        progress(place, len(opened), row.id)
        for modality in FILES:
            if opened.masks[modality][place]:
                parts = [opened.vectors[name][place] for name in VECTORS if MASKS[name] == modality]
                write_feature(out, modality, row.id, row.speaker, np.concatenate(parts))
                written[modality] += 1
    usable = np.array([row.status == "ok" and row.split.lower() not in HIDDEN for row in opened.rows], bool)
    table = neighbour_table(opened, min(count, max(1, len(opened) - 1)), allowed=usable & opened.masks["audio"],
                            most=count)
    lists = {name: _export_lists(opened, out, name, *table[name], count) for name in QUERY_MODALITIES}
    labels = {row.id: EMOTIONS.index(row.emotion) for row in opened.rows if row.emotion in EMOTIONS}
    write_json(out / "emotions.json", labels)
    widths = {modality: sum(opened.vectors[name].shape[1] for name in VECTORS if MASKS[name] == modality)
              for modality in FILES}
    write_json(out / "spaces.json", {"profile": opened.profile, "widths": widths,
                                     "spaces": {name: asdict(space) for name, space in opened.spaces.items()}})
    return {"profile": opened.profile, "features": written, "widths": widths, "retrieval lists": lists,
            "emotions": len(labels)}


def _export_lists(library: Library, out: Path, modality: str, places: np.ndarray, values: np.ndarray,
                  count: int) -> int:
    queries = np.flatnonzero(library.masks[modality])
    for query in queries:
        hits = [(library.rows[p].id, library.rows[p].speaker, float(value))
                for p, value in zip(places[query], values[query], strict=True) if p >= 0]
        write_top_list(out, modality, library.rows[query].id, hits, count)
    return len(queries)
