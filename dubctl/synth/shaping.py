"""Carrying out a `Direction`: on predicted durations, pitch and energy of one line, and on its mel.

L tokens, T mel frames. A direction that asks for nothing leaves every number as it was.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import torch

from dubctl.media.mel import F_MAX, FRAMES_PER_SECOND, N_FFT, N_MELS, RATE, mel_basis
from dubctl.synth.decoder import Prosody, energy_of
from dubctl.synth.direction import Direction
from dubctl.synth.symbols import INDEX, PUNCTUATION, SPACE, Tokens, is_sound

LN_PER_DB = np.log(10) / 20
LN_PER_SEMITONE = np.log(2) / 12
ENERGY_SCALE = 1.5  # of `energy_of`
# A voice moved by n semitones is asked for as one whose mean pitch lies REGISTER[0] x n higher, and REGISTER[1] x n are
# added to its melody: the network follows either by half to two thirds, and the melody alone by 3 semitones at most.
REGISTER = (1.2, 0.35)
EFFORT_DB = 3.0  # at most asked of the energy head: more makes another voice (GE2E), hardly more feeling
MARKS = frozenset(INDEX[p] for p in PUNCTUATION)
SPEECH_DB = 30.0  # frames this far below the loudest count as pause
TAIL = 3.0  # frames of silence after the line's last sound at most, where lips are seen: they close with it
BREATH = 13.0  # where none are seen: 0.15 s, before a cut
PIVOT = 1000.0  # Hz, where a tilt changes nothing
COLOUR_HZ = 200 * 2 ** (np.arange(-2, 16) / 3)  # of `Direction.colour_db`


def pauses_of(tokens: Tokens, last: bool) -> np.ndarray:
    """(L,) True at punctuation; the line's own end does not count where this chunk is the `last`."""
    marks = np.array([p in MARKS for p in tokens.phones])
    if last:
        marks[silent_end(tokens):] = False
    return marks


