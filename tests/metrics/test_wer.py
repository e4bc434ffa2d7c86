"""WER: the right way round, over the corpus, nothing dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from dubctl.metrics.base import EvalItem
from dubctl.metrics.wer import ReleasedWordErrorRate, WordErrorRate, count_errors, looped, released_wer

NINE = "the old man sat by the river all day"


def test_truncated_speech_has_deletions_over_the_script_not_over_what_was_heard():
    score = count_errors("a", NINE, "the old man sat")
    assert score.value == pytest.approx(5 / 9)
    assert score.detail["deletions"] == 5 and score.detail["insertions"] == 0
    assert released_wer([score])["value"] == pytest.approx(5 / 4)  # arguments swapped, as the scripts have them


def test_hallucinated_words_are_insertions():
    score = count_errors("a", NINE, NINE + " and seven more words that nobody said")
    assert score.value == pytest.approx(7 / 9)
    assert released_wer([score])["value"] == pytest.approx(7 / 16)


def test_no_transcript_is_all_deletions_and_the_released_mean_drops_it():
    silent, fine = count_errors("a", NINE, ""), count_errors("b", "hello there", "hello there")
    assert silent.value == 1.0
    assert released_wer([silent, fine]) == {"value": 0.0, "n": 1}


def test_corpus_weighs_lines_by_words():
    items = [EvalItem("a", text="yes"), EvalItem("b", text=NINE)]
    scores = [count_errors("a", "yes", "no"), count_errors("b", NINE, NINE)]
    result = WordErrorRate(asr=object).aggregate(items, scores)
    assert result.value == pytest.approx(1 / 10)
    assert result.detail["words"] == 10 and result.detail["substitutions"] == 1
    assert result.higher_is_better is False


def test_a_script_of_fillers_still_counts_what_was_heard():
    assert count_errors("a", "Hmm.", "").value == 0
    assert count_errors("a", "Hmm.", "what is this").value == 3


def test_a_failed_item_is_counted_and_named():
    score = WordErrorRate(asr=object).worst(EvalItem("a", text=NINE), "no such file")
    assert score.value == 1.0 and score.failed == "no such file"


def test_a_recogniser_in_a_loop_is_named_and_its_words_count():
    items = [EvalItem("fine", text=NINE), EvalItem("loop", text="bin blue")]
    scores = [count_errors("fine", NINE, NINE), count_errors("loop", "bin blue", "bin blue, " + "I'm going to. " * 40)]
    result = WordErrorRate(asr=object).aggregate(items, scores)
    assert result.detail["looped"] == ["loop"] and "1 of 2 transcripts" in result.warnings[0]
    assert result.detail["insertions"] >= 120


def test_a_script_that_repeats_itself_is_no_loop():
    script = "no, " * 60
    result = WordErrorRate(asr=object).aggregate([EvalItem("a", text=script)], [count_errors("a", script, script)])
    assert result.value == 0 and not result.warnings and not result.detail["looped"]


def test_the_released_variant_tells_a_loop_from_a_script_that_repeats_itself_too():
    script = "no, " * 60
    for heard, named in ((script, []), ("I'm going to. " * 80, ["a"])):
        item = EvalItem("a", text=script, dub=Path("a.wav"))
        metric = ReleasedWordErrorRate(asr=object, heard={item.dub: heard})
        metric.asr = object()
        assert looped([metric.score(item)]) == named
