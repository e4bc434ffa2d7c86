"""The director's handles, heard: what the shipped voice does when it is asked, and that not asking changes nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from dubctl.dubbing.acted import Feeling, direction_of
from dubctl.emotion.audio import measure_named
from dubctl.emotion.base import EMOTIONS
from dubctl.errors import UsageError
from dubctl.synth.chunks import chunk_tokens
from dubctl.synth.direction import PLAIN, Direction, Pause, directed, parse_pause
from dubctl.synth.durations import fit
from dubctl.synth.inputs import Lips
from dubctl.synth.pitch import f0_track
from dubctl.synth.prompt import read_prompt
from dubctl.synth.shaping import BREATH, COLOUR_HZ, TAIL, shape_durations, shape_mel, silent_end
from dubctl.synth.symbols import is_sound
from dubctl.synth.voice import Voice

WAV, RATE = sf.read(Path(__file__).parents[2] / "examples" / "voice.wav", dtype="float32")
LINE = "Stay close, and do not look."
LINES = (LINE, "I thought you would be here by now.", "Where did you put the keys?",
         "We have to leave before it gets dark.", "He said he would call me tomorrow morning.")


@pytest.fixture(scope="module")
def said():
    voice, kept = Voice.load(), {}

    def say(direction=PLAIN, line=LINE):
        if (direction, line) not in kept:
            wav, done = voice.speak(line, WAV, RATE, direction=direction, takes=1)
            kept[direction, line] = (measure_named(wav, 22_050), done, float(np.abs(wav).max()))
        return kept[direction, line]
    return say


def test_pitch_rises_with_the_semitones_asked_for(said):
    heard = [said(Direction(pitch_st=st))[0]["pitch_p50_st"] for st in (-3.0, 0.0, 3.0)]
    assert heard[0] + 1 < heard[1] < heard[2] - 1


def test_the_more_is_acted_the_less_is_refined() -> None:
    parts = [Direction(acted=acted).refined for acted in (0.0, 0.25, 0.5, 1.0, 2.0)]
    assert parts == [1.0, 0.5625, 0.25, 0.0, 0.0]


@pytest.mark.parametrize(("asked", "off"), [(-4.0, 1.5), (4.0, 1.5), (8.0, 2.5)])
def test_the_voice_is_heard_as_many_semitones_higher_as_asked(said, asked, off):
    (plain, before, _), (moved, after, _) = said(), said(Direction(register_st=asked))
    assert moved["pitch_p50_st"] - plain["pitch_p50_st"] == pytest.approx(asked, abs=off)
    assert 12 * np.log2(after.pitch_hz / before.pitch_hz) == pytest.approx(asked, abs=off)
    assert directed(pitch=asked) == Direction(register_st=asked)


def test_a_moved_voice_takes_as_long_as_it_says():
    voice, prompt, higher = Voice.load(), read_prompt(WAV, RATE), Direction(register_st=6.0)
    done = voice.perform(LINE, prompt, None, direction=higher)
    assert voice.natural_seconds(LINE, prompt, direction=higher) == pytest.approx(done.natural_seconds)


def test_the_melody_widens_with_its_range(said):
    heard = [said(Direction(range_ratio=r))[0]["pitch_std_st"] for r in (0.4, 1.0, 2.0)]
    assert heard[0] < heard[1] < heard[2]


def test_rate_changes_the_length_and_nothing_but(said):
    plain, fast, slow = (said(Direction(rate=r))[1].seconds for r in (1.0, 1.25, 0.8))
    assert fast == pytest.approx(plain / 1.25, rel=0.03) and slow == pytest.approx(plain / 0.8, rel=0.03)


def test_energy_adds_decibels_without_clipping(said):
    plain, soft, loud = (said(Direction(energy_db=db)) for db in (0.0, -9.0, 9.0))
    assert soft[0]["level_mean_db"] == pytest.approx(plain[0]["level_mean_db"] - 9, abs=1.5)
    assert plain[0]["level_mean_db"] + 3 < loud[0]["level_mean_db"] and loud[2] <= 0.8901


def test_a_tilt_brightens_and_keeps_the_level(said):
    plain, bright = said(), said(Direction(tilt_db_per_octave=1.5))
    assert bright[0]["alpha_ratio_db_mean"] < plain[0]["alpha_ratio_db_mean"] - 1.5
    assert bright[1].mel.shape == plain[1].mel.shape


def test_pauses_take_the_seconds_or_the_factor_asked_for(said):
    plain, long = said()[1], said(Direction(pause=Pause(seconds=0.5)))[1]
    more = np.array(long.durations) - np.array(plain.durations)
    at = int(more.argmax())
    assert long.durations[at] == pytest.approx(0.5 * 86.13, abs=1) and np.abs(np.delete(more, at)).max() <= 1
    twice = said(Direction(pause=Pause(factor=2.0)))[1]
    assert twice.durations[at] == pytest.approx(2 * plain.durations[at], abs=2)


@pytest.mark.parametrize("text", ["Run.", "Run", "Run!!! …", "Stay close, and do not look."])
def test_the_silence_after_the_last_sound_is_short_and_that_inside_a_line_stays(text):
    tokens = chunk_tokens(text)[-1]
    after, frames = silent_end(tokens), np.full(len(tokens), 30.0)
    assert is_sound(tokens.phones[after - 1]) and not any(is_sound(p) for p in tokens.phones[after:])
    shaped, held = shape_durations(frames, tokens, PLAIN, seen=True)
    assert shaped[after:].sum() == pytest.approx(TAIL)
    assert held.tolist() == [i >= after for i in range(len(tokens))]
    assert shape_durations(frames, tokens, PLAIN)[0][after:].sum() == pytest.approx(BREATH)
    assert np.array_equal(shaped[:after], frames[:after])
    assert np.array_equal(shape_durations(frames, tokens, PLAIN, last=False)[0], frames)
    short = np.full(len(tokens), 1.0)
    assert np.array_equal(shape_durations(short, tokens, PLAIN)[0], short)


@pytest.mark.parametrize("text", ["Stay close, and do not look.", "Stay close, and do not look"])
def test_a_line_whose_mouth_is_seen_ends_with_its_window_marked_or_not(text):
    voice, prompt = Voice.load(), read_prompt(WAV, RATE)
    room = round(0.9 * voice.natural(text, prompt, seen=True)[1].sum())
    swinging = np.random.default_rng(2).normal(size=(room * 25 // 86, voice.model.config.lip_features))
    done = voice.perform(text, prompt, room, lips=Lips(swinging.astype(np.float32), np.ones(len(swinging), bool)))
    tokens = chunk_tokens(text)[-1]
    assert sum(done.durations) == room and sum(done.durations[silent_end(tokens):]) <= TAIL


def test_a_held_pause_stays_where_the_window_is_tight_and_yields_where_nothing_else_would_fit():
    natural, held = np.array([10.0, 10, 40, 10, 10]), np.array([False, False, True, False, False])
    none = np.zeros(5, bool)
    tight = fit(natural, none, 75, held)
    assert tight.durations[2] == 40 and tight.frames == 75
    assert fit(natural, none, 30, held).durations.sum() == 30
    assert fit(natural, none, 5, held).durations.tolist() == [1] * 5


def test_a_contour_bends_the_melody_and_keeps_its_level(said):
    """Twelve points that rise by 6 semitones, and that fall by 6: the halves of the line lie about 6 farther apart."""
    def halves(direction):
        wav, _ = Voice.load().speak(LINE, WAV, RATE, direction=direction, takes=1)
        f0 = f0_track(wav, len(wav) // 256)
        semitones = 12 * np.log2(f0[f0 > 0])
        return [float(part.mean()) for part in np.array_split(semitones, 2)]
    plain = halves(PLAIN)
    rising, falling = (halves(Direction(contour_st=tuple(np.linspace(-end, end, 12)))) for end in (3, -3))
    assert (rising[1] - rising[0]) - (falling[1] - falling[0]) > 3.0
    assert rising[1] - rising[0] > plain[1] - plain[0] > falling[1] - falling[0]
    assert np.mean(rising) == pytest.approx(np.mean(plain), abs=1.0)


def test_a_colour_raises_its_third_octaves_and_nothing_without():
    mel = torch.zeros(40, 80)
    gains = tuple(6.0 if hz > 1500 else 0.0 for hz in COLOUR_HZ)
    bright = shape_mel(mel, mel, Direction(colour_db=gains))
    assert float(bright[:, -10:].mean() - bright[:, :10].mean()) == pytest.approx(6 * np.log(10) / 20, abs=0.02)
    assert torch.equal(shape_mel(mel, mel, PLAIN), mel)


def test_curves_add_up_and_one_alone_stays():
    a, b = Direction(contour_st=(1.0, 2.0)), Direction(contour_st=(0.5, -2.0), colour_db=(3.0,))
    assert a.joined(b).contour_st == (1.5, 0.0) and a.joined(b).colour_db == b.joined(a).colour_db == (3.0,)
    assert a.joined(PLAIN) == a and json.dumps(a.as_dict())


@pytest.mark.parametrize("name", ["sadness", "surprise"])
def test_a_feeling_grows_with_its_strength_in_what_is_heard(said, name):
    steps = [[said(direction_of(Feeling(name, s)), line) for line in LINES] for s in (0.0, 1.0, 2.0)]
    # of a single line the range is what its accents happen to be
    spread = [np.mean([heard["pitch_std_st"] for heard, _, _ in lines]) for lines in steps]
    rate = [sum(done.seconds for _, done, _ in lines) for lines in steps]
    wanted = direction_of(Feeling(name))
    assert np.sign(rate[1] - rate[0]) == np.sign(1 - wanted.rate) and abs(rate[2] - rate[0]) >= abs(rate[1] - rate[0])
    assert (spread[2] > spread[0]) == (wanted.range_ratio > 1)


@pytest.mark.parametrize("name", EMOTIONS)
def test_the_acted_table_moves_one_way_as_strength_grows(name):
    steps = [direction_of(Feeling(name, s)) for s in np.linspace(0, 2, 9)]
    assert steps[0] == PLAIN
    for measure in ("rate", "pitch_st", "range_ratio", "energy_db", "tilt_db_per_octave"):
        moves = np.diff([getattr(step, measure) for step in steps])
        assert (moves >= -1e-9).all() or (moves <= 1e-9).all()
    assert (steps[-1] == PLAIN) == (name == "neutral")


def test_no_direction_asks_for_nothing_and_energy_leaves_the_timing(said):
    assert directed() == PLAIN
    plain, scaled = said()[1], said(Direction(energy_db=-9.0))[1]
    assert plain.durations == scaled.durations and plain.gain_db == 0 and scaled.gain_db == -9


@pytest.mark.parametrize(("text", "pause"), [("0.4", Pause(seconds=0.4)), ("1s", Pause(seconds=1.0)),
                                             ("1.5x", Pause(factor=1.5)), (".5", Pause(seconds=0.5))])
def test_pauses_are_read(text, pause):
    assert parse_pause(text) == pause


@pytest.mark.parametrize("given", [{"pause": "long"}, {"pause": "9"}, {"rate": 0.1}, {"pitch": 40.0}, {"energy": 99.0},
                                   {"rate": float("nan")}])
def test_what_cannot_be_done_is_refused(given):
    with pytest.raises(UsageError):
        directed(**given)


def test_pauses_that_do_not_fit_the_window_are_shortened_and_said():
    voice = Voice.load()
    done = voice.perform(LINE, read_prompt(WAV, RATE), 110, direction=Direction(pause=Pause(seconds=1.0)))
    assert sum(done.durations) == 110 and any("pauses" in note for note in done.notes)
