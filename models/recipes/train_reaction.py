"""Train the lite reaction generator (COMET lite) on ATOMIC reactions, over the shipped text-emotion encoder.

    python models/recipes/train_reaction.py --data TEXT_FOLDER --out models/reaction

TEXT_FOLDER holds atomic/ (dev and tst rows) and goemotions/, xed/, emorynlp/. Prints the held-out figures of the card.

ATOMIC describes events ("PersonX hugs PersonY"), dubbing has lines. Three bridges: every event is also put in the first
person ("I hug you."); events told with names; and dialogue lines of known emotion c get the reactions ATOMIC gives to
events whose doer feels c.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path

import numpy as np
import text_corpora as corpora
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import nn

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.reaction import SURPRISE
from dubctl.emotion.rter import LiteTextEmotionEncoder
from dubctl.files import atomic_path, write_json

LEAST = 6  # occurrences a phrase needs
NOTHING = {"none", "nan", "na", "n/a", "nothing", "no effect", "x", "y", ""}
# bodily or practical states that say nothing of how a line should sound
PRACTICAL = {"full", "hungry", "clean", "informed", "helped", "busy", "rich", "broke", "healthy", "sick", "prepared",
             "organized", "awake", "rested", "thirsty", "sleepy", "satiated", "educated", "wet", "old", "warm", "hot",
             "cold", "drunk", "pain", "in pain", "dirty", "attractive", "successful", "skilled", "ready", "active",
             "efficient", "productive", "employed", "popular", "fit", "assisted", "controlled", "social", "sociable"}
KIN = (("happy", "glad", "pleased", "joyful", "joy", "cheerful", "delighted", "good", "great", "better", "elated",
        "overjoyed", "ecstatic", "positive", "thrilled", "enjoyment", "fun", "happiness", "well", "nice", "fine"),
       ("grateful", "thankful", "appreciative", "gratitude", "appreciated"),
       ("sad", "unhappy", "depressed", "saddened", "bad", "sorrow", "terrible", "sadness"),
       ("angry", "mad", "furious", "anger", "upset"), ("annoyed", "irritated", "frustrated", "bothered"),
       ("scared", "afraid", "fearful", "terrified", "frightened", "fear"),
       ("nervous", "anxious", "worried", "concerned", "apprehensive", "stressed", "tense"),
       ("surprised", "shocked", "amazed", "astonished", "stunned"), ("excited", "energized", "eager"),
       ("interested", "curious", "intrigued"), ("relieved", "relief"), ("loved", "cared for", "loving", "wanted"),
       ("tired", "exhausted"), ("ashamed", "embarrassed", "humiliated"), ("hopeful", "optimistic"),
       ("relaxed", "calm", "content", "comfortable", "peaceful"), ("satisfied", "contented", "fulfilled"))


def phrases_of(raw: str) -> list[str]:
    """Single feelings in an annotator's words: "very happy & relieved." -> ["happy", "relieved"]."""
    text = re.sub(r"\b(very|so|also|really|a bit|a little|extremely|too|feels?|as well|is|are|they)\b", " ",
                  raw.lower())
    parts = re.split(r",|&|/|;|\.| and | or | but ", text)
    names = {"embarassed": "embarrassed", "greatful": "grateful", "happiness": "happy", "exited": "excited"}
    return [names.get(part, part) for part in (re.sub(r"\s+", " ", part).strip(" '\"!") for part in parts)]


def first_person(event: str) -> str:
    """"PersonX hates PersonY's dog" -> "I hate your dog."."""
    tokens = event.replace("PersonX's", "my").replace("PersonY's", "your").split()
    for place, token in enumerate(tokens):
        if token == "PersonX":
            tokens[place] = "I" if place == 0 else "me"
            if place == 0 and len(tokens) > 1:
                tokens[1] = bare(tokens[1])
        elif token == "PersonY":
            tokens[place] = "you"
        elif token in ("PersonZ", "___"):
            tokens[place] = "it"
    return " ".join(tokens) + "."


def bare(verb: str) -> str:
    """Third person -> first: hates -> hate, watches -> watch, cries -> cry."""
    known = {"is": "am", "has": "have", "does": "do", "was": "was", "always": "always", "goes": "go"}
    if verb in known or not verb.endswith("s") or verb.endswith("ss"):
        return known.get(verb, verb)
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    return verb[:-2] if re.search(r"(s|x|z|ch|sh|o)es$", verb) and not verb.endswith("ses") else verb[:-1]


def third_person(event: str) -> str:
    """"PersonX hugs PersonY" -> "Tom hugs Anna."."""
    pick = corpora.fold(event)
    names = corpora.NAMES
    event = event.replace("PersonX", names[pick % 12]).replace("PersonY", names[(pick + 5) % 12])
    return event.replace("PersonZ", names[(pick + 8) % 12]).replace("___", "it") + "."


