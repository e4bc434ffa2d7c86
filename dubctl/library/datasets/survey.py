"""One walk over a community download: which files speak of which clip, and what is missing or there twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dubctl.errors import InputError
from dubctl.library.datasets.base import AUDIO_SUFFIXES, VIDEO_SUFFIXES, DatasetItem
from dubctl.library.datasets.lists import Lists, read_lists
from dubctl.library.datasets.splits import assign

PROBED = 5000  # files that are looked at before a folder is taken for something else


class Clue(NamedTuple):
    """What one file is: a clip's "audio", "video" or "text", how good a source of it (0 is best), and whose."""

    kind: str
    id: str
    rank: int
    speaker: str
    film: str = ""


@dataclass
class Survey:
    """A dataset as found: its clips, the lists beside it, and the report of what was found, missing and duplicated."""

    items: list[DatasetItem]
    lists: Lists
    split: str
    report: dict[str, Any]
    files: dict[str, list[Path]] = field(default_factory=dict)  # by suffix: what else lies there (.npy, .json)


def walk(root: Path) -> Iterator[Path]:
    """Every file below a folder in a fixed order, hidden ones left out."""
    for folder, names, files in os.walk(root, followlinks=True):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(files) if not name.startswith("."))


def recognised(source: str, clue_of: Callable[[Path], Clue | None]) -> bool:
    """Whether most media in the first files of a folder carry the names of a layout."""
    root = Path(source)
    if not root.is_dir():
        return False
    seen = named = 0
    for count, path in enumerate(walk(root)):
        if path.suffix.lower() in AUDIO_SUFFIXES | VIDEO_SUFFIXES:
            seen += 1
            named += clue_of(path) is not None
        if count >= PROBED or seen >= 50:
            break
    return bool(seen) and named * 2 > seen


def gather(roots: Sequence[Path], clue_of: Callable[[Path], Clue | None], *, name: str, split: str,
           group: str, words: Callable[[str, Path | None], str],
           emotion: Callable[[str, Lists], str] = lambda _id, _lists: "") -> Survey:
    """Survey folders of one dataset.

    Args:
        clue_of: what a file says. split: see `splits.assign`; group: "film" or "speaker", what is kept whole where no
            released list exists. words: text of a clip from its id and text file. emotion: its label.

    Raises:
        InputError: no folder there, no clip in it, an unreadable list, or a released split without lists.
    """
    found: dict[str, dict[str, list[tuple[int, Path]]]] = {}
    who: dict[str, tuple[str, str]] = {}
    other: dict[str, list[Path]] = {}
    for root in roots:
        if not root.is_dir():
            raise InputError(f"no such folder: {root}", f"give the folders that hold {name}")
        for path in walk(root):
            clue = clue_of(path)
            if clue is None:
                other.setdefault(path.suffix.lower(), []).append(path)
                continue
            found.setdefault(clue.id, {}).setdefault(clue.kind, []).append((clue.rank, path))
            who.setdefault(clue.id, (clue.speaker, clue.film))
    lists = read_lists([*other.get(".txt", ()), *other.get(".json", ())])
    clips = sorted(id for id, files in found.items() if "audio" in files or "video" in files)
    if not clips:
        raise InputError(f"no clip of {name} below {', '.join(map(str, roots))}",
                         "see docs/reproduce.md for the layouts that are read")
    splits = assign(clips, {id: who[id][0] for id in clips}, {id: who[id][1] for id in clips}, lists.split, split,
                    group)
    best = {id: {kind: min(files)[1] for kind, files in found[id].items()} for id in clips}
    items = []
    for id in clips:
        files = best[id]
        text, problem = _words(id, files.get("text"), lists, words)
        items.append(DatasetItem(
            id, video=files.get("video"), audio=files.get("audio"), text=text, speaker=who[id][0], film=who[id][1],
            emotion=emotion(id, lists), split=splits[id], problem=problem,
            extra={"released_split": lists.split[id]} if id in lists.split else {}))
    return Survey(items, lists, split, _report(name, roots, items, found, lists, split), other)


def _words(id: str, file: Path | None, lists: Lists, words: Callable[[str, Path | None], str]) -> tuple[str, str]:
    try:
        return words(id, file) or lists.text.get(id, ""), ""
    except (OSError, UnicodeDecodeError) as err:
        return lists.text.get(id, ""), "" if lists.text.get(id) else f"cannot read {file}: {err}"


def _report(name: str, roots: Sequence[Path], items: Sequence[DatasetItem],
            found: Mapping[str, Mapping[str, Sequence[tuple[int, Path]]]], lists: Lists, split: str) -> dict[str, Any]:
    """What `dubctl import` tells: counts, and the ids behind every count that may be a fault."""
    known = {item.id for item in items}
    counts: dict[str, int] = {}
    for item in items:
        counts[item.split or "none"] = counts.get(item.split or "none", 0) + 1
    return {
        "dataset": name, "sources": [str(root) for root in roots], "split": split, "clips": len(items),
        "speakers": len({item.speaker for item in items}), "films": len({item.film for item in items if item.film}),
        "splits": dict(sorted(counts.items())),
        "found": {"audio": sum(item.audio is not None for item in items),
                  "video": sum(item.video is not None for item in items),
                  "text": sum(bool(item.text) for item in items),
                  "emotion": sum(bool(item.emotion) for item in items), "lists": lists.names()},
        "missing": {"audio": [item.id for item in items if item.audio is None],
                    "video": [item.id for item in items if item.video is None],
                    "text": [item.id for item in items if not item.text],
                    "media of listed clips": sorted(set(lists.split) - known),
                    "media of annotated clips": sorted(set(lists.annotated) - known),
                    "in no released list": sorted(known - set(lists.split)) if lists.split else []},
        "duplicated": {f"{kind} of {id}": [str(path) for _, path in sorted(files)]
                       for id, kinds in sorted(found.items()) for kind, files in sorted(kinds.items())
                       if len(files) > 1 and id in known},
        "in two released lists": lists.conflicts,
    }
