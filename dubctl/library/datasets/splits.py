"""Train, dev and test, so that test never selects a checkpoint.

The released research code has two lists only: its `val.txt` chooses the checkpoint and is then reported as the test
set. "carved" keeps that list as the test set, so that figures compare with published ones, and takes a seventh of each
speaker's training clips as dev: 60 / 10 / 30, the shares that the Authentic-Dubber paper states. Everything is a
function of the ids alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from dubctl.errors import InputError, UsageError

SPLITS = ("carved", "released", "film", "speaker")
DEV_OF_TRAIN = 1 / 7
TEST, DEV = 0.3, 0.1
UNLISTED = "unlisted"  # not part of the released lists: neither trained on nor reported


def assign(ids: Sequence[str], speakers: Mapping[str, str], films: Mapping[str, str], released: Mapping[str, str],
           how: str, group: str) -> dict[str, str]:
    """The split of each clip.

    Args:
        released: id -> "train" or "val". how: "carved" (dev out of the released train list, its val list is test;
            without lists as `group`), "released" (the two lists as they are), "film" or "speaker" (whole ones held
            out). group: what "carved" keeps whole where there are no lists.

    Raises:
        UsageError: no such split. InputError: "released" without lists.
    """
    if how not in SPLITS:
        raise UsageError(f"no split is called '{how}'", f"splits: {', '.join(SPLITS)}")
    if how == "released" and not released:
        raise InputError("no released lists (train.txt, val.txt, V2C_train.txt …) were found",
                         "give the folder that holds them too, or leave --split released out")
    if how in ("carved", "released") and released:
        return _listed(ids, speakers, released, carve=how == "carved")
    return _grouped(ids, {"film": films, "speaker": speakers}[how if how in ("film", "speaker") else group], speakers)


def _listed(ids: Sequence[str], speakers: Mapping[str, str], released: Mapping[str, str],
            carve: bool) -> dict[str, str]:
    out = {id: released.get(id, UNLISTED) for id in ids}
    if not carve:
        return out
    trained: dict[str, list[str]] = defaultdict(list)
    for id in ids:
        if out[id] == "val":
            out[id] = "test"
        elif out[id] == "train":
            trained[speakers[id]].append(id)
    for clips in trained.values():
        clips.sort(key=_draw)
        for id in clips[:round(len(clips) * DEV_OF_TRAIN)]:
            out[id] = "dev"
    if "dev" not in out.values() and len(all_train := sorted((i for i in ids if out[i] == "train"), key=_draw)) > 1:
        out[all_train[0]] = "dev"  # many speakers with a few clips each
    return out


def _grouped(ids: Sequence[str], groups: Mapping[str, str], speakers: Mapping[str, str]) -> dict[str, str]:
    """Whole groups held out; finer ones where there are fewer than three to share out."""
    for of in (groups, speakers, {id: id for id in ids}):
        names = sorted({of[id] for id in ids}, key=_draw)
        if len(names) >= 3:
            break
    size = Counter(of[id] for id in ids)
    split, filled = dict.fromkeys(names, "train"), 0
    for share, label in ((TEST, "test"), (TEST + DEV, "dev")):
        first = True
        while len(names) > 1 and (first or filled + size[names[0]] <= share * len(ids)):
            filled += size[names[0]]
            split[names.pop(0)] = label
            first = False
    return {id: split[of[id]] for id in ids}


def _draw(name: str) -> str:
    """A place in a lottery that depends on the name alone."""
    return hashlib.sha256(name.encode()).hexdigest()
