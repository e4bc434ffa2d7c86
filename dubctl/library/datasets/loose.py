"""A folder of media with the words beside them: `.txt` or `.lab` for a clip, subtitles for a film of many lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dubctl.errors import InputError
from dubctl.library.datasets.base import AUDIO_SUFFIXES, TEXT_SUFFIXES, VIDEO_SUFFIXES, DatasetItem
from dubctl.media.subtitles import SUBTITLE_SUFFIXES, is_spoken, parse_subtitles, read_text


def _media_below(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*")
                  if path.suffix.lower() in VIDEO_SUFFIXES | AUDIO_SUFFIXES and path.is_file()
                  and not any(part.startswith(".") for part in path.relative_to(root).parts))


def read_loose(source: str) -> list[DatasetItem]:
    """Every clip below a folder; files of one name in one folder are one clip, the folder names its speaker."""
    root = Path(source)
    clips: dict[Path, dict[str, Path]] = {}
    for path in _media_below(root):
        kind = "video" if path.suffix.lower() in VIDEO_SUFFIXES else "audio"
        clips.setdefault(path.with_suffix(""), {}).setdefault(kind, path)
    stems = [clip.name for clip in clips]
    return [item for clip, media in clips.items()
            for item in _loose_items(root, clip, media, stems.count(clip.name) == 1)]


def _loose_items(root: Path, clip: Path, media: Mapping[str, Path], unique: bool) -> list[DatasetItem]:
    nested = clip.parent != root
    text, problem = text_beside(clip)
    whole = DatasetItem(id=clip.name if unique else clip.relative_to(root).as_posix(), video=media.get("video"),
                        audio=media.get("audio"), text=text, speaker=clip.parent.name if nested else "",
                        problem=problem)
    subtitles = _beside(clip, SUBTITLE_SUFFIXES)
    return [whole] if text or problem or subtitles is None else _cues(whole, subtitles)


def _cues(film: DatasetItem, subtitles: Path) -> list[DatasetItem]:
    """A film's lines as clips of their own: cues in which something is said."""
    try:
        cues = parse_subtitles(read_text(subtitles), str(subtitles))
    except InputError as err:
        return [replace(film, problem=err.message)]
    lines = [replace(film, id=f"{film.id}_{number:04d}", film=film.id, start=cue.start, end=cue.end, text=cue.text,
                     speaker=cue.speaker or film.speaker)
             for number, cue in enumerate(cues, 1) if cue.end > cue.start and is_spoken(cue.text)]
    return lines or [replace(film, problem=f"nothing is said in {subtitles}")]


def text_beside(clip: Path) -> tuple[str, str]:
    """The words in the .txt or .lab file beside a clip, and what is wrong with that file."""
    file = _beside(clip, TEXT_SUFFIXES)
    if file is None:
        return "", ""
    try:
        return " ".join(file.read_text(encoding="utf-8-sig").split()), ""
    except (OSError, UnicodeDecodeError) as err:
        return "", f"cannot read {file}: {err}"


def _beside(clip: Path, suffixes: Sequence[str]) -> Path | None:
    return next((found for suffix in suffixes if (found := clip.with_name(clip.name + suffix)).is_file()), None)
