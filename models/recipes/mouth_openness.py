"""How far the mouth is open in each phone: `dubctl/synth/mouth_openness.json`.

    python models/recipes/mouth_openness.py GRID_LIPS/grid_lips.npz -o dubctl/synth/mouth_openness.json

GRID_LIPS has the lips of 33 GRID talkers, frame by frame, with word times. A word's phones share its frames, vowels
1.6 times as long as consonants; the openings (column 2 of `feat`), from an utterance's 10th (0) to its 95th
percentile (1), are then a sum over phones, solved by least squares. Talker s1 is left out (`--without`): the clips on
which dubs are measured are his. Printed: correlation of the table's opening and the seen one, for talkers that were
not fitted. Takes a minute.
GRID audiovisual sentence corpus: Cooke, Barker, Cunningham, Shao 2006, CC BY 4.0.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import numpy as np

from dubctl.files import write_json
from dubctl.synth.frontend import tokens_of
from dubctl.synth.symbols import SYMBOLS, VOWELS, is_sound

OPENING = 2  # column of `feat`
VOWEL_LENGTH = 1.6  # of a consonant's
FEWEST = 200.0  # frames of a phone, below which nothing is said of it
RIDGE = 50.0  # frames of the mean that every phone begins with
SILENCES = ("sp", "sil")


def main() -> None:
    args = _arguments()
    lips = dict(np.load(args.lips))
    talkers = np.array([name.split("/")[0] for name in lips["utt"]])
    shares, seen = _frames(lips, ~np.isin(talkers, args.without))
    known = np.flatnonzero(shares.sum(0) > FEWEST)
    left = shares[:, known]
    table = np.linalg.solve(left.T @ left + RIDGE * np.eye(len(known)), left.T @ seen + RIDGE * seen.mean())
    for talker in args.without:
        theirs, opening = _frames(lips, talkers == talker)
        alike = np.corrcoef(theirs[:, known] @ table, opening)[0, 1]
        print(f"{talker}: correlation {alike:.3f}, {len(opening)} frames")
    write_json(args.out, {
        "about": "How far the mouth is open in each phone, 0 (an utterance's 10th percentile) to 1 (its 95th)",
        "source": "GRID audiovisual sentence corpus (Cooke et al. 2006, CC BY 4.0), lips of 33 talkers less "
                  + ", ".join(args.without), "made_by": "models/recipes/mouth_openness.py", "frames": len(seen),
        "openness": {SYMBOLS[i]: round(float(value), 3) for i, value in zip(known, table, strict=True)}})


def _frames(lips: dict[str, np.ndarray], chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the phones (N, phones) in each frame of the chosen utterances, and the openings (N,)."""
    shares, seen = [], []
    for number in np.flatnonzero(chosen):
        words = [(str(lips["word"][w]), lips["feat"][p: p + n, OPENING].astype(np.float64))
                 for w in range(*lips["utt_words"][number: number + 2])
                 for p, n in [(int(lips["word_pos"][w]), int(lips["word_len"][w]))] if n]
        words = [(word, opening) for word, opening in words if word not in SILENCES]
        if not words:
            continue
        opening = np.concatenate([values for _, values in words])
        low, high = np.percentile(opening, [10, 95])
        if np.isfinite(opening).all() and high - low > 1e-4:
            shares.append(np.concatenate([_shares(word, len(values)) for word, values in words]))
            seen.append((opening - low) / (high - low))
    return np.concatenate(shares), np.concatenate(seen)


def _shares(word: str, frames: int) -> np.ndarray:
    """(frames, phones): how much of each frame of a word is which phone."""
    found = np.zeros((frames, len(SYMBOLS)), np.float32)
    start = 0.0
    for phone, length in _phones(word):
        end = start + length * frames
        found[:, phone] += np.clip(np.minimum(np.arange(1, frames + 1), end) - np.maximum(np.arange(frames), start),
                                   0, None)
        start = end
    return found


@cache
def _phones(word: str) -> list[tuple[int, float]]:
    """Phones of a word (a letter of the alphabet is read as its name) and the share of it that each takes."""
    phones = [p for p in tokens_of(word.upper() if len(word) == 1 else word).phones if is_sound(p)]
    lengths = [VOWEL_LENGTH if SYMBOLS[p][0] in VOWELS else 1.0 for p in phones]
    return [(phone, length / sum(lengths)) for phone, length in zip(phones, lengths, strict=True)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lips", type=Path)
    parser.add_argument("--without", nargs="+", default=["s1"], help="talkers to leave out")
    parser.add_argument("-o", "--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
