"""The voice benchmark: who speaks what, what it measures, and that a failed line counts."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubctl.errors import InputError
from dubctl.media.clip import probe
from dubctl.metrics.base import EvalItem
from dubctl.metrics.wer import WordErrorRate
from tests.metrics.conftest import RATE, TableAsr, voice

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    import sys
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


bench, make_lists, likeness = load("voice"), load("make_lists"), load("likeness")
VOICES = {"low": (110, 500), "high": (260, 1100)}


@pytest.fixture
def data(tmp_path) -> Path:
    """Recordings of two voices: a prompt and a line each."""
    rows = []
    for speaker, (f0, formant) in VOICES.items():
        for kind, seconds in (("prompt", 3.0), ("line", 1.0)):
            path = tmp_path / f"{speaker}_{kind}.wav"
            soundfile.write(path, voice(f0, seconds, formant), RATE)
            rows.append({"id": f"{speaker}_{kind}", "speaker": speaker, "audio": path.name, "text": "words to say"})
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


CHOSEN = {"voices": [{"speaker": s, "prompt": f"{s}_prompt"} for s in VOICES],
          "lines": [{"id": f"{s}_line", "speaker": s, "text": f"hello {s}"} for s in VOICES]}


def test_each_line_goes_to_its_own_voice_or_to_all(data):
    own = bench.load_cases(CHOSEN, CHOSEN, data, data, full=False)
    assert [(c.speaker, c.text, c.own) for c in own] == [("low", "hello low", True), ("high", "hello high", True)]
    everyone = bench.load_cases(CHOSEN, CHOSEN, data, data, full=True)
    assert len(everyone) == 4 and len({c.id for c in everyone}) == 4
    items, names = bench.truth_items(everyone, ["wer", "secs"])
    assert len(items) == 2 and names == ["wer", "secs"]  # only a voice's own recordings are its ground truth


def test_lines_of_another_list_are_dealt_in_turn(data):
    lines = {"lines": [{"id": str(i), "speaker": "stranger", "text": "hi"} for i in range(4)]}
    cases = bench.load_cases(CHOSEN, lines, data, data, full=False)
    assert [c.speaker for c in cases] == ["low", "high", "low", "high"] and not bench.truth_items(cases, ["wer"])[0]


def test_lines_that_none_of_the_voices_spoke_have_recordings_in_other_voices_for_their_words_alone(data):
    lines = {"lines": [{"id": "high_line", "speaker": "stranger", "text": "hi"}]}
    items, names = bench.truth_items(bench.load_cases(CHOSEN, lines, data, data, full=True), ["wer", "secs"])
    assert [item.dub.name for item in items] == ["high_line.wav"] and names == ["wer"]


def test_a_recording_that_is_not_there_is_named(data):
    chosen = {**CHOSEN, "voices": [{"speaker": "low", "prompt": "other"}]}
    with pytest.raises(InputError, match="no recording 'other'"):
        bench.load_cases(chosen, CHOSEN, data, data, full=False)


def test_a_run_counts_the_line_that_failed_and_misses_its_bars(data, tmp_path):
    def speak(case, out):
        if case.speaker == "high":
            raise InputError("cannot say that")
        f0, formant = VOICES[case.speaker]
        out.parent.mkdir(exist_ok=True)
        soundfile.write(out, voice(f0, 2.0, formant), RATE)
        return {"seconds": 2.0}

    cases = bench.load_cases(CHOSEN, CHOSEN, data, data, full=False)
    items = bench.run_cases(cases, speak, tmp_path / "speech", ".wav", None)
    report = bench.evaluate(items, [WordErrorRate(asr=TableAsr({32000: "hello low"})), "secs"])
    found = bench.figures(report)
    assert found["wer"]["value"] == 0.5 and found["failures"] == 1
    assert found["nearest"]["value"] is not None and found["worst_voice"] == ("high", 0.0)
    missed = bench.missed_bars(found)
    assert len(missed) == 3 and missed[0].startswith("wer is 0.500")
    shown = bench.table(found, None)
    assert "| corpus WER | 50.0 %" in shown and "2 (1)" in shown and "0.000 (high)" in shown


def test_bars_that_are_met():
    met = {name: {"value": value} for name, value in (("wer", 0.1), ("secs", 0.75), ("nearest", 0.9), ("length", 1.0))}
    assert bench.missed_bars(met) == []
    assert len(bench.missed_bars({**met, "length": {"value": 0.97}})) == 1


def test_silent_clips_last_as_long_as_the_line_needs(tmp_path):
    seconds = bench.clip_seconds("Twenty letters in the line, yes")
    assert seconds == pytest.approx(0.4 + 0.075 * 25, abs=0.02)
    info = probe(bench.silent_clip(tmp_path, seconds))
    assert float(info.duration) == pytest.approx(seconds, abs=1e-6) and not info.has_audio


def test_missing_data_is_one_line_and_its_exit_code(tmp_path, capsys):
    code = bench.main([str(BENCHMARKS / "lists" / "real.json"), "--data", str(tmp_path), "-o", str(tmp_path / "out")])
    assert code == 3 and "no such file" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["synthetic", "real"])
def test_the_shipped_lists_are_six_voices_and_thirty_different_lines(name):
    chosen = json.loads((BENCHMARKS / "lists" / f"{name}.json").read_text())
    speakers = [v["speaker"] for v in chosen["voices"]]
    assert len(set(speakers)) == 6 and len({line["text"] for line in chosen["lines"]}) == 30
    assert all(sum(line["speaker"] == s for line in chosen["lines"]) == 5 for s in speakers)
    prompts = {v["prompt"] for v in chosen["voices"]}
    assert not prompts & {line["id"] for line in chosen["lines"]}
    assert all(3 <= v["seconds"] <= 6.5 for v in chosen["voices"])


def test_lists_are_chosen_by_rule():
    rng = np.random.default_rng(0)
    rows = [{"id": f"{s}{i}", "speaker": s, "seconds": float(rng.uniform(2, 6)), "text": f"four words number {w} {s}"}
            for s in "ab" for i, w in enumerate("one two three four five six seven eight".split())]
    rows += [{"id": f"{s}{t}", "speaker": s, "seconds": 9.0, "text": t} for s in "ab"
             for t in ("no-no I will not", "there are 12 of them", "uh what was that now", "short")]
    first = make_lists.choose(rows, ["a", "b"])
    assert first == make_lists.choose(rows, ["a", "b"])
    assert len(first["lines"]) == 10 and all("number" in line["text"] for line in first["lines"])
    assert first["voices"][0]["seconds"] == max(r["seconds"] for r in rows[:8] if r["seconds"] < 6.5)


def test_a_quick_look_takes_voices_in_turn(data):
    lines = {"lines": [{"id": f"{s}{i}", "speaker": s, "text": "hi"} for s in VOICES for i in range(3)]}
    cases = bench.in_turn(bench.load_cases(CHOSEN, lines, data, data, full=False))
    assert [c.speaker for c in cases] == ["low", "high"] * 3 and len({c.id for c in cases}) == 6


def item(path: Path, speaker: str) -> EvalItem:
    return EvalItem(path.stem, dub=path, text="words", speaker=speaker)


def test_a_voice_that_stays_the_same_is_told_from_one_that_does_not(data, tmp_path):
    found = likeness.Likeness(data)
    for name, tones in {"steady": (110, 110, 110), "moved": (110, 116.54, 123.47)}.items():  # by semitones
        dubs = [tmp_path / f"{name}{i}.wav" for i in range(3)]
        for path, f0 in zip(dubs, tones, strict=True):
            soundfile.write(path, voice(f0, 2.0), RATE)
        got = found.line_to_line([item(path, "low") for path in dubs])
        assert got["recordings"]["value"] > 0.7  # the folder's own two of that speaker
        assert got["dubs"]["worst"] == ("low", got["dubs"]["value"])
        if name == "steady":
            assert got["dubs"]["value"] > 0.999 and got["dubs"]["semitones"] < 0.05
        else:
            assert got["dubs"]["value"] < 0.999 and got["dubs"]["semitones"] == pytest.approx(1.0, abs=0.1)


def test_what_was_not_spoken_says_nothing_of_how_steady_a_voice_is(data, tmp_path):
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(RATE), RATE)
    got = likeness.Likeness(data).line_to_line([item(silent, "low"), item(tmp_path / "none.wav", "low")])
    assert got["dubs"] == {"value": None, "ci95": None, "semitones": None, "worst": None}
    assert "| one line of a voice to the next, cosine | – |" in bench.table(
        {"n": 2, "failures": 2, "line_to_line": got}, None)
