"""What a media file holds, measured from its packets rather than from what its header claims."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from statistics import median

from dubctl.errors import InputError
from dubctl.media.ffmpeg import check_media, media_url, reason, run

_STREAM = re.compile(r"^\s*Stream #\d+:\d+\S*: (\w+): (.*)$")
_ROTATION = re.compile(r"rotation of (-?[\d.]+) degrees", re.IGNORECASE)
_UNSTAMPED = -(1 << 63)  # AV_NOPTS_VALUE: the packet says not when it is shown
_DISCARD = 0x4  # AV_PKT_FLAG_DISCARD: decoded but never shown (before the start of an mp4 edit list)


@dataclass(frozen=True)
class ClipInfo:
    """A clip as a viewer gets it.

    duration: seconds of the picture (of the sound where there is no picture), exact to the container's time base;
    start: seconds from the file's start to the first picture (0 in nearly every file);
    fps: mean frame rate; frames: pictures shown; width, height: as displayed, after rotation, in square pixels;
    audio_duration: seconds of the sound, 0 without one; video_codec: ffmpeg's name, "" without a picture;
    audio_layout: ffmpeg's name of its channels ("mono", "stereo", "5.1"), "" without sound.
    """

    path: Path
    duration: float
    fps: float
    width: int
    height: int
    has_video: bool
    has_audio: bool
    frames: int
    start: float = 0.0
    audio_duration: float = 0.0
    video_codec: str = ""
    audio_layout: str = ""


@dataclass
class _Packets:
    """Packets of one stream as `-f framecrc` prints them."""

    header: dict[str, str] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)  # (pts, duration) of packets that are shown

    @property
    def base(self) -> Fraction:
        return Fraction(self.header.get("tb", "1/1000"))

    def start(self) -> Fraction:
        return min(pts for pts, _ in self.spans) * self.base

    def length(self) -> Fraction:
        """First picture's start to last picture's end; a last packet without a duration lasts as long as most do."""
        first, (last, span) = min(pts for pts, _ in self.spans), max(self.spans)
        if span <= 0 and len(self.spans) > 1:
            stamps = sorted(pts for pts, _ in self.spans)
            span = int(median(b - a for a, b in zip(stamps, stamps[1:], strict=False)))
        return (last + max(span, 1) - first) * self.base


def probe(path: Path | str) -> ClipInfo:
    """Measure a video or audio file.

    Raises:
        InputError: missing, empty, unreadable, not media, or holding neither picture nor sound.
        DependencyError: no ffmpeg.
    """
    path = check_media(path)
    # V leaves cover art out; stream copy reads packets without decoding them; MPEG (GRID's .mpg) stamps few packets
    out, err, code = run(["-fflags", "+genpts", "-i", media_url(path), "-map", "0:V:0?", "-map", "0:a:0?", "-c",
                          "copy", "-f", "framecrc", "-"])
    streams = _read_framecrc(out.decode(errors="replace"))
    found = [stream for stream in streams.values() if stream.spans]
    if not found:
        raise InputError(f"cannot read {path}: {reason(err) if code else 'it holds neither picture nor sound'}",
                         "give a video or audio file that ffmpeg reads")
    kinds = {stream.header.get("media_type", ""): stream for stream in found}
    return _info(path, kinds.get("video"), kinds.get("audio"), _input_part(err))


def _info(path: Path, video: _Packets | None, audio: _Packets | None, banner: str) -> ClipInfo:
    heard = float(audio.length()) if audio else 0.0
    layout = audio.header.get("channel_layout_name", "") if audio else ""
    if video is None:
        return ClipInfo(path, heard, 0.0, 0, 0, False, audio is not None, 0, audio_duration=heard, audio_layout=layout)
    length, frames = video.length(), len(video.spans)
    width, height = _displayed(video.header, _rotation(banner))
    return ClipInfo(path, float(length), float(frames / length), width, height, True, audio is not None, frames,
                    float(video.start()), heard, video.header.get("codec_id", ""), layout)


def _read_framecrc(text: str) -> dict[int, _Packets]:
    streams: dict[int, _Packets] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            key, _, value = line[1:].partition(": ")
            name, _, number = key.rpartition(" ")
            if number.isdigit():
                streams.setdefault(int(number), _Packets()).header[name] = value.strip()
            continue
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) < 6:
            continue
        flags = next((int(cell[2:], 16) for cell in cells[6:] if cell.startswith("F=")), 0)
        if not flags & _DISCARD:
            decoded, shown = int(cells[1]), int(cells[2])
            span = (decoded if shown == _UNSTAMPED else shown, int(cells[3]))
            streams.setdefault(int(cells[0]), _Packets()).spans.append(span)
    return streams


def _input_part(stderr: str) -> str:
    """ffmpeg's description of the input only (it describes the output after it)."""
    return stderr.split("Stream mapping:", 1)[0]


def _rotation(banner: str) -> float:
    """Display rotation in degrees of the first picture stream that is not cover art."""
    inside = False
    for line in banner.splitlines():
        if stream := _STREAM.match(line):
            if inside:
                break
            inside = stream[1] == "Video" and "(attached pic)" not in stream[2]
        elif inside and (turn := _ROTATION.search(line)):
            return float(turn[1])
    return 0.0


def _displayed(header: dict[str, str], rotation: float) -> tuple[int, int]:
    """Width and height on screen: pixels made square, then turned."""
    width, _, height = header.get("dimensions", "0x0").partition("x")
    wide, high = int(width), int(height)
    above, _, below = header.get("sar", "1/1").partition("/")
    if int(above) > 0 and int(below) > 0:
        wide = max(1, round(wide * int(above) / int(below)))
    return (high, wide) if round(rotation / 90) % 2 else (wide, high)
