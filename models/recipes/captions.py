"""Templated captions that teach the text-emotion encoder how scene and face descriptions speak of a mood.

The corpora are dialogue and comments; a describer writes "the mood is gloomy and quiet". Some templates and some mood
words are kept out of training (`HELD_OUT`), so that the test asks for templates and words never seen together.
"""

from __future__ import annotations

import random

import numpy as np
from text_corpora import Row, target

MOODS = {
    "anger": "angry furious hostile aggressive enraged irritated fierce violent outraged heated annoyed wrathful",
    "disgust": "disgusted repulsed revolted sickened contemptuous nauseated foul sickly grimy repellent",
    "fear": "fearful afraid scared frightened anxious tense terrified uneasy menacing ominous threatening eerie "
            "nervous",
    "joy": "happy joyful cheerful delighted merry warm playful bright pleased amused lively glad festive loving",
    "neutral": "neutral calm composed even ordinary plain relaxed restrained blank unmoved balanced matter-of-fact",
    "sadness": "sad gloomy sorrowful melancholy grieving mournful miserable downcast lonely bleak unhappy somber "
               "tearful",
    "surprise": "surprised astonished startled amazed shocked stunned bewildered astounded wide-eyed sudden unexpected",
}
NOUNS = {
    "anger": "anger rage fury hostility", "disgust": "disgust revulsion contempt", "fear": "fear dread terror anxiety",
    "joy": "joy happiness delight cheer", "neutral": "calm composure neutrality",
    "sadness": "sadness sorrow grief gloom",
    "surprise": "surprise astonishment amazement shock",
}
HELD_OUT = {"enraged", "sickened", "terrified", "delighted", "composed", "mournful", "astonished"}

FACE_CUES = {
    "anger": ("the brows lowered", "the jaw tight", "the lips pressed together", "the eyes glaring"),
    "disgust": ("the nose wrinkled", "the upper lip raised", "the mouth turned down"),
    "fear": ("the eyes wide and the brows drawn together", "the lips stretched", "the brows raised and tense"),
    "joy": ("the corners of the mouth raised", "the cheeks lifted", "a broad smile", "the eyes narrowed by a smile"),
    "neutral": ("the mouth relaxed", "hardly moving", "the brows level", "the features at rest"),
    "sadness": ("the corners of the mouth lowered",
                "the inner brows raised", "the gaze cast down", "the eyelids heavy"),
    "surprise": ("the brows raised high", "the mouth open", "the eyes wide open", "the jaw dropped"),
}
# light, colour and motion go with a mood often, not always: they are drawn freely for a third of the captions
LOOKS = {
    "anger": ("red", "dark red", "harsh, high-contrast", "hot orange"),
    "disgust": ("murky green", "sickly yellow", "dull brown"),
    "fear": ("dark", "black and blue", "dim, high-contrast", "shadowy"),
    "joy": ("bright", "warm yellow", "colourful", "sunny, vivid"),
    "neutral": ("evenly lit", "grey, moderate", "muted", "medium-bright"),
    "sadness": ("dark, cold blue", "grey", "dim, pale", "cold"),
    "surprise": ("flashing", "bright white", "suddenly bright", "vivid"),
}
MOTIONS = {
    "anger": ("fast", "restless", "rapidly cut"), "disgust": ("slow", "unsteady"),
    "fear": ("nearly still", "jerky", "shaking"),
    "joy": ("lively", "moving", "bouncing"), "neutral": ("slow", "steady", "moderately moving"),
    "sadness": ("nearly still", "slow", "still"), "surprise": ("abruptly moving", "fast", "suddenly changing"),
}

SCENE = (
    "A {look}, {motion} scene; the mood is {a} and {b}.", "The scene is {look} and {motion}. It feels {a}.",
    "A {motion} scene in {look} light. The atmosphere is {a}, full of {n}.", "{look} and {motion}: a {a} scene.",
    "The picture is {look}; the movement is {motion}; the overall emotion is {n}.",
    "This {look} scene conveys {n} and seems {a}.", "A {a} mood hangs over this {look}, {motion} shot.",
)
FACE = (
    "The face looks {a}, {cue}.", "The person appears {a} throughout; {cue}.", "The face shows {n}, {cue}.",
    "The face is mostly {a} and {b}.", "A {a} expression, {cue}.", "The face stays {a}, {cue}, without changing.",
    "Someone looks {a}, with {cue}.",
)
TURN = (
    "The face starts {before}, then turns {a}, {cue}.", "At first {before}, the face becomes {a}; {cue}.",
    "The expression changes from {m} to {n}, {cue}.", "The face begins {before} and ends {a}.",
)
TEST_TEMPLATES = {SCENE[-1], FACE[-1], TURN[-1]}


def captions(count: int, test: bool, seed: int = 7) -> list[Row]:
    """`count` captions with targets. Test captions use held-out templates or mood words; training uses neither."""
    draw, rows = random.Random(seed + test), []
    while len(rows) < count:
        label = draw.choice(list(MOODS))
        template = draw.choice(SCENE + FACE + TURN)
        text, held, before = _fill(template, label, draw)
        if (held or template in TEST_TEMPLATES) != test:
            continue
        share = target(label)
        if template in TURN:  # the end of the change weighs more than its start
            share = 0.75 * share + 0.25 * target(before)
        rows.append((text, share.astype(np.float32)))
    return rows


def _fill(template: str, label: str, draw: random.Random) -> tuple[str, bool, str]:
    """A caption, whether it has a held-out word, and the class before a change."""
    words = MOODS[label].split()
    first, second = draw.sample(words, 2)
    before = draw.choice([name for name in MOODS if name != label])
    start = draw.choice(MOODS[before].split())
    like = label if draw.random() < 2 / 3 else draw.choice(list(LOOKS))
    text = template.format(a=first, b=second, n=draw.choice(NOUNS[label].split()), m=draw.choice(NOUNS[before].split()),
                           cue=draw.choice(FACE_CUES[label]), look=draw.choice(LOOKS[like]),
                           motion=draw.choice(MOTIONS[like]), before=start)
    return text[0].upper() + text[1:], bool(HELD_OUT & set(text.replace(",", " ").replace(".", " ").split())), before