def vocabulary(events: dict) -> list[str]:
    """Phrases frequent enough in either reaction, the most frequent first."""
    count = Counter(phrase for found in events.values() for raw in found["xReact"] + found["oReact"]
                    for phrase in phrases_of(raw))
    return [phrase for phrase, times in count.most_common()
            if times >= LEAST and phrase not in NOTHING | PRACTICAL and len(phrase.split()) <= 3]


def kin_groups(phrases: list[str]) -> list[int]:
    """Group number of each phrase; a phrase of no group is its own."""
    group = {word: number for number, words in enumerate(KIN) for word in words}
    return [group.get(phrase, len(KIN) + number) for number, phrase in enumerate(phrases)]


def shares(raws: list[str], phrases: list[str]) -> tuple[np.ndarray, float]:
    """Distribution over phrases (P,) (zeros if none is known), and the share of "none" answers."""
    ids = {phrase: number for number, phrase in enumerate(phrases)}
    row, idle = np.zeros(len(phrases), np.float32), 0
    for raw in raws:
        parts = phrases_of(raw)
        idle += all(part in NOTHING for part in parts)
        for part in parts:
            if part in ids:
                row[ids[part]] += 1
    return row / max(row.sum(), 1), idle / max(len(raws), 1)


def by_doer_emotion(rter: LiteTextEmotionEncoder, phrases: list[str], events: dict) -> tuple[np.ndarray, np.ndarray]:
    """Reactions of others (7, P) and share of none (7,), for each emotion of the doer."""
    kind = rter.classify([f"I feel {phrase}." for phrase in phrases])
    table, idle, mass = np.zeros((7, len(phrases))), np.zeros(7), np.full(7, 1e-6)
    for found in events.values():
        doer, _ = shares(found["xReact"], phrases)
        other, none = shares(found["oReact"], phrases)
        weight = doer @ kind
        idle, mass = idle + weight * none, mass + weight
        table += weight[:, None] * other * (1 - none)
    return table / np.maximum(table.sum(1, keepdims=True), 1e-6), idle / mass


class Net(nn.Module):
    """Features -> phrase logits and the logit of no reaction."""

    def __init__(self, width: int, phrases: int, hidden: int = 192) -> None:
        super().__init__()
        self.hidden, self.drop = nn.Linear(width, hidden), nn.Dropout(0.3)
        self.phrases, self.none = nn.Linear(hidden, phrases), nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.drop(torch.tanh(self.hidden(self.drop(x))))
        return self.phrases(hidden), self.none(hidden).squeeze(-1)


