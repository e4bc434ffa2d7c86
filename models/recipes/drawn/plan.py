"""Which lines make which film: characters, scenes, moods, and where the modalities disagree.

In life and on film a face may hide a feeling and a sunny street may see a quarrel. So a line feels the mood of its
scene only mostly, the picture shows the scene's mood only mostly, and the face shows the line's feeling only mostly;
what each shows is kept in the manifest.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drawn.expression import EMOTIONS
from drawn.places import PLACES

DISTANCES = (0.215, 0.255, 0.30)  # eye distance over picture height: from the waist, from the chest, the head


@dataclass(frozen=True)
class Odds:
    """How often the modalities agree: a line feels its scene's mood, the picture shows it, the face shows the line."""

    line: float = 0.7
    picture: float = 0.7
    face: float = 0.75


@dataclass(frozen=True)
class Scene:
    """A place and a mood. `shows` is the emotion whose look the picture has."""

    id: str
    film: str
    mood: str
    shows: str
    place: str
    distance: float
    seed: int


@dataclass(frozen=True)
class Line:
    """A line in its scene. row: the speech manifest's row; shows: emotion and strength on the face; role: "reference"
    (rehearsal footage) or "target"."""

    row: dict[str, Any] = field(repr=False)
    scene: Scene
    shows: str
    shows_strength: float
    role: str
    seed: int


def plan_films(rows: Sequence[dict[str, Any]], *, odds: Odds, seed: int, prefix: str, per_scene: int = 7,
               targets: bool = False) -> list[Line]:
    """Deal out speech to films, mostly of 2 to 4 characters.

    Args:
        rows: speech clips (id, speaker, emotion, strength, text).
        per_scene: lines in a scene.
        targets: keep half of every scene apart as lines to be dubbed; no text is then both rehearsed and a target.
    """
    rng = random.Random(seed)
    said = sorted({row["text"] for row in rows})
    rng.shuffle(said)
    target_texts = set(said[::2]) if targets else set()
    lines = list[Line]()
    for number, cast in enumerate(_casts(Counter(row["speaker"] for row in rows), per_scene, rng)):
        film = f"{prefix}{number:02d}"
        pool = [row for row in rows if row["speaker"] in cast]
        rng.shuffle(pool)
        for scene, chosen in _scenes(pool, film, odds, per_scene, target_texts, rng):
            lines += [_line(row, scene, odds, row["text"] in target_texts, targets, rng) for row in chosen]
    return lines


def balanced(rows: Sequence[dict[str, Any]], count: int, seed: int, *, words: Mapping[str, str] | None = None,
             worded: float = 0.0) -> list[dict[str, Any]]:
    """`count` rows: emotions alike often, speakers in turn, every text as seldom as can be.

    Args:
        words: the emotion that each text conveys. worded: how often a row is sought whose words feel as it is spoken;
            where none is left, another is taken.
    """
    rng = random.Random(seed)
    queues = defaultdict(list)
    for row in rows:
        queues[row["emotion"]].append(row)
    for queue in queues.values():
        rng.shuffle(queue)
    texts, speakers, chosen = defaultdict(int), defaultdict(int), []
    while len(chosen) < min(count, len(rows)):
        for emotion in EMOTIONS:
            if queues[emotion] and len(chosen) < count:
                fits = rng.random() < worded
                row = min(queues[emotion], key=lambda one: (
                    fits and bool(words) and words[one["text"]] != emotion, texts[one["text"]],
                    speakers[one["speaker"]]))
                queues[emotion].remove(row)
                texts[row["text"]] += 1
                speakers[row["speaker"]] += 1
                chosen.append(row)
    return chosen


def _casts(lines: Mapping[str, int], enough: int, rng: random.Random) -> list[list[str]]:
    """Speakers in groups of 2 to 4, or more where they have fewer than `enough` lines together.

    Args:
        lines: how many lines each speaker has.
    """
    left = sorted(lines)
    rng.shuffle(left)
    casts = []
    while left:
        size, cast = rng.choice((2, 3, 4)), list[str]()
        while left and (len(cast) < size or sum(lines[name] for name in cast) < enough):
            cast.append(left.pop())
        casts.append(cast)
    if len(casts) > 1 and (len(casts[-1]) == 1 or sum(lines[name] for name in casts[-1]) < enough):
        last = casts.pop()
        casts[-1] += last  # nobody plays alone
    return casts


def _scenes(pool: list[dict[str, Any]], film: str, odds: Odds, per_scene: int, target_texts: set[str],
            rng: random.Random) -> Iterable[tuple[Scene, list[dict[str, Any]]]]:
    number = 0
    while pool:
        mood = rng.choice(pool)["emotion"]
        chosen = list[dict[str, Any]]()
        size = len(pool) if len(pool) < 1.5 * per_scene else per_scene  # no scrap of a scene is left
        for i in range(size):
            wanted = i % 2 == 0 if target_texts else None  # targets and rehearsals in turn
            row = _pick(pool, mood, odds.line, {one["text"] for one in chosen}, target_texts, wanted, rng)
            pool.remove(row)
            chosen.append(row)
        shows = _mostly(mood, odds.picture, rng)
        yield Scene(f"{film}_{number:02d}", film, mood, shows, rng.choice(sorted(PLACES)), rng.choice(DISTANCES),
                    rng.randrange(2**31)), chosen
        number += 1


def _pick(pool: list[dict[str, Any]], mood: str, agree: float, said: set[str], target_texts: set[str],
          wanted: bool | None, rng: random.Random) -> dict[str, Any]:
    """A line that feels the mood with probability `agree`, not said in the scene yet, of the half that is its turn."""
    feels = rng.random() < agree
    def misfit(row: dict[str, Any]) -> tuple[bool, bool, bool]:
        return (wanted is not None and (row["text"] in target_texts) != wanted,
                (row["emotion"] == mood) != feels, row["text"] in said)
    return min(pool, key=misfit)


def _line(row: dict[str, Any], scene: Scene, odds: Odds, target: bool, targets: bool, rng: random.Random) -> Line:
    strength = float(row.get("strength") or 0.0) or 1.0
    shown = row["emotion"]
    if rng.random() >= odds.face:
        shown = "neutral" if shown != "neutral" and rng.random() < 0.5 else _mostly(shown, 0.0, rng)
    strength = 0.0 if shown == "neutral" else min(2.0, strength * rng.uniform(0.7, 1.2))
    return Line(row, scene, shown, round(strength, 3), "target" if target else "reference" if targets else "",
                rng.randrange(2**31))


def _mostly(emotion: str, share: float, rng: random.Random) -> str:
    return emotion if rng.random() < share else rng.choice([name for name in EMOTIONS if name != emotion])
