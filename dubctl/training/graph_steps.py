"""Steps of the graphs alone: what was retrieved must be understood before it can be performed.

A step of the whole synthesizer costs seconds on a CPU and most of it teaches sound; the emotion loss reaches the graphs
in a few hundred of them at most. These steps train graphs and classifier by that loss only, at a tenth of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dubctl.graph.progressive import ProgressiveGraphs
from dubctl.progress import Progress, silent
from dubctl.training.config import TrainConfig
from dubctl.training.data import Item
from dubctl.training.emotion_data import EmotionSource
from dubctl.training.losses import emotion_loss

WARMUP, FINAL = 50, 0.05


def train_graphs(graphs: ProgressiveGraphs, source: EmotionSource, items: Sequence[Item], config: TrainConfig,
                 progress: Progress = silent) -> list[float]:
    """Train graphs and classifier on the labelled items for `config.graph_steps` steps; the loss of every step.

    Classes count alike, however many items each has. Nothing happens where fewer than two classes are labelled.
    """
    rows, labels = _labelled(items)
    classes, sizes = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        return []
    share = dict(zip(classes.tolist(), (1 / (sizes * len(classes))).tolist(), strict=True))
    chance = np.array([share[label] for label in labels.tolist()])
    device = next(graphs.parameters()).device
    optimiser = torch.optim.AdamW(graphs.parameters(), lr=config.graph_lr, weight_decay=0.05)
    graphs.train()
    losses = []
    for step in range(config.graph_steps):
        rng = np.random.default_rng([config.seed, step, 5])
        torch.manual_seed((config.seed + 2) * 1_000_003 + step)
        chosen = rng.choice(len(rows), config.graph_batch, p=chance)
        batch = source.batch(rows[chosen], config.k, rng, config.emotion_dropout, config.reference_dropout).to(device)
        for group in optimiser.param_groups:
            group["lr"] = config.graph_lr * min(1.0, (step + 1) / WARMUP) * max(FINAL, 1 - step / config.graph_steps)
        loss = emotion_loss(graphs.classifier(graphs(batch).pooled()), torch.from_numpy(labels[chosen]).to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(graphs.parameters(), config.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        if (step + 1) % config.log_every == 0:
            progress(step + 1, config.graph_steps, f"graphs {np.mean(losses[-config.log_every:]):.3f}")
    return losses


def feelings_of(items: Sequence[Item]) -> list[int]:
    """The classes that are labelled among the items: a classifier knows no others."""
    return sorted({item.emotion for item in items if item.emotion >= 0})


def _labelled(items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray]:
    found = [(item.row, item.emotion) for item in items if item.row >= 0 and item.emotion >= 0]
    return np.array([row for row, _ in found], int), np.array([label for _, label in found], int)
