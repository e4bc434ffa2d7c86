"""Train or score the lite text-emotion encoder (RTER lite).

    python models/recipes/train_text_emotion.py --data TEXT_FOLDER --init all-MiniLM-L6-v2/ --out models/text-emotion
    python models/recipes/train_text_emotion.py --data TEXT_FOLDER --out models/text-emotion --score

TEXT_FOLDER holds goemotions/, xed/ and emorynlp/ as published; --init is sentence-transformers/all-MiniLM-L6-v2
(model.safetensors, tokenizer.json). A CPU core takes about ten minutes an epoch.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import text_corpora as corpora
import torch
import torch.nn.functional as F
from captions import captions
from safetensors.torch import load_file, save

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.minibert import MiniBert, NetConfig, pad
from dubctl.emotion.wordpiece import WordPiece
from dubctl.files import atomic_path, write_json, write_text

TRAIN_TOKENS = 48  # longer lines are read up to here while training
BATCH = 64


def initial(folder: Path, layers: int) -> tuple[MiniBert, list[str]]:
    """The first `layers` layers of MiniLM in our network, and its vocabulary."""
    given = load_file(str(folder / "model.safetensors"))
    vocab = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    net = MiniBert(NetConfig(vocab=len(vocab), layers=layers))
    words = given["embeddings.word_embeddings.weight"]
    scale = words.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
    scale = scale.half().float()  # as it will be stored
    state = {"table.rows": (words / scale).round().clamp(-127, 127).to(torch.int8), "table.scale": scale,
             "place": given["embeddings.position_embeddings.weight"][: net.config.positions]
             + given["embeddings.token_type_embeddings.weight"][0],
             "norm.weight": given["embeddings.LayerNorm.weight"], "norm.bias": given["embeddings.LayerNorm.bias"]}
    for number in range(layers):
        state |= _layer(given, number)
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert not unexpected and all(name.startswith(("dense", "classifier")) for name in missing), (missing, unexpected)
    return net, [word for word, _ in sorted(vocab.items(), key=lambda item: item[1])]


def _layer(given: dict[str, torch.Tensor], number: int) -> dict[str, torch.Tensor]:
    old, new = f"encoder.layer.{number}.", f"stack.{number}."
    names = {"attention.output.dense": "out", "attention.output.LayerNorm": "norm1", "intermediate.dense": "up",
             "output.dense": "down", "output.LayerNorm": "norm2"}
    state = {}
    for kind in ("weight", "bias"):
        parts = [given[f"{old}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
        state[f"{new}qkv.{kind}"] = torch.cat(parts)
        state |= {f"{new}{ours}.{kind}": given[f"{old}{theirs}.{kind}"] for theirs, ours in names.items()}
    return state


def training_rows(data: Path) -> list[corpora.Row]:
    """All training rows: three corpora and the caption templates."""
    rows = corpora.goemotions(data / "goemotions", "train") + corpora.xed(data / "xed", held_out=False)
    rows += corpora.emorynlp(data / "emorynlp", "train", mild=True)
    return rows + captions(5000, test=False)


def batches(lengths: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Shuffled batches of rows of like length."""
    order = np.argsort(lengths + rng.uniform(0, 4, len(lengths)), kind="stable")
    parts = [order[begin : begin + BATCH] for begin in range(0, len(order), BATCH)]
    rng.shuffle(parts)
    return parts


def class_weights(targets: np.ndarray) -> torch.Tensor:
    """Square root of inverse frequency, mean 1 over the rows: balances without drowning the common classes."""
    share = targets.mean(0)
    weights = share**-0.5
    return torch.tensor(weights / (weights * share).sum(), dtype=torch.float32)