def shape_durations(frames: np.ndarray, tokens: Tokens, direction: Direction, last: bool = True,
                    seen: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Natural frames (L,) under the direction, and (L,) True where the length must stay: pauses that were asked for,
    and the silence after the line, which is kept short so that the last sound ends where the lips do, if they are
    `seen`: a reader's full stop may last half a second."""
    marks = pauses_of(tokens, last)
    shaped = np.maximum(frames / direction.rate, 1.0)
    tail = np.zeros(len(frames), bool)
    if last:
        tail[silent_end(tokens):] = True
        shaped[tail] = _at_most(shaped[tail], TAIL if seen else BREATH)
    if direction.pause is None:
        return shaped, tail
    if direction.pause.seconds is not None:
        wanted = np.full(len(frames), direction.pause.seconds * FRAMES_PER_SECOND)
    else:
        wanted = shaped * (direction.pause.factor or 0.0)
    return np.where(marks, np.maximum(wanted, 1.0), shaped), marks | tail


def _at_most(frames: np.ndarray, total: float) -> np.ndarray:
    """Lengths (N,) of at least a frame each, shortened alike until they sum to `total`, if that is more than N."""
    over = frames - 1
    return 1 + over * min(1.0, max(0.0, total - len(frames)) / max(float(over.sum()), 1e-9))


def silent_end(tokens: Tokens) -> int:
    """The place behind the last sound: a mark, if there is one, and the line's edge."""
    return max((i for i, p in enumerate(tokens.phones) if is_sound(p)), default=-1) + 1


def asked_register(direction: Direction) -> float:
    """What is added to the mean ln F0 that is asked for."""
    return float(REGISTER[0] * direction.register_st * LN_PER_SEMITONE)


def heard_register(direction: Direction) -> float:
    """What is added to the mean ln F0 that is heard, beside the melody's share."""
    return float((1 - REGISTER[1]) * direction.register_st * LN_PER_SEMITONE)


def shape_prosody(prosody: Prosody, tokens: Tokens, direction: Direction) -> Prosody:
    """Pitch and energy (1, L) under the direction; the melody turns about its mean over the sounds."""
    lift = direction.pitch_st + REGISTER[1] * direction.register_st
    if (lift, direction.range_ratio, direction.energy_db, direction.contour_st) == (0.0, 1.0, 0.0, ()):
        return prosody
    sounds = torch.tensor([p not in MARKS and p != INDEX[SPACE] for p in tokens.phones], device=prosody.pitch.device)
    sounds[0] = sounds[-1] = False
    middle = prosody.pitch[:, sounds].mean(1, keepdim=True)
    plain = prosody.pitch - middle
    melody = plain * direction.range_ratio
    if direction.contour_st:
        bent = melody + _along(prosody.log_duration, sounds, direction.contour_st) * LN_PER_SEMITONE
        melody = bent * _widening(bent[:, sounds], plain[:, sounds], direction.range_ratio)
    pitch = middle + melody + lift * LN_PER_SEMITONE
    effort = float(np.clip(direction.energy_db, -EFFORT_DB, EFFORT_DB)) * LN_PER_DB / ENERGY_SCALE
    return dataclasses.replace(prosody, pitch=torch.where(sounds, pitch, prosody.pitch),
                               energy=torch.where(sounds, prosody.energy + effort, prosody.energy))


def _widening(bent: torch.Tensor, plain: torch.Tensor, ratio: float) -> float:
    """What brings a bent melody (1, S) to `ratio` times the movement of the plain one, where it falls short: a contour
    may undo the voice's own fall. A melody that was to become wider and is wider still (or narrower) stays."""
    if bent.shape[1] < 2:
        return 1.0
    lack = ratio * float(plain.std()) / max(float(bent.std()), 1e-4)
    return max(1.0, min(lack, 3.0)) if ratio >= 1 else min(1.0, lack)


def _along(log_duration: torch.Tensor, sounds: torch.Tensor, curve: tuple[float, ...]) -> torch.Tensor:
    """A curve at the middle of each token (1, L), its mean over the sounds taken away; log_duration (1, L) is
    ln(1 + frames), and the curve goes from the first to the last of the `sounds` (L,)."""
    frames = np.maximum(np.expm1(log_duration[0].float().cpu().numpy()), 0.0)
    middle = np.cumsum(frames) - frames / 2
    heard = np.flatnonzero(sounds.cpu().numpy())
    if not len(heard):
        return torch.zeros_like(log_duration)
    first, last = middle[heard[0]], max(middle[heard[-1]], middle[heard[0]] + 1)
    drawn = np.interp((middle - first) / (last - first), (np.arange(len(curve)) + 0.5) / len(curve), curve)
    return torch.from_numpy(drawn - drawn[heard].mean())[None].to(log_duration)


def shape_mel(mel: torch.Tensor, plain: torch.Tensor, direction: Direction) -> torch.Tensor:
    """Mel (T, 80) tilted and coloured, and brought to the level of `plain` (T, 80; the same line undirected).

    The level is that of the frames that speak. Decibels are added to the sound (`Performance.gain_db`), not here: a
    vocoder only knows mels of about the level it was trained on.
    """
    if direction.tilt_db_per_octave:
        mel = mel + direction.tilt_db_per_octave * LN_PER_DB * octaves().to(mel)
    if direction.colour_db:
        mel = mel + (third_octaves(direction.colour_db) * LN_PER_DB).to(mel)
    return mel + (speech_level(plain) - speech_level(mel))


def speech_level(mel: torch.Tensor) -> float:
    """Natural log of the RMS level of the frames of a mel (T, 80) that speak."""
    level = energy_of(mel) * ENERGY_SCALE  # ln of the frame's norm, less a constant
    speaks = speaking(level)
    return float(torch.logsumexp(2 * level[speaks], 0) / 2 - 0.5 * np.log(int(speaks.sum())))


def speaking(level: torch.Tensor) -> torch.Tensor:
    """Which frames (T,) of a line speak, by their level, natural log (T,)."""
    return level > level.max() - SPEECH_DB * LN_PER_DB


def third_octaves(gains: Sequence[float] | np.ndarray) -> torch.Tensor:
    """Gains at `COLOUR_HZ` (18,) as those of each mel band (80,), float64."""
    return torch.from_numpy(np.interp(octaves().numpy(), np.log2(COLOUR_HZ / PIVOT), gains))


@functools.lru_cache(maxsize=1)
def octaves() -> torch.Tensor:
    """(80,) octaves of each mel band's centre above 1 kHz."""
    basis = mel_basis("cpu")
    hertz = torch.linspace(0, RATE / 2, N_FFT // 2 + 1)
    centre = (basis @ hertz) / basis.sum(1).clamp(min=1e-9)
    assert len(centre) == N_MELS
    return torch.log2(centre.clamp(min=100.0, max=F_MAX) / PIVOT)
