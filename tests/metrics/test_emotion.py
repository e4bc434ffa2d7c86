"""Emotion accuracy and its null answers; two systems on the same clips; the table and the page."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from dubctl.emotion.base import EMOTIONS
from dubctl.errors import InputError
from dubctl.metrics.base import EvalItem
from dubctl.metrics.classification import confusion_matrix, null_answers, summary, unweighted_recall
from dubctl.metrics.compare import compare, with_comparison
from dubctl.metrics.emo_acc import EmotionAccuracy, EmotionBesidePrompt
from dubctl.metrics.html import page, write_html
from dubctl.metrics.run import evaluate
from dubctl.metrics.stats import bootstrap_tables
from dubctl.metrics.table import drawn, lines
from tests.metrics.conftest import RATE


class ByLength:
    """Hears anger in a second of sound, joy in anything else."""

    name = "by length"

    def probabilities(self, wav: np.ndarray) -> np.ndarray:
        out = np.full(7, 0.05, np.float32)
        out[EMOTIONS.index("anger" if len(wav) == RATE else "joy")] = 0.7
        return out


@pytest.fixture
def acted(wav_file):
    """Four dubs (two right, one wrong, one missing) and one whose label is none of the seven; references all right."""
    one, two = wav_file("one.wav", seconds=1.0), wav_file("two.wav", seconds=2.0)
    return [EvalItem("a", one, "hi", emotion="angry", reference=one, speaker="x"),
            EvalItem("b", two, "hi", emotion="happy", reference=two, speaker="x"),
            EvalItem("c", two, "hi", emotion="angry", reference=one, speaker="y"),
            EvalItem("d", failed="no voice", emotion="angry", reference=one, speaker="y"),
            EvalItem("e", one, "hi", emotion="others", speaker="y")]


def test_accuracy_stands_beside_truth_majority_and_chance(acted):
    result = evaluate(acted, [EmotionAccuracy(ByLength())]).results["emo-acc"]
    assert result.value == pytest.approx(2 / 4) and result.failures == 1
    found = result.detail
    assert found["uar"] == pytest.approx((1 / 3 + 1) / 2) and found["unlabelled"] == 1 and found["n"] == 4
    assert found["majority"] == {"class": "anger", "accuracy": 0.75, "uar": 0.5}
    assert found["chance"]["uar"] == 0.5 and found["ground_truth"]["accuracy"] == 1.0
    assert found["confusion"][0][-1] == 1, "the failed dub is an answer not given"


def test_beside_the_prompt_every_clip_is_heard_with_its_own(acted, wav_file):
    class Beside(ByLength):
        """Hears anger in what is longer than its plain speech, joy in anything else."""

        def probabilities(self, wav: np.ndarray, plain: np.ndarray) -> np.ndarray:
            return super().probabilities(np.zeros(RATE if len(wav) > len(plain) else 0))

    prompts = [wav_file(f"prompt{i}.wav", seconds=s) for i, s in enumerate((0.5, 2.5, 1.5, 1.5, 1.5))]
    items = [replace(item, prompt=prompt) for item, prompt in zip(acted, prompts, strict=True)]
    found = evaluate(items, [EmotionBesidePrompt(Beside())]).results["emo-acc:prompt"]
    assert found.value == pytest.approx(3 / 4) and found.detail["ground_truth"]["accuracy"] == 0.5
    with pytest.raises(InputError, match="prompt"):
        evaluate(acted, [EmotionBesidePrompt(Beside())])


def test_figures_of_a_confusion_by_hand():
    table = confusion_matrix([0, 0, 0, 1], [0, 1, None, 1], 3)
    found = summary(table)
    assert found["accuracy"] == 0.5 and found["recalls"] == [pytest.approx(1 / 3), 1.0, None]
    assert found["uar"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx((2 / 4 + 2 / 3) / 2)
    assert null_answers(np.zeros((3, 4), int)) == {} and summary(np.zeros((3, 4), int))["uar"] is None


def test_the_interval_of_a_recall_holds_it_and_draws_speakers():
    rng = np.random.default_rng(0)
    tables = np.stack([confusion_matrix([i % 2], [int(rng.random() < 0.8) ^ (1 - i % 2)], 2) for i in range(60)])
    whole = unweighted_recall(tables.sum(0))
    low, high = bootstrap_tables(tables, unweighted_recall)
    assert low < whole < high
    assert bootstrap_tables(tables[:1], unweighted_recall) is None
    same = bootstrap_tables(tables, unweighted_recall, ["a"] * 60)
    assert same == (low, high), "one speaker: clips are drawn"


def test_two_systems_are_compared_on_the_clips_they_share(acted):
    ours = evaluate(acted, [EmotionAccuracy(ByLength())])
    other = [replace(acted[0], dub=acted[1].dub), *acted[1:3], replace(acted[3], id="z")]
    theirs = evaluate(other, [EmotionAccuracy(ByLength())])
    found = compare(ours, theirs)
    assert (found["pairs"], found["only_ours"], found["only_theirs"]) == (3, 2, 1)
    test = found["metrics"]["emo-acc"]
    assert test["difference"] == pytest.approx(1 / 3) and test["n"] == 3
    assert test["mcnemar"] == {"only_ours": 1, "only_theirs": 0, "p": 1.0}
    assert test["uar"]["difference"] == pytest.approx(0.75 - 0.5) and test["better"] == "undecided"
    with pytest.raises(InputError, match="share no clip"):
        compare(ours, evaluate([replace(acted[0], id="q")], [EmotionAccuracy(ByLength())]))


def test_lower_is_better_is_minded(acted):
    from dubctl.metrics.mcd import mcd_dtw

    items = [replace(item, id=str(i)) for i, item in enumerate(acted[:2] * 3)]
    good = evaluate(items, [mcd_dtw()])
    bad = evaluate([replace(item, dub=acted[1 - i % 2].dub, reference=item.reference) for i, item in enumerate(items)],
                   [mcd_dtw()])
    for report in (good, bad):  # the voices are alike but for their length: make the difference certain
        report.scores["mcd-dtw"][:] = [replace(s, value=i * 0.1 + (report is bad)) for i, s in
                                       enumerate(report.scores["mcd-dtw"])]
    assert compare(good, bad)["metrics"]["mcd-dtw"]["better"] == "ours"


def test_table_and_lines_show_what_a_figure_must_be_read_beside(acted):
    report = evaluate(acted, [EmotionAccuracy(ByLength())])
    text = "\n".join(lines(report))
    for word in ("emo-acc\t0.5000\t", "unweighted recall", "recordings: accuracy", "always 'anger'", "chance"):
        assert word in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", drawn(with_comparison(report, report)))
    assert "95 % interval" in plain and "paired on 5 clips" in plain and "McNemar" in plain


def test_the_page_is_one_file_with_sound_pictures_and_references(acted, tmp_path):
    rows = [{"modality": "scene", "rank": 1, "id": "lib7", "score": 0.91, "captions": {"scene": "a <dark> room"}}]
    acted[0] = replace(acted[0], report={"references": rows}, text="Fish & <chips>")
    report = evaluate(acted, [EmotionAccuracy(ByLength())])
    write_html(with_comparison(report, report), tmp_path / "page.html", acted)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text == page(with_comparison(report, report), acted)
    assert text.count("<audio") == 4 * 2 + 4 + 0 and text.count("data:image/png;base64,") == text.count("<audio")
    assert "Fish &amp; &lt;chips&gt;" in text and "a &lt;dark&gt; room" in text and "lib7" in text
    assert "no voice" in text and "<script" not in text and "http" not in text


def test_a_finding_is_read_from_the_dubs_report(wav_file):
    dub = wav_file("dub.wav")
    found = {"found": {"shares": {"anger": 0.6, "joy": 0.4}}}
    items = [EvalItem("right", dub, emotion="angry", report=found),
             EvalItem("wrong", dub, emotion="happy", report=found),
             EvalItem("others", dub, emotion="others", report=found),
             EvalItem("no graphs", dub, emotion="happy", report={"found": {"shares": {}}}),
             EvalItem("failed", failed="no voice", emotion="happy")]
    result = evaluate(items, ["finding"]).results["finding"]
    assert result.value == pytest.approx(1 / 3) and result.failures == 1
    assert result.detail["nothing_found"] == 2 and result.detail["chance"]["accuracy"] == 0.5
