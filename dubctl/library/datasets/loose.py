"""A folder of media with the words beside them (`.txt` or `.lab`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dubctl.library.datasets.base import AUDIO_SUFFIXES, TEXT_SUFFIXES, VIDEO_SUFFIXES, DatasetItem


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
    return [_loose_item(root, clip, media, stems.count(clip.name) == 1) for clip, media in clips.items()]


def _loose_item(root: Path, clip: Path, media: Mapping[str, Path], unique: bool) -> DatasetItem:
    nested = clip.parent != root
    text, problem = text_beside(clip)
    return DatasetItem(id=clip.name if unique else clip.relative_to(root).as_posix(), video=media.get("video"),
                       audio=media.get("audio"), text=text, speaker=clip.parent.name if nested else "", problem=problem)


def text_beside(clip: Path) -> tuple[str, str]:
    """The words in the .txt or .lab file beside a clip, and what is wrong with that file."""
    file = next((found for suffix in TEXT_SUFFIXES if (found := clip.with_name(clip.name + suffix)).is_file()), None)
    if file is None:
        return "", ""
    try:
        return " ".join(file.read_text(encoding="utf-8-sig").split()), ""
    except (OSError, UnicodeDecodeError) as err:
        return "", f"cannot read {file}: {err}"