def train(net: MiniBert, vocab: list[str], rows: list[corpora.Row], args: argparse.Namespace) -> None:
    """Fit `net`; the weights are written after every epoch."""
    tokens = WordPiece(vocab)
    ids = [tokens.encode(text, TRAIN_TOKENS) for text, _ in rows]
    targets = np.stack([share for _, share in rows])
    weights, soft = class_weights(targets), torch.from_numpy(targets)
    body = [p for name, p in net.named_parameters() if not name.startswith(("dense", "classifier"))]
    head = [*net.dense.parameters(), *net.classifier.parameters()]
    optimiser = torch.optim.AdamW([{"params": body, "lr": args.lr}, {"params": head, "lr": 5 * args.lr}],
                                  weight_decay=0.01)
    rng = np.random.default_rng(args.seed)
    total = args.epochs * len(batches(np.array([len(row) for row in ids]), rng))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [args.lr, 5 * args.lr], total, pct_start=0.1)
    step, begun, shown = 0, time.time(), 0.0
    for epoch in range(args.epochs):
        net.train()
        for part in batches(np.array([len(row) for row in ids]), rng):
            padded, mask = pad([ids[number] for number in part])
            with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
                logits = net(padded, mask)[2].float()
            smooth = 0.95 * soft[part] + 0.05 / len(EMOTIONS)
            loss = -(smooth * weights * F.log_softmax(logits, -1)).sum(-1).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step, shown = step + 1, 0.98 * shown + 0.02 * loss.item()
            if step % 100 == 0:
                loss_now = shown / (1 - 0.98**step)
                print(f"step {step}/{total} loss {loss_now:.4f} {time.time() - begun:.0f} s", flush=True)
        store(net, vocab, args.out)
        print(f"epoch {epoch + 1}: written", flush=True)


def store(net: MiniBert, vocab: list[str], out: Path) -> None:
    """Write weights (float16, word table int8), configuration and vocabulary."""
    state = {name: value.half() if value.is_floating_point() else value for name, value in net.state_dict().items()}
    with atomic_path(out / "model.safetensors") as part:
        part.write_bytes(save({name: value.contiguous() for name, value in state.items()}))
    write_json(out / "config.json", {"labels": list(EMOTIONS), "network": vars(net.config)})
    write_text(out / "vocab.txt", "\n".join(vocab) + "\n")


def score(data: Path) -> None:
    """Print held-out figures of the installed encoder: macro-F1 of the strongest class on rows with one label."""
    from dubctl.emotion.rter import LiteTextEmotionEncoder

    encoder = LiteTextEmotionEncoder()
    sets = {"GoEmotions test": corpora.goemotions(data / "goemotions", "test"),
            "XED held-out tenth": corpora.xed(data / "xed", held_out=True),
            "EmoryNLP test": corpora.emorynlp(data / "emorynlp", "test"),
            "captions, held-out templates and words": captions(700, test=True)}
    for name, rows in sets.items():
        rows = [row for row in rows if row[1].max() > 0.6]
        truth = np.array([share.argmax() for _, share in rows])
        guess = encoder.classify([text for text, _ in rows]).argmax(-1)
        common = np.full_like(truth, np.bincount(truth).argmax())
        print(f"{name}: n {len(truth)}, macro-F1 {macro_f1(truth, guess):.3f}, accuracy {(truth == guess).mean():.3f}; "
              f"majority class: macro-F1 {macro_f1(truth, common):.3f}, accuracy {(truth == common).mean():.3f}")


def macro_f1(truth: np.ndarray, guess: np.ndarray) -> float:
    """Unweighted mean F1 over the classes that occur in `truth`."""
    scores = []
    for label in np.unique(truth):
        hit = ((truth == label) & (guess == label)).sum()
        scores.append(2 * hit / ((truth == label).sum() + (guess == label).sum()))
    return float(np.mean(scores))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 products: faster where the processor has them")
    parser.add_argument("--score", action="store_true", help="score the encoder in DUBCTL_MODELS or the checkout")
    args = parser.parse_args()
    if args.score:
        score(args.data)
        return
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    net, vocab = initial(args.init, args.layers)
    train(net, vocab, training_rows(args.data), args)


if __name__ == "__main__":
    main()
