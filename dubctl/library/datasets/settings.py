"""The three dubbing settings of the papers as plain lists: whose voice each test line is spoken with.

    1.0   the target's own recording         (its prosody is known to the model: an upper bound, not a use case)
    2.0   another line of the same character (the released list where there is one)
    3.0   a speaker never heard in training, from another dataset (V2C lines in GRID voices)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dubctl.library.datasets.base import DatasetItem
from dubctl.library.datasets.lists import Lists

SETTINGS = ("1.0", "2.0", "3.0")
TARGETS = frozenset({"test", "val"})  # "val" is the reported set of the released split


def dub_lines(setting: str, items: Sequence[DatasetItem], lists: Lists,
              voices: Sequence[DatasetItem] = ()) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows {id, target, reference_id, reference} of a setting, `reference` a Path; and what had to be left out, why.

    Args:
        voices: clips of the other dataset, for 3.0.
    """
    targets = {item.id: item for item in items if item.split in TARGETS and _sound(item) and item.text}
    if setting == "1.0":
        pairs, problems = [(id, id) for id in targets], list[str]()
        return _rows(pairs, targets, targets, ""), problems
    if setting == "2.0":
        others = {item.id: item for item in items if _sound(item)}
        if lists.setting2:
            return _listed(lists.setting2, targets, others, "")
        pairs = [(id, other) for id, item in targets.items() if (other := _same_voice(item, items))]
        alone = [f"{id}: no other line of {item.speaker or 'its speaker'}" for id, item in targets.items()
                 if id not in dict(pairs)]
        return _rows(pairs, targets, others, ""), alone
    strangers = {item.id: item for item in voices if _sound(item)}
    if lists.setting3:
        return _listed(lists.setting3, targets, strangers, "_")
    names = sorted(strangers)
    pairs = [(id, names[_draw(id) % len(names)]) for id in targets] if names else []
    return _rows(pairs, targets, strangers, "_"), [] if names else ["no voices of another dataset were given"]


def _listed(pairs: Sequence[tuple[str, str]], targets: Mapping[str, DatasetItem],
            references: Mapping[str, DatasetItem], mark: str) -> tuple[list[dict[str, Any]], list[str]]:
    problems = [f"{target}: not a clip of the test split with sound and text" for target, _ in pairs
                if target not in targets]
    problems += [f"{target}: its reference {other} is not there" for target, other in pairs
                 if target in targets and other not in references]
    kept = [(target, other) for target, other in pairs if target in targets and other in references]
    return _rows(kept, targets, references, mark), problems


def _rows(pairs: Sequence[tuple[str, str]], targets: Mapping[str, DatasetItem], references: Mapping[str, DatasetItem],
          mark: str) -> list[dict[str, Any]]:
    """With a `mark` the output is named as the released code names it: target, mark, reference."""
    return [{"id": f"{target}{mark}{other}" if mark else target, "target": target, "reference_id": other,
             "reference": _sound(references[other])} for target, other in dict.fromkeys(pairs) if target in targets]


def _same_voice(item: DatasetItem, items: Sequence[DatasetItem]) -> str:
    """Another clip of the speaker, one that was trained on where there is one; the same for everybody."""
    mine = sorted(other.id for other in items if other.speaker == item.speaker and other.id != item.id
                  and _sound(other))
    trained = [id for id in mine if id in {other.id for other in items if other.split == "train"}]
    mine = trained or mine
    return mine[_draw(item.id) % len(mine)] if mine else ""


def _sound(item: DatasetItem) -> Path | None:
    return item.audio or item.video


def _draw(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
