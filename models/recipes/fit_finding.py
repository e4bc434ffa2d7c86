"""How much labels of references count beside the graphs' finding: `LABEL`, `BESIDE_LABELS` in dubctl/dubbing/found.py.

    python models/recipes/fit_finding.py --acted acted/library --words DATA/text/xed --kept functionals.safetensors

The lines are acted ones that the voice has not been trained on (`acted_speech.py DATA/kokoro_mix:420 --own --seed 13`,
and `--labels fear disgust sadness surprise --seed 14`), in imagined films. A logistic regression of their feeling on
the graphs' log odds (with a constant for neutral, since few of these lines are) and on how many of the references found
by scene, face and text are labelled with it; the seven feelings weigh alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from voice_emotion import Line, emotion, labels_in

from dubctl.emotion.base import EMOTIONS
from dubctl.files import read_jsonl
from dubctl.graph.build import MODALITIES
from dubctl.synth.voice import Voice

K = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acted", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--kept", type=Path, required=True, help="file that keeps the audio functionals")
    parser.add_argument("--films", type=int, nargs="+", default=[31, 32, 33], help="their seeds")
    args = parser.parse_args()
    rows = read_jsonl(args.acted / "manifest.jsonl")
    lines = [Line.acted(row, args.acted) for row in rows]
    truth = torch.tensor([EMOTIONS.index(row["emotion"]) for row in rows])
    voice = Voice.load(vocoder="lite")
    seen = [observed(voice, lines, args.words, args.kept, seed) for seed in args.films]
    graphs, labels = (torch.cat(column) for column in zip(*seen, strict=True))
    fit(graphs, labels, truth.repeat(len(args.films)))


def observed(voice: Voice, lines: list[Line], words: Path, kept: Path, seed: int) -> tuple[Tensor, Tensor]:
    """The graphs' log shares (N, 7) and label counts (N, 3, 7) in one film."""
    film, feelings = emotion(lines, words, kept, seed), [line.feeling for line in lines]
    labels, shares = [], []
    for row in range(len(lines)):
        labels.append(labels_in(film, row, feelings, K))
        found = voice.finds(film.batch([row], K, np.random.default_rng(0), 0.0))
        assert found is not None  # the shipped voice has learnt all seven
        shares.append(found)
    return (torch.tensor(np.stack(shares), dtype=torch.double).clamp(min=1e-4).log(),
            torch.tensor(np.stack(labels), dtype=torch.double))


def fit(graphs: Tensor, labels: Tensor, truth: Tensor) -> None:
    counts = torch.bincount(truth, minlength=len(EMOTIONS)).double()
    weight = (len(truth) / len(EMOTIONS) / counts)[truth]
    found = torch.tensor([1.0, 0.0, *[0.3] * len(MODALITIES)], dtype=torch.double, requires_grad=True)
    neutral = F.one_hot(torch.tensor(EMOTIONS.index("neutral")), len(EMOTIONS))

    def odds() -> Tensor:
        return found[0] * graphs + found[1] * neutral + torch.einsum("m,nmc->nc", found[2:], labels)

    optimiser = torch.optim.LBFGS([found], max_iter=200)

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = (weight * F.cross_entropy(odds(), truth, reduction="none")).mean()
        value.backward()
        return value

    optimiser.step(loss)
    for name, part in (("graphs alone", graphs), ("with labels", odds())):
        right = (part.argmax(1) == truth).double()
        print(name, f"{float((weight * right).sum() / weight.sum()):.3f} right")
    print("graphs, neutral,", ", ".join(MODALITIES), [round(v, 3) for v in found.tolist()])


if __name__ == "__main__":
    main()