def table_of(events: dict, phrases: list[str]) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Texts, phrase targets (N, P), none targets (N,), weights (N,): each event in two wordings."""
    texts, targets, idle, weights = [], [], [], []
    for event, found in events.items():
        row, none = shares(found["oReact"], phrases)
        for wording in (first_person, third_person):
            texts.append(wording(event))
            targets.append(row)
            idle.append(none)
            weights.append(float(row.sum() > 0))
    return texts, np.array(targets), np.array(idle, np.float32), np.array(weights, np.float32)


def dialogue(data: Path, emotion_table: np.ndarray, emotion_idle: np.ndarray, count: int):
    """Lines of known emotion with the reactions ATOMIC gives to such a doer."""
    rows = corpora.goemotions(data / "goemotions", "train") + corpora.xed(data / "xed", held_out=False)
    rows += corpora.emorynlp(data / "emorynlp", "train")
    pick = np.random.default_rng(0).permutation(len(rows))[:count]
    share = np.stack([rows[number][1] for number in pick])
    return ([rows[number][0] for number in pick], (share @ emotion_table).astype(np.float32),
            (share @ emotion_idle).astype(np.float32))


def fit(x: np.ndarray, targets: np.ndarray, idle: np.ndarray, weights: np.ndarray, epochs: int) -> Net:
    """Cross-entropy on phrases (rows weighted) and on "none"."""
    torch.manual_seed(0)
    net = Net(x.shape[1], targets.shape[1])
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    parts = [torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in (x, targets, idle, weights)]
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for pick in torch.randperm(len(x)).split(256):
            features, target, none, weight = (part[pick] for part in parts)
            logits, calm = net(features)
            loss = -(weight * (target * F.log_softmax(logits, -1)).sum(-1)).mean()
            loss = loss + 0.5 * F.binary_cross_entropy_with_logits(calm, none)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return net.eval()


def polarity(rter: LiteTextEmotionEncoder, phrases: list[str]) -> np.ndarray:
    """+1 where a feeling is joy, -1 where it is anger, disgust, fear or sadness, else 0."""
    sign = {"joy": 1, "anger": -1, "disgust": -1, "fear": -1, "sadness": -1}
    best = rter.classify([f"I feel {phrase}." for phrase in phrases]).argmax(-1)
    return np.array([sign.get(EMOTIONS[label], 0) for label in best])


def report(name: str, guess: np.ndarray, gold: np.ndarray, signs: np.ndarray, common: np.ndarray) -> None:
    """Top-5 recall of the gold phrases' mass, and agreement in sign, beside the most frequent answer."""
    known = gold.sum(1) > 0
    gold, guess = gold[known], guess[known]

    def recall(order: np.ndarray) -> float:
        return float(np.take_along_axis(gold, order, 1).sum(1).mean())

    top = np.argsort(-guess, 1)[:, :5]
    usual = np.tile(np.argsort(-common)[:5], (len(gold), 1))
    tone = np.sign(gold @ signs)
    toned = tone != 0
    agree = np.mean(np.sign(guess @ signs)[toned] == tone[toned])
    print(f"{name}: n {len(gold)}, top-5 recall {recall(top):.3f} (most frequent five {recall(usual):.3f}), "
          f"sign agreement {agree:.3f} (always positive {np.mean(tone[toned] > 0):.3f}), "
          f"recall of negative {np.mean(np.sign(guess @ signs)[tone < 0] < 0):.3f}, "
          f"of positive {np.mean(np.sign(guess @ signs)[tone > 0] > 0):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--dialogue", type=int, default=4000, help="dialogue lines to train on")
    parser.add_argument("--dialogue-weight", type=float, default=2.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rter = LiteTextEmotionEncoder()
    tst = corpora.atomic(args.data / "atomic", "tst")
    test = {event: found for event, found in tst.items() if corpora.fold(event) < 25}
    events = corpora.atomic(args.data / "atomic", "dev") | {e: f for e, f in tst.items() if e not in test}
    phrases = vocabulary(events)
    texts, targets, idle, weights = table_of(events, phrases)
    lines = dialogue(args.data, *by_doer_emotion(rter, phrases, events), args.dialogue)
    x = rter.features(texts + lines[0])
    mean, std = x.mean(0), x.std(0) + 1e-4
    share = np.full(len(lines[0]), args.dialogue_weight, np.float32)
    net = fit((x - mean) / std, np.concatenate([targets, lines[1]]), np.concatenate([idle, lines[2]]),
              np.concatenate([weights, share]), args.epochs)
    prior = (targets.sum(0) + 5) / (targets.sum() + 5 * len(phrases))
    store(net, mean, std, prior, phrases, rter, args.out)
    evaluate(net, mean, std, phrases, rter, test, prior)


def store(net: Net, mean: np.ndarray, std: np.ndarray, prior: np.ndarray, phrases: list[str], rter,
          out: Path) -> None:
    state = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    state |= {"mean": torch.from_numpy(mean).half(), "std": torch.from_numpy(std).half(),
              "prior": torch.from_numpy(prior).float()}
    with atomic_path(out / "model.safetensors") as part:
        part.write_bytes(save(state))
    write_json(out / "config.json", {"encoder": rter.space.revision, "phrases": phrases, "kin": kin_groups(phrases),
                                     "sign": polarity(rter, phrases).tolist()})


def evaluate(net: Net, mean: np.ndarray, std: np.ndarray, phrases: list[str], rter, test: dict,
             prior: np.ndarray) -> None:
    """Held-out figures, of the probabilities and of the weights `react` ranks by."""
    texts, gold, idle, _ = table_of(test, phrases)
    with torch.inference_mode():
        logits, none = net(torch.from_numpy((rter.features(texts) - mean) / std))
    plain, signs = logits.softmax(-1).numpy(), polarity(rter, phrases)
    lifted = plain / prior**SURPRISE
    print(f"{len(phrases)} phrases, {len(test)} held-out events")
    for kind, guess in (("probability", plain), ("as ranked", lifted / lifted.sum(1, keepdims=True))):
        report(f"first person, {kind}", guess[::2], gold[::2], signs, prior)
        report(f"third person, {kind}", guess[1::2], gold[1::2], signs, prior)
    sure = np.abs(idle - 0.5) > 0.2
    print(f"no reaction or some: accuracy {np.mean((none.numpy() > 0)[sure] == (idle > 0.5)[sure]):.3f} "
          f"(majority {max(np.mean(idle[sure] > 0.5), np.mean(idle[sure] <= 0.5)):.3f})")


if __name__ == "__main__":
    main()
