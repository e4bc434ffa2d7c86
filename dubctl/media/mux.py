"""Put new speech under a clip: the picture is copied bit for bit, the old sound is left out.

Sound codecs were chosen by measurement, so that a plain decode of the result gives exactly the samples that went in:
AAC in mp4/mov/m4v does with ffmpeg 9 (decoders of ffmpeg 7 and 8 leave the last block of 1024 whole, up to 46 ms of
near silence more, although the file states the exact length; FLAC and ALAC in mp4 are exact everywhere, but few players
take them); Opus in WebM does on its 48 kHz clock; AAC in Matroska never does (no trim of the last block), FLAC does.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dubctl.errors import InputError, UsageError
from dubctl.files import atomic_path
from dubctl.media.audio import to_pcm16
from dubctl.media.clip import probe
from dubctl.media.ffmpeg import media_url, reason, run

_AAC = ("-c:a", "aac", "-b:a", "96k")
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


def mux(clip: Path | str, wav: np.ndarray, rate: int, out: Path | str) -> None:
    """Write `out`: the picture of `clip` (stream copy) with mono `wav` (S,) at `rate` Hz as its only sound.

    The sound starts with the first picture. The picture keeps its codec, time stamps, rotation and metadata.

    Raises:
        UsageError: see `check_out`.
        InputError: the clip is unreadable or has no picture, or the container cannot hold its codec.
        DubctlError: samples that are not finite.
    """
    check_out(clip, out)
    if Path(out).suffix.lower() == ".wav":
        raise UsageError(f"{out} holds no picture", "save the speech alone with save_wav")
    pcm, out, info = to_pcm16(wav), Path(out), probe(clip)
    if not info.has_video:
        raise InputError(f"{clip} has no picture", "give a video clip, or write a .wav")
    shift = ["-itsoffset", f"{-info.start:.6f}"] if abs(info.start) > 1e-6 else []
    with atomic_path(out) as part:
        _, err, code = run([
            "-v", "error", *shift, "-i", media_url(clip), "-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0",
            "-map", "0:V:0", "-map", "1:a:0", "-map_metadata", "0", "-c:v", "copy", *SOUND_CODECS[out.suffix.lower()],
            "-flags:a", "+bitexact", "-fflags", "+bitexact", "-y", media_url(part)], stdin=pcm.astype("<i2").tobytes())
        if code or not part.stat().st_size:
            raise InputError(f"cannot write {out}: {reason(err)}",
                             f"a {out.suffix} file may not hold {info.video_codec}; try .mkv")
