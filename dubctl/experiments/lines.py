"""The lines of a dubbing setting and their recordings, out of a library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dubctl.errors import InputError
from dubctl.files import read_jsonl
from dubctl.library.datasets import DatasetItem
from dubctl.library.datasets.lists import Lists
from dubctl.library.datasets.settings import dub_lines
from dubctl.library.schema import resolve_path
from dubctl.library.store import Library
from dubctl.media.audio import load_audio, save_wav
from dubctl.media.mel import RATE


@dataclass(frozen=True)
class Line:
    """One line to dub: `place` is the target's row in the library; `prompt` the recording whose voice is asked for,
    `source` the target's own (both wav files or whole media)."""

    id: str
    place: int
    prompt: Path
    source: Path


def lines_of(library: Library, setting: str, work: Path, limit: int = 0) -> list[Line]:
    """The lines of a setting: of `LIB/settings/dub-X.jsonl`, else made from the library's own test rows.

    Args:
        work: where recordings are put that are cuts of longer media. limit: only so many, spread evenly; 0 = all.

    Raises:
        InputError: no line, or a list that names a clip the library lacks.
    """
    file = library.path / "settings" / f"dub-{setting}.jsonl"
    if file.is_file():
        rows = [{**row, "reference": resolve_path(row["reference"], library.path)}
                for row in read_jsonl(file, drop_cut_line=False)]
    else:
        rows, _ = dub_lines(setting, [_item(library, place) for place in range(len(library))], Lists())
    usable = []
    for row in rows:
        place = library.lookup(row["target"])
        if library.rows[place].status == "ok":
            usable.append((row, place))
    if not usable:
        raise InputError(f"library {library.path} has no line for setting {setting}",
                         "it needs rows of the split `test` with sound and text" if setting != "3.0" else
                         "import the dataset with --voices, speakers of another dataset")
    if 0 < limit < len(usable):
        usable = [usable[i * len(usable) // limit] for i in range(limit)]
    return [Line(row["id"], place, _recording(library, row["reference_id"], row["reference"], work),
                 _recording(library, library.rows[place].id, None, work)) for row, place in usable]


def _item(library: Library, place: int) -> DatasetItem:
    row = library.rows[place]
    ok = row.status == "ok"
    return DatasetItem(row.id, library.media(place, "video") if ok and row.samples else None,
                       library.media(place, "audio") if ok else None, row.text, row.speaker, split=row.split)


def _recording(library: Library, id: str, path: Path | None, work: Path) -> Path:
    """A file that holds just this clip's sound. Reading it later says what is wrong with it, if anything is."""
    if id not in library:
        assert path is not None
        return path
    place = library.lookup(id)
    row, media = library.rows[place], library.media(place, "audio") or library.media(place, "video")
    assert media is not None  # `dub_lines` takes clips with sound only
    if row.start is None and row.end is None:
        return media
    cut = work / f"{id.replace('/', '_')}.wav"
    if not cut.is_file():
        wav = load_audio(media, RATE)
        save_wav(cut, wav[int((row.start or 0) * RATE): None if row.end is None else int(row.end * RATE)], RATE)
    return cut
