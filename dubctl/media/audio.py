"""Mono float audio in and out: any file that soundfile or ffmpeg reads, resampled by libsoxr."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr

from dubctl.errors import DubctlError, InputError
from dubctl.files import atomic_path
from dubctl.media.ffmpeg import check_media, media_url, reason, run

RATE = 22_050
_AU_MAGIC, _AU_HEADER = b".snd", 24


def load_audio(path: Path | str, rate: int = RATE) -> np.ndarray:
    """The sound of an audio or video file as mono float32 (S,) at `rate` Hz; channels are averaged.

    The first sample lies at the start of the file (of the picture, in a video): a track that starts later is padded.

    Raises:
        InputError: unreadable, no sound in it, no samples, or samples that are not finite.
    """
    path = check_media(path)
    wav, native = _decode(path)
    mono = wav.mean(axis=1, dtype=np.float64).astype(np.float32) if wav.shape[1] != 1 else wav[:, 0]
    if not mono.size:
        raise InputError(f"{path} holds no sound (0 samples)")
    if not np.isfinite(mono).all():
        raise InputError(f"{path} holds samples that are not finite", "export the audio again")
    return np.ascontiguousarray(resample(mono, native, rate))


def resample(wav: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    """Band-limited resampling of float32 (S,) to round(S * rate_out / rate_in) samples."""
    if rate_in == rate_out or not wav.size:
        return wav.astype(np.float32, copy=False)
    count = max(1, round(wav.size * rate_out / rate_in))
    out = soxr.resample(wav.astype(np.float32, copy=False), rate_in, rate_out, quality="HQ")
    return np.pad(out, (0, max(0, count - out.size)))[:count]


def save_wav(path: Path | str, wav: np.ndarray, rate: int = RATE) -> None:
    """Write mono float (S,) in -1..1 as a 16-bit WAV, atomically; louder samples are clipped.

    Raises:
        DubctlError: samples that are not finite or not mono (a fault of the caller, never written).
        InputError: the folder cannot be written.
    """
    pcm = to_pcm16(wav)
    with atomic_path(path) as part:
        soundfile.write(part, pcm, rate, subtype="PCM_16", format="WAV")


def to_pcm16(wav: np.ndarray) -> np.ndarray:
    """int16 (S,) of float (S,) in -1..1. Raises DubctlError where a sample is not finite or the shape is not (S,)."""
    wav = np.asarray(wav)
    if wav.ndim != 1:
        raise DubctlError(f"expected mono audio (S,), got shape {wav.shape}")
    if not np.isfinite(wav).all():
        raise DubctlError("refusing to write audio that is not finite", "please report this with the command used")
    scaled = np.clip(wav, -1.0, 1.0)  # in place from here: a film's track is large
    scaled *= 32767.0
    return np.round(scaled, out=scaled).astype(np.int16)


def _decode(path: Path) -> tuple[np.ndarray, int]:
    """Samples (S, channels) float32 and their rate."""
    try:
        return soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, TypeError):  # not its format (TypeError: headerless .raw)
        return _decode_ffmpeg(path)


def _decode_ffmpeg(path: Path) -> tuple[np.ndarray, int]:
    # AU has a header that can be written to a pipe: it brings the native rate and channels with the samples
    out, err, code = run(["-v", "error", "-i", media_url(path), "-map", "0:a:0", "-af", "aresample=first_pts=0",
                          "-c:a", "pcm_f32be", "-f", "au", "-"])
    if len(out) <= _AU_HEADER or out[:4] != _AU_MAGIC:
        if "matches no streams" in err:
            raise InputError(f"{path} has no sound", "give a file with an audio track")
        raise InputError(f"cannot read {path}: {reason(err) if code else 'it holds no sound'}",
                         "give an audio or video file that ffmpeg reads")
    offset, _, _, rate, channels = np.frombuffer(out[4:_AU_HEADER], ">u4")
    samples = np.frombuffer(out[int(offset):], ">f4").astype(np.float32)
    whole = samples.size // int(channels) * int(channels)
    return samples[:whole].reshape(-1, int(channels)), int(rate)
