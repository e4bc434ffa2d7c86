"""The evaluator: rows checked first, failures scored as the worst, results in every form."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from dubctl.errors import InputError, QualityGateError, UsageError
from dubctl.metrics.base import METRICS, EvalItem, MeanMetric, Score, metric_class, parse_metrics
from dubctl.metrics.gate import check_gates, parse_gate
from dubctl.metrics.run import evaluate
from dubctl.metrics.wer import WordErrorRate
from tests.metrics.conftest import TableAsr


class Untouchable(MeanMetric):
    """Fails the test if a model is loaded."""

    name, needs = "untouchable", ("dub", "text", "prompt")

    def prepare(self) -> None:
        raise AssertionError("loaded before the rows were checked")


@pytest.fixture
def dubs(wav_file):
    """Two good dubs and a missing one."""
    return [EvalItem("a", wav_file("a.wav", seconds=1.0), "hello there", speaker="x"),
            EvalItem("b", wav_file("b.wav", seconds=2.0), "good morning to you", speaker="y"),
            EvalItem("c", wav_file("a.wav").parent / "gone.wav", "never spoken", speaker="y")]


ASR = TableAsr({16000: "Hello there!", 32000: "good morning"})


def test_a_missing_dub_counts_as_all_deletions(dubs):
    report = evaluate(dubs, [WordErrorRate(asr=ASR)], jobs=2)
    result = report.results["wer"]
    assert result.value == pytest.approx((0 + 2 + 2) / (2 + 4 + 2))
    assert (result.n, result.failures, report.failures) == (3, 1, 1)
    assert "gone.wav" in report.rows()[2]["failed"]["wer"] and "1 of 3 dubs" in report.warnings[0]
    assert result.detail["released"]["n"] == 2


def test_unavailable_metrics_say_so_and_the_rest_goes_on(dubs, monkeypatch):
    monkeypatch.delenv("DUBCTL_SYNCNET", raising=False)
    dubs = [replace(item, clip=dubs[0].dub) for item in dubs]
    report = evaluate(dubs, ["lse-c", WordErrorRate(asr=ASR)])
    found = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert found["metrics"]["lse-c"]["value"] is None
    assert "needs a SyncNet checkpoint" in found["metrics"]["lse-c"]["reason"]
    assert found["metrics"]["wer"]["value"] > 0 and found["items"][0]["lse-c"] is None


def test_the_released_wer_is_swapped_and_leaves_failures_out(dubs):
    """hyp = 2 of the 4 words of ref: 0.5 the right way round, 2 / 2 swapped; the missing dub is left out."""
    report = evaluate(dubs, ["wer", "wer:released"], asr=ASR)
    released = report.results["wer:released"]
    assert released.value == pytest.approx((0 + 2 / 2) / 2)
    assert (released.n, released.failures, released.detail["left_out"]) == (2, 1, 1)


def test_each_dub_is_transcribed_once(dubs):
    class Counting(TableAsr):
        calls = 0

        def transcribe(self, wav):
            self.calls += 1
            return super().transcribe(wav)

    asr = Counting(ASR.heard)
    evaluate(dubs, ["wer", "wer:released"], asr=asr)
    assert asr.calls == 2


def test_csv_has_a_line_per_item(dubs, tmp_path):
    report = evaluate(dubs, [WordErrorRate(asr=ASR), "wer:released"], asr=ASR)
    report.write(tmp_path / "scores.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "scores.csv").read_text())))
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert float(rows[1]["wer"]) == 0.5 and rows[2]["wer:released"] == "" and "gone.wav" in rows[2]["failed"]
    report.write(tmp_path / "scores.json")
    assert json.loads((tmp_path / "scores.json").read_text())["n"] == 3


@pytest.mark.parametrize("item, words", [
    (EvalItem("a", text="hi"), "names no dub"),
    (EvalItem("a", failed="x"), "no text"),
    (EvalItem("a", failed="x", text="hi"), "no prompt"),
])
def test_rows_are_checked_before_anything_loads(item, words):
    with pytest.raises(InputError, match=words):
        evaluate([item], [Untouchable()])


def test_a_prompt_that_does_not_exist_is_an_error_not_a_score(dubs, tmp_path):
    with pytest.raises(InputError, match="prompt does not exist"):
        evaluate([EvalItem("a", dubs[0].dub, "hi", prompt=tmp_path / "no.wav")], [Untouchable()])


def test_no_dub_at_all_is_a_wrong_path(tmp_path):
    with pytest.raises(InputError, match="none of the 1 dubs exists"):
        evaluate([EvalItem("a", tmp_path / "a.wav", "hi")], [WordErrorRate(asr=ASR)])


def test_unreadable_sound_scores_the_worst(dubs, tmp_path):
    junk = tmp_path / "junk.wav"
    junk.write_bytes(b"no sound")
    report = evaluate([dubs[0], EvalItem("j", junk, "two words")], [WordErrorRate(asr=ASR)])
    assert report.scores["wer"][1].value == 1.0 and report.failures == 1


def test_progress_counts_every_score(dubs):
    seen = []
    evaluate(dubs, [WordErrorRate(asr=ASR)], progress=lambda done, total, note="": seen.append((done, total, note)))
    assert seen == [(1, 3, "a"), (2, 3, "b"), (3, 3, "c")]


def test_every_registered_metric_exists_and_names_itself():
    for name in METRICS:
        assert metric_class(name)().name == name


def test_unknown_metrics_name_the_nearest():
    with pytest.raises(UsageError) as caught:
        parse_metrics("wer,sec")
    assert "secs" in caught.value.hint
    assert parse_metrics(" wer, secs,wer") == ["wer", "secs"]
    with pytest.raises(UsageError):
        parse_metrics(" , ")


def test_gates(dubs, monkeypatch):
    monkeypatch.delenv("DUBCTL_SYNCNET", raising=False)
    results = evaluate([replace(item, clip=dubs[0].dub) for item in dubs], [WordErrorRate(asr=ASR), "lse-c"]).results
    names = ["wer", "lse-c", "wer:released"]
    assert parse_gate("wer:released>0.2", names).metric == "wer:released"
    check_gates([parse_gate("wer>0.6", names), parse_gate("wer >= 60%", names), parse_gate("wer<0.1", names)], results)
    with pytest.raises(QualityGateError, match="wer is 0.5") as caught:
        check_gates([parse_gate("wer>15%", names)], results)
    assert caught.value.exit_code == 6
    with pytest.raises(QualityGateError, match="no value"):
        check_gates([parse_gate("lse-c<0.5", names)], results)


@pytest.mark.parametrize("text", ["wer", "wer=0.5", "wer>x", "wer>1.2.3", "secs<0.5"])
def test_gates_that_cannot_be_read(text):
    with pytest.raises(UsageError):
        parse_gate(text, ["wer"])


def test_an_item_without_value_weighs_nothing():
    items = [EvalItem("a"), EvalItem("b")]
    result = MeanMetric().aggregate(items, [Score("a", None), Score("b", 0.5)])
    assert result.value == 0.5
