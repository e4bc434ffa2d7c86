"""Clicks and buzz, which neither a recogniser nor a mean opinion says outright.

    python benchmarks/artefacts.py runs/bench/speech DATA/recordings …

Each argument is a folder of speech (or a file of paths, one a line); one row of a table each, so that recordings can
stand beside dubs:

- clicks a minute: a millisecond that above 6 kHz is 20 dB louder than what lies 3 to 15 ms before it and behind it. A
  plosive's burst has its breath behind it; a few of them count, in recordings too;
- ripple: how much louder, in dB, the loudest sixteenth of a hop is than the softest above 1 kHz, over all unvoiced
  frames counted from the start of the sound. A vocoder that starts anew with every frame buzzes at the frame rate
  there; speech, which knows of no frames, has next to none;
- whine: the line that stands out most of the mean spectrum of the pauses above 1 kHz, as tones of upsampling do: by how
  many dB, and how many dB its power lies under the speech's (at 70 nobody hears it).

All are printed with how many minutes and frames they rest on. Only what was never resampled or cut tells of ripple.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from voice import exit_code_of

from dubctl.errors import InputError
from dubctl.library.datasets.base import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from dubctl.media.audio import load_audio
from dubctl.media.mel import HOP, RATE
from dubctl.media.subtitles import read_text
from dubctl.metrics.cepstra import FRAME, pitch

MS = RATE // 1000
CLICK_DB, CLICK_HZ = 20.0, 6000.0
NEAR, FAR = 3, 15  # milliseconds about a click that are compared with it
FLOOR = 1e-9  # mean square: -90 dBFS, under which nothing is a click
SLOTS, RIPPLE_HZ = 16, 1000.0  # of a hop
PAUSE_DB = -35.0  # a frame that much under the loudest is a pause's
LINES = 2048  # samples of a spectrum


@dataclass
class Heard:
    """Sums over sounds."""

    seconds: float = 0.0
    clicks: list[tuple[str, float]] = field(default_factory=list)  # of which sound, at how many seconds
    slots: np.ndarray = field(default_factory=lambda: np.zeros(SLOTS))
    frames: int = 0
    spectrum: np.ndarray = field(default_factory=lambda: np.zeros(LINES // 2 + 1))
    pauses: int = 0

    def add(self, name: str, wav: np.ndarray) -> None:
        """One sound (S,) at 22,050 Hz."""
        self.seconds += len(wav) / RATE
        self.clicks += [(name, at) for at in clicks(wav)]
        unvoiced = unvoiced_hops(wav)
        self.slots += unvoiced.sum(0)
        self.frames += len(unvoiced)
        for piece in pauses(wav):
            self.spectrum += piece
            self.pauses += 1

    def row(self) -> str:
        """A row of the table, but for its name."""
        ripple = f"{10 * np.log10(self.slots.max() / self.slots.min()):.2f}" if self.slots.min() > 0 else "–"
        whines = "–"
        if self.pauses:
            whines = "{:.1f}, {:.0f}".format(*whine(self.spectrum / self.pauses))
        return (f"{self.seconds / 60:.1f} | {60 * len(self.clicks) / max(self.seconds, 1e-9):.1f} | "
                f"{ripple} ({self.frames}) | {whines} ({self.pauses})")


def high_passed(wav: np.ndarray, hertz: float) -> np.ndarray:
    """What is above; an octave lower nothing is left."""
    spectrum = np.fft.rfft(np.pad(wav.astype(float), RATE // 10))
    octaves = np.log2(np.maximum(np.linspace(0, RATE / 2, len(spectrum)), 1e-9) / hertz)
    spectrum *= np.sin(np.pi / 2 * np.clip(octaves + 1, 0, 1)) ** 2
    return np.fft.irfft(spectrum, len(wav) + 2 * (RATE // 10))[RATE // 10:][: len(wav)]


def clicks(wav: np.ndarray) -> list[float]:
    """Seconds at which a sound (S,) clicks."""
    power = high_passed(wav, CLICK_HZ) ** 2
    power = power[: len(power) // MS * MS].reshape(-1, MS).mean(1)
    span = FAR - NEAR + 1
    if len(power) < 2 * FAR + 1:
        return []
    around = np.lib.stride_tricks.sliding_window_view(np.pad(power, FAR), span)
    before, behind = np.median(around[: len(power)], 1), np.median(around[FAR + NEAR: FAR + NEAR + len(power)], 1)
    loud = power > np.maximum(np.maximum(before, behind), FLOOR) * 10 ** (CLICK_DB / 10)
    starts = np.flatnonzero(loud & ~np.r_[False, loud[:-1]])
    return [float(start * MS / RATE) for start in starts]


def unvoiced_hops(wav: np.ndarray) -> np.ndarray:
    """Power (N, SLOTS) of unvoiced speech above `RIPPLE_HZ`, in parts of hops that all weigh alike."""
    count = len(wav) // HOP
    if not count:
        return np.zeros((0, SLOTS))
    power = (high_passed(wav, RIPPLE_HZ) ** 2)[: count * HOP].reshape(count, SLOTS, -1).mean(2)
    f0 = pitch(wav)
    voiced = np.array([f0[int(i * HOP / RATE / FRAME): int((i + 1) * HOP / RATE / FRAME) + 2].any()
                       for i in range(count)])
    level = power.mean(1)
    used = power[~voiced & (level > level.max() * 10 ** (PAUSE_DB / 10))]
    return used / used.mean(1, keepdims=True)


def pauses(wav: np.ndarray) -> Iterator[np.ndarray]:
    """Spectra of what is much softer than the loudest, without what is silent: each bin's power, times the speech's."""
    pieces = wav[: len(wav) // LINES * LINES].reshape(-1, LINES).astype(float)
    power = (pieces ** 2).mean(1)
    loudest = power.max(initial=0)
    window = np.hanning(LINES)
    for piece in pieces[(power < loudest * 10 ** (PAUSE_DB / 10)) & (power > FLOOR)]:
        found = np.abs(np.fft.rfft(piece * window)) ** 2
        yield found / found.sum() * (piece ** 2).mean() / loudest


def whine(spectrum: np.ndarray) -> tuple[float, float]:
    """The line above 1 kHz that stands out most: dB over the median of the 100 Hz on either side, and its power, dB."""
    near, first = round(100 / (RATE / LINES)), round(1000 / (RATE / LINES))
    around = np.lib.stride_tricks.sliding_window_view(spectrum, 2 * near + 1)
    over = spectrum[near: -near] / np.maximum(np.median(around, 1), 1e-30)
    line = first + int(np.argmax(over[first - near:]))
    level = float(spectrum[line - 1: line + 2].sum())
    return 10 * float(np.log10(over[line - near])), 10 * float(np.log10(max(level, 1e-30)))


def sounds(place: Path) -> list[Path]:
    """The media of a folder, or the paths that a text file names.

    Raises:
        InputError: there are none.
    """
    found: list[Path] = []
    if place.is_dir():
        found = [p for p in sorted(place.rglob("*")) if p.suffix.lower() in AUDIO_SUFFIXES | VIDEO_SUFFIXES]
    elif place.is_file():
        found = [Path(line) for line in read_text(place).splitlines() if line.strip()]
    if not found:
        raise InputError(f"{place} has no speech", "give a folder of sounds, or a file that names them")
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", type=Path, nargs="+", help="folders of speech, or files that name some")
    parser.add_argument("--where", action="store_true", help="also name each click")
    args = parser.parse_args(argv)

    def work() -> None:
        print("| | minutes | clicks a minute | ripple, dB (frames) | whine, dB (pauses) |\n|---|---|---|---|---|")
        for place in args.places:
            heard = Heard()
            for path in sounds(place):
                heard.add(path.name, load_audio(path, RATE))
            print(f"| {place} | {heard.row()} |", flush=True)
            for name, at in heard.clicks if args.where else ():
                print(f"{name}: {at:.3f} s", file=sys.stderr)
    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
