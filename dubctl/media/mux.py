"""Put new speech under a clip: the picture is copied bit for bit, the old sound is left out, or what of it is to stay
(music and effects) is mixed under the speech.

Sound codecs were chosen by measurement, so that a plain decode of the result gives exactly the samples that went in:
AAC in mp4/mov/m4v does with ffmpeg 9 (decoders of ffmpeg 7 and 8 leave the last block of 1024 whole, up to 46 ms of
near silence more, although the file states the exact length; FLAC and ALAC in mp4 are exact everywhere, but few players
take them); Opus in WebM does on its 48 kHz clock; AAC in Matroska never does (no trim of the last block), FLAC does.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np

from dubctl.errors import InputError, UsageError
from dubctl.files import atomic_path
from dubctl.media.audio import to_pcm16
from dubctl.media.clip import ClipInfo, probe
from dubctl.media.clock import samples_at
from dubctl.media.ffmpeg import media_url, reason, run
from dubctl.media.level import CEILING

_AAC = ("-c:a", "aac", "-b:a", "96k")
MIXED_RATE = 48_000  # Hz: that of film sound
_MIXED_BITS = ("-b:a", "192k")
SOUND_CODECS: dict[str, tuple[str, ...]] = {
    ".mp4": (*_AAC, "-movflags", "+faststart"), ".m4v": (*_AAC, "-movflags", "+faststart"),
    ".mov": (*_AAC, "-movflags", "+faststart"), ".mkv": ("-c:a", "flac"), ".webm": ("-c:a", "libopus", "-b:a", "96k"),
    ".avi": ("-c:a", "pcm_s16le"),
}


def check_out(clip: Path | str, out: Path | str) -> None:
    """Refuse an output that would overwrite the clip or that nothing here can write.

    Raises:
        UsageError: `out` is the clip itself, or its suffix is neither .wav nor one of `SOUND_CODECS`.
    """
    clip, out = Path(clip), Path(out)
    same = out.exists() and clip.exists() and os.path.samefile(clip, out)
    if same or clip.resolve() == out.resolve():
        raise UsageError(f"the output {out} is the input clip", "choose another name: input files are never changed")
    if out.suffix.lower() not in (".wav", *SOUND_CODECS):
        raise UsageError(f"cannot write a dub as {out.name}", f"use one of {', '.join(SOUND_CODECS)}, or .wav")


def mux(clip: Path | str, wav: np.ndarray, rate: int, out: Path | str, background: Path | str | None = None) -> None:
    """Write `out`: the picture of `clip` (stream copy) with mono `wav` (S,) at `rate` Hz as its only sound.

    The sound starts with the first picture. The picture keeps its codec, time stamps, rotation and metadata.

    Args:
        background: a file whose sound lies under the speech at its own level; the mix is `MIXED_RATE` Hz stereo, as
            long as the speech, its peaks limited where both together would clip.

    Raises:
        UsageError: see `check_out`.
        InputError: the clip is unreadable or has no picture, the background no sound, or the container cannot hold the
            clip's codec.
        DubctlError: samples that are not finite.
    """
    check_out(clip, out)
    if Path(out).suffix.lower() == ".wav":
        raise UsageError(f"{out} holds no picture", "save the speech alone with save_wav")
    pcm, out, info = to_pcm16(wav).astype("<i2", copy=False), Path(out), probe(clip)
    if not info.has_video:
        raise InputError(f"{clip} has no picture", "give a video clip")
    shift = ["-itsoffset", f"{-info.start:.6f}"] if abs(info.start) > 1e-6 else []
    under, sound = ([], ["-map", "1:a:0"]) if background is None else _mixed(background, info, len(pcm), rate)
    with atomic_path(out) as part:
        _, err, code = run([
            "-v", "error", *shift, "-i", media_url(clip), "-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0",
            *under, "-map", "0:V:0", *sound, "-map_metadata", "0", "-c:v", "copy", *SOUND_CODECS[out.suffix.lower()],
            *(_MIXED_BITS if background is not None and "-b:a" in SOUND_CODECS[out.suffix.lower()] else ()),
            "-flags:a", "+bitexact", "-fflags", "+bitexact", "-y", media_url(part)], stdin=pcm.tobytes())
        if code or not part.stat().st_size:
            raise InputError(f"cannot write {out}: {reason(err)}",
                             f"a {out.suffix} file may not hold {info.video_codec}; try .mkv")


def check_background(path: Path | str) -> ClipInfo:
    """A background's facts; one that cannot be heard is refused.

    Raises:
        InputError: missing, unreadable, or without sound.
    """
    info = probe(path)
    if not info.has_audio:
        raise InputError(f"the background {path} has no sound", "give music and effects as a sound file or a video")
    return info


def _mixed(background: Path | str, info: ClipInfo, samples: int, rate: int) -> tuple[list[str], list[str]]:
    """Input and output arguments of the mix: input 1 is the speech, 2 the background."""
    both = "pan=stereo|c0=c0|c1=c0"  # ffmpeg's own way from one channel to two takes 3 dB
    wide = both if check_background(background).audio_layout == "mono" else "aformat=channel_layouts=stereo"
    count = samples_at(Fraction(samples, rate), MIXED_RATE)
    start = ["-ss", f"{info.start:.6f}"] if info.start > 1e-6 else []
    chain = (f"[1:a:0]aresample={MIXED_RATE},{both}[speech];"
             f"[2:a:0]aresample={MIXED_RATE}:first_pts=0,{wide},apad=whole_len={count},"
             f"atrim=end_sample={count}[under];"
             f"[under][speech]amix=inputs=2:duration=first:normalize=0,"
             f"alimiter=limit={CEILING}:level=disabled:latency=1,atrim=end_sample={count}[mix]")
    return [*start, "-i", media_url(background)], ["-filter_complex", chain, "-map", "[mix]"]
