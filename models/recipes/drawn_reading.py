"""What dubctl's extractors read from a drawn set whose feelings are known: the figures of examples/README.md.

    dubctl extract drawn -o drawn_lib && python models/recipes/drawn_reading.py drawn_lib

Prints faces found (clips, pictures), the speech window that the mouth tells against the sound's, and for face and
scene captions how often their strongest emotion is the one drawn. Chance is what the same answers would score on
shuffled clips.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.lips import speech_window
from dubctl.library.schema import ClipRow
from dubctl.library.store import Library

NEAR = (0.08, 0.12, 0.2)  # seconds


def agreement(drawn: Sequence[str], read: Sequence[str]) -> tuple[float, float, np.ndarray]:
    """Share of equal names, its expectation by chance, and the confusion matrix (7, 7): rows drawn, columns read."""
    table = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    for truth, answer in zip(drawn, read, strict=True):
        table[EMOTIONS.index(truth), EMOTIONS.index(answer)] += 1
    total = max(1, table.sum())
    return float(np.trace(table) / total), float(table.sum(0) @ table.sum(1) / total**2), table


def report_emotions(rows: Sequence[ClipRow], modality: str, truth: str) -> None:
    """Print how a modality's captions feel against what was drawn, and each emotion's recall."""
    rows = [row for row in rows if modality in row.profiles]
    drawn = [row.extra[truth] for row in rows]
    read = [EMOTIONS[int(np.argmax(row.profiles[modality]))] for row in rows]
    share, chance, table = agreement(drawn, read)
    recalls = np.diag(table)[table.sum(1) > 0] / table.sum(1)[table.sum(1) > 0]
    print(f"{modality}: strongest emotion is the drawn one in {share:.1%} of {len(rows)} (chance {chance:.1%}), mean "
          f"recall {recalls.mean():.1%}")
    print("  drawn \\ read  " + " ".join(f"{name[:8]:>8}" for name in EMOTIONS))
    for name, counts in zip(EMOTIONS, table, strict=True):
        print(f"  {name:13} " + " ".join(f"{count:8d}" for count in counts))


def report_windows(library: Library) -> None:
    """Print how far the window that the lips tell lies from where the sound is heard."""
    gaps = []
    for place, row in enumerate(library.rows):
        track = library.lips(place)
        found = speech_window(track) if track is not None else None
        gaps.append(np.array(found) - row.extra["speech"] if found else np.full(2, np.inf))
    gaps = np.array(gaps)
    seen = np.isfinite(gaps[:, 0])
    print(f"speech window found in {seen.mean():.1%}; start / end, median error "
          f"{np.median(gaps[seen, 0]):+.3f} / {np.median(gaps[seen, 1]):+.3f} s")
    for near in NEAR:
        inside = np.abs(gaps) <= near
        print(f"  within {near * 1000:.0f} ms: start {inside[:, 0].mean():.1%}, end {inside[:, 1].mean():.1%}, "
              f"both {inside.all(1).mean():.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    library = Library.open(parser.parse_args().library)
    coverage = np.array([row.stats.get("face_coverage", 0.0) for row in library.rows])
    print(f"{len(coverage)} clips: a face in {(coverage > 0).mean():.1%}, in {coverage.mean():.1%} of the pictures; "
          f"in 90 % of the pictures of {(coverage >= 0.9).mean():.1%} of the clips")
    report_windows(library)
    report_emotions(library.rows, "face", "face")
    report_emotions(library.rows, "scene", "picture")


if __name__ == "__main__":
    main()
