"""Lines of one word, or of one word said several times, out of the words that our texts use most.

What is written is a draft: words nobody wants to hear in a corpus are struck out by hand.

    python models/recipes/short_lines.py DATA > lines.txt
    python models/recipes/kokoro_speech.py --lines lines.txt --count 2656 --blends 500 --blend-seed 47 --beyond 0.4 \\
        --speed 0.85 1.1 --seed 53 --least-row 20 --heard WHISPER …

Of kokoro_mix's test and dev lines none is written, nor one that repeats "good". Words that a voice got wrong where
they stood alone come a third of the time until they are used up.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from pathlib import Path

from dubctl.files import read_jsonl

MISHEARD = """
bed bad mad dead red head said food wood good hood mood big pig dig bag back bet bat pet pat get got god nod cod
cup cut cap cat dog duck tack book look took cook put foot shut stop drop top wait late gate bit pit sit fit
boot coat goat goal ball bowl pull pool full fool hill heel feel fill bell tell sell yell run gun sun fun fan
pan pen ten tin pin bin man men moon soon noon rude lid led lead load
""".split()
NO_WORDS = set("""
re ve ll don didn doesn isn wasn wouldn couldn shouldn aren ain won hasn haven hadn th st nd mr mrs dr www http
com org tv uk us ok eh uh um hm mm mmm hmm la de le el en les des et al jo jr ii iii iv vs etc lt gt amp
""".split())
SINGLE = ("{a}.", "{a}!", "{a}.", "{a}?")
FORMS = (*SINGLE, "{a}, {b}.", "{a}, {b}, {b}.", "{a}! {a}!", "{a}. {c}.", "{a}, {b}, {b}, {b}.", "{a} … {b}.",
         "{a}, {d}.", "{a}, {b}, {d}, {e}.", "{a}! {a}! {a}!")
SEED, SHORT, LONG, AGAIN = 41, 900, 500, 500  # words of one syllable, of more, and those that come a third time


def plain(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower())


def syllables(word: str) -> int:
    return len(re.findall("[aeiouy]+", word.rstrip("e") or word))


def words(texts: list[str]) -> tuple[list[str], list[str]]:
    """The commonest of one syllable, those misheard first, and of more."""
    counted = Counter(w for text in texts for w in re.findall(r"\b[a-z]{2,9}\b", text.lower()))
    common = [w for w, n in counted.most_common(6000)
              if n > 5 and w not in NO_WORDS and re.search("[aeiouy]", w)]
    short = [w for w in common if syllables(w) == 1][:SHORT]
    return list(dict.fromkeys([*MISHEARD, *short])), [w for w in common if syllables(w) > 1][:LONG]


def lines(short: list[str], longer: list[str], reserved: set[str]) -> list[str]:
    draw, found = random.Random(SEED), []
    for turn in range(3):
        for word in short if turn < 2 else draw.sample(short, min(AGAIN, len(short))) + longer:
            one, other = draw.choice(short + longer), draw.choice(short + longer)
            found.append(draw.choice(FORMS if turn else SINGLE).format(
                a=word.capitalize(), b=word, c=one.capitalize(), d=one, e=other))
    kept = [t for t in dict.fromkeys(found) if plain(t) not in reserved and not plain(t).startswith("good good")]
    draw.shuffle(kept)
    hard = [t for t in kept if set(plain(t).split()) & set(MISHEARD)]
    easy = [t for t in kept if t not in set(hard)]
    rows = max(len(hard), (len(easy) + 1) // 2)
    return [t for i in range(rows) for t in (*hard[i: i + 1], *easy[2 * i: 2 * i + 2])]


def main() -> None:
    data = Path(sys.argv[1])
    rows = read_jsonl(data / "kokoro_mix" / "manifest.jsonl")
    reserved = {plain(r["text"]) for r in rows if r["split"] != "train"}
    texts = [p.read_text(errors="ignore") for p in sorted((data / "text").rglob("*"))
             if p.suffix in (".txt", ".tsv", ".jsonl", ".csv")]
    print("\n".join(lines(*words([*texts, *(r["text"] for r in rows if r["split"] == "train")]), reserved)))


if __name__ == "__main__":
    main()
