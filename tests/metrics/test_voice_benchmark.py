"""The voice benchmark: who speaks what, what it measures, and that a failed line counts."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

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


bench, make_lists, likeness, windows = load("voice"), load("make_lists"), load("likeness"), load("windows")
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


def test_words_that_are_misheard_in_the_recording_too_are_not_the_voices():
    def row(name, wrong):
        return {"id": name, "detail": {"wer": {"substitutions": wrong, "deletions": 0, "insertions": 1, "words": 10}}}

    lines = [row("a", 3), row("b", 0), row("c", 2), {"id": "d", "detail": {}}]
    found = bench.beyond_recordings(lines, [row("a", 1), row("b", 4), row("d", 0)])
    assert found == {"value": pytest.approx(0.1), "lines": 2}  # two of 20 words: b gains nothing back, c has none
    assert bench.beyond_recordings(lines, [])["value"] is None


def test_bars_that_are_met():
    met = {name: {"value": value} for name, value in (("wer", 0.1), ("secs", 0.75), ("nearest", 0.9), ("length", 1.0))}
    assert bench.missed_bars(met) == []
    assert len(bench.missed_bars({**met, "length": {"value": 0.97}})) == 1


def test_silent_clips_last_as_long_as_the_line_needs(tmp_path):
    seconds = windows.clip_seconds("Twenty letters in the line, yes")
    assert seconds == pytest.approx(0.4 + 0.075 * 25, abs=0.02)
    info = probe(windows.silent_clip(tmp_path, seconds))
    assert float(info.duration) == pytest.approx(seconds, abs=1e-6) and not info.has_audio


@given(count=st.integers(1, 200), slowest=st.floats(0.5, 1.0), ratio=st.floats(1.0, 2.0))
def test_paces_lie_between_the_two_and_cover_what_is_between_them(count, slowest, ratio):
    found = windows.paces(count, slowest, slowest * ratio)
    assert len(found) == count
    assert all(slowest * (1 - 1e-9) <= pace <= slowest * ratio * (1 + 1e-9) for pace in found)
    gaps = np.diff([0.0, *sorted(np.log(np.array(found) / slowest)), np.log(ratio)])
    assert gaps.max() <= 2.1 * np.log(ratio) / (count + 1) + 1e-9  # the golden ratio's sequence leaves no larger hole


@given(natural=st.floats(0.3, 12), pace=st.floats(0.5, 2))
def test_a_paced_window_is_as_long_as_the_pace_asks_and_lies_in_its_clip(natural, pace):
    place = windows.paced(natural, pace)
    start, end = place.window
    assert natural / (end - start) == pytest.approx(pace) and 0 < start < end < place.seconds
    assert place.seconds * windows.FPS == pytest.approx(round(place.seconds * windows.FPS))


def test_a_paced_line_is_dubbed_at_that_pace_and_its_clip_is_what_is_measured(data, tmp_path, monkeypatch):
    asked = []

    def dub_clip(request):
        asked.append(request)
        length = 2.0 if request.window is None else request.window[1] - request.window[0]
        return {"speech": {"natural_seconds": 2.0, "stretch": length / 2.0}}

    monkeypatch.setattr("dubctl.dubbing.session.dub_clip", dub_clip)
    case = bench.load_cases(CHOSEN, CHOSEN, data, data, full=False)[0]
    speak = bench.whole_dub(tmp_path / "clips", None, "lite", 2, {case.id: 0.8})
    items = bench.run_cases([case], speak, tmp_path / "speech", ".wav", tmp_path / "clips")
    assert [request.window for request in asked] == [None, (0.5, 3.0)]
    assert items[0].clip == asked[1].clip and float(probe(items[0].clip).duration) == pytest.approx(3.52)
    assert bench.pace_of(items) == pytest.approx({"least": 0.8, "median": 0.8, "most": 0.8})


def test_prompts_are_cut_to_their_first_seconds(data, tmp_path):
    cut = windows.first_seconds(data / "low_prompt.wav", 1.5, tmp_path / "cut")
    whole = windows.first_seconds(data / "low_line.wav", 1.5, tmp_path / "cut")
    sound, _ = soundfile.read(data / "low_prompt.wav")
    assert np.abs(soundfile.read(cut)[0] - sound[:int(1.5 * RATE)]).max() < 1e-4
    assert soundfile.info(whole).frames == soundfile.info(data / "low_line.wav").frames


def test_a_prompt_that_cannot_be_read_is_one_line_and_leaves_nothing(data, tmp_path):
    (data / "low_prompt.wav").write_bytes(b"no sound")
    with pytest.raises(InputError, match="cannot read the prompt .*low_prompt.wav"):
        windows.first_seconds(data / "low_prompt.wav", 1.5, tmp_path / "cut")
    assert not (tmp_path / "cut").exists()


def test_the_time_that_learning_the_natural_length_takes_is_not_counted(data, tmp_path):
    case = bench.load_cases(CHOSEN, CHOSEN, data, data, full=False)[0]
    items = bench.run_cases([case], lambda *_: {"seconds": 2.0, "wall": 0.25}, tmp_path, ".wav", None)
    assert items[0].report["wall"] == 0.25


@pytest.mark.parametrize("more", [["--pace", "0.8", "1.25"], ["--mode", "dub", "--pace", "2", "1"],
                                  ["--mode", "dub", "--pace", "0.8", "inf"], ["--prompt-seconds", "0.5"],
                                  ["--prompt-seconds", "nan"]])
def test_a_pace_or_prompt_that_cannot_be_is_refused(data, tmp_path, capsys, more):
    (data / "list.json").write_text(json.dumps(CHOSEN))
    code = bench.main([str(data / "list.json"), "--data", str(data), "-o", str(tmp_path / "out"), *more])
    assert code == 2 and "error: --p" in capsys.readouterr().err


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
