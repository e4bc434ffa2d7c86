"""Rows of the text corpora behind the text-emotion encoder, with their labels mapped to dubctl's seven classes.

A row is (text, target): target is a distribution over `EMOTIONS`, several labels of one line sharing it equally.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path

import numpy as np

from dubctl.emotion.base import EMOTIONS

Row = tuple[str, np.ndarray]

GOEMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")  # its labels.txt
XED = {"1": "anger", "3": "disgust", "4": "fear", "5": "joy", "6": "sadness", "7": "surprise"}  # 2, 8: no such class
EMORYNLP = {"Mad": "anger", "Joyful": "joy", "Neutral": "neutral", "Sad": "sadness", "Scared": "fear"}
# the wheel's mild classes have no counterpart; as training hints only, never scored
EMORYNLP_MILD = {"Peaceful": ("joy", "neutral"), "Powerful": ("joy", "neutral")}

NAMES = ("Anna", "Tom", "Maria", "Ben", "Lucy", "Sam", "Kate", "David", "Nina", "Leo", "Emma", "Jack")


def target(*labels: str) -> np.ndarray:
    """Equal shares of `labels`, (7,) float32."""
    share = np.zeros(len(EMOTIONS), np.float32)
    for label in labels:
        share[EMOTIONS.index(label)] += 1 / len(labels)
    return share


def fold(text: str) -> int:
    """0..99 from the text itself: a split no shuffle changes."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 100


def clean(text: str) -> str:
    """Masks such as [NAME] become a name (which one depends on the text), subtitle marks go, spaces close up."""
    name = NAMES[fold(text) % len(NAMES)]
    text = re.sub(r"\[(NAME|PERSON)\]", name, text)
    text = re.sub(r"\[(LOCATION|RELIGION)\]", lambda mask: mask[1].lower(), text)
    text = re.sub(r"\s+([.,!?;:'’])", r"\1", text.replace("*", " "))
    return re.sub(r"\s+", " ", text).strip(" -\"")


def goemotions(folder: Path, split: str) -> list[Row]:
    """GoEmotions in Ekman classes: `split` is train, dev or test."""
    rows = []
    for line in (folder / f"{split}.tsv").read_text(encoding="utf-8").splitlines():
        text, labels, _ = line.split("\t")
        rows.append((clean(text), target(*(GOEMOTIONS[int(number)] for number in labels.split(",")))))
    return rows


def xed(folder: Path, held_out: bool) -> list[Row]:
    """XED subtitle lines; the tenth whose text hashes lowest is held out.

    Lines with anticipation or trust alone are dropped; beside another emotion those two labels are ignored. Commas go:
    the neutral file has none, and a comma would give the class away.
    """
    pairs = []
    for line in (folder / "en-annotated.tsv").read_text(encoding="utf-8").splitlines():
        text, _, labels = line.rpartition("\t")
        kept = [XED[label] for label in labels.replace(" ", "").split(",") if label in XED]
        if kept:
            pairs.append((text, target(*kept)))
    for line in (folder / "neu_en.txt").read_text(encoding="utf-8").splitlines():
        pairs.append((line.partition("\t")[2], target("neutral")))
    rows = [(clean(text.replace(",", " ")), share) for text, share in pairs]
    return [row for row in rows if row[0] and (fold(row[0]) < 10) == held_out]


def emorynlp(folder: Path, split: str, mild: bool = False) -> list[Row]:
    """EmoryNLP lines whose class has a counterpart; `mild` adds Peaceful and Powerful with shared targets."""
    rows = []
    with (folder / f"emorynlp_{split}_final.csv").open(encoding="utf-8") as source:
        for row in csv.DictReader(source):
            if row["Emotion"] in EMORYNLP:
                rows.append((clean(row["Utterance"]), target(EMORYNLP[row["Emotion"]])))
            elif mild:
                rows.append((clean(row["Utterance"]), target(*EMORYNLP_MILD[row["Emotion"]])))
    return rows


def atomic(folder: Path, split: str) -> dict[str, dict[str, list[str]]]:
    """ATOMIC events -> {"xReact": [...], "oReact": [...]} raw phrases; `split` is dev or tst."""
    events: dict[str, dict[str, list[str]]] = {}
    with (folder / f"v4_atomic_{split}.csv").open(encoding="utf-8") as source:
        for row in csv.DictReader(source):
            found = events.setdefault(row["event"], {"xReact": [], "oReact": []})
            for relation, phrases in found.items():
                phrases += json.loads(row[relation])
    return events
