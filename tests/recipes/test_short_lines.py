"""Lines of words alone: none that is held out, the misheard ones first, the same every time."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "models" / "recipes"))

import short_lines


def test_common_words_are_told_apart_by_their_syllables():
    short, longer = short_lines.words(["Stay home, stay over there! Nobody, nobody came home over"] * 6)
    assert short[: len(short_lines.MISHEARD)] == short_lines.MISHEARD
    assert {"stay", "home", "there", "came"} <= set(short) and {"over", "nobody"} == set(longer)


def test_no_line_is_held_out_and_the_misheard_come_first():
    words = ["bed", "good", *(a + b + c for a in "bdfg" for b in "ai" for c in "nmst")]
    found = short_lines.lines(words, ["over", "nobody"], {"bed", "bed bed"})
    said = [short_lines.plain(t) for t in found]
    assert len(set(found)) == len(found) > len(words)
    assert not {"bed", "bed bed"} & set(said) and not [t for t in said if t.startswith("good good")]
    hard = [bool(set(t.split()) & set(short_lines.MISHEARD)) for t in said]
    assert hard[0] and sum(hard[: 3 * sum(hard)]) == sum(hard)
    assert found == short_lines.lines(words, ["over", "nobody"], {"bed", "bed bed"})
