"""A trained voice: text, a prompt, and what the scene gives (window, lips, emotion) -> speech."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dubctl.errors import InputError
from dubctl.graph.build import EmotionBatch
from dubctl.media.level import amplify
from dubctl.media.mel import HOP, RATE
from dubctl.synth.burst import clear_bursts
from dubctl.synth.chunks import chunk_tokens, ends_inside
from dubctl.synth.direction import PLAIN, Direction
from dubctl.synth.durations import SLOWEST, Fit, fit
from dubctl.synth.hush import hush_pauses
from dubctl.synth.inputs import Lips, inputs_of
from dubctl.synth.model import Synthesizer, Understanding
from dubctl.synth.mouth import LEAD, follow, swell_db
from dubctl.synth.onset import clear_onsets
from dubctl.synth.prompt import Prompt, read_prompt
from dubctl.synth.refiner import Refiner, draft_of, load_refiner
from dubctl.synth.rehearsal import Spoken, lean, likeness
from dubctl.synth.shaping import (
    LN_PER_DB,
    asked_register,
    heard_register,
    shape_durations,
    shape_mel,
    shape_prosody,
)
from dubctl.synth.symbols import Tokens
from dubctl.synth.takes import TAKES, Heard, Take, best_take
from dubctl.synth.vocoder import DEFAULT, ShippedVocoder, Vocoder
from dubctl.synth.voice_files import UNSCHOOLED, Schooling, load_checkpoint, load_folder, voice_folder


@dataclass
class Performance:
    """What was spoken. durations (L,) frames per token over all chunks; `natural` the length it would take unforced;
    gain_db: to be added to the vocoder's sound (`dubctl.media.level.amplify`)."""

    mel: np.ndarray
    phones: str
    durations: list[int]
    natural_seconds: float
    seconds: float
    stretch: float
    hurried: bool
    pitch_hz: float
    notes: list[str] = field(default_factory=list)
    gain_db: float = 0.0


@dataclass(frozen=True)
class Piece:
    """A part of the script as it will be spoken: what was understood of it, how its durations fit, its part of the
    lips, and the frames that a pause which was asked for lacks."""

    tokens: Tokens
    understood: Understanding
    fit: Fit
    lips: Lips | None
    pause_missing: float


class Voice:
    """The synthesizer with its weights and a vocoder, ready to speak.

    Args:
        model: weights loaded, in eval mode.  vocoder: mel -> samples.  refiner: of the decoder's mels, None for none.
    """

    def __init__(self, model: Synthesizer, vocoder: Vocoder, device: str = "cpu", schooling: Schooling = UNSCHOOLED,
                 refiner: Refiner | None = None) -> None:
        self.model, self.vocoder, self.device = model.eval().to(device), vocoder, device
        self.schooling, self.refiner = schooling, None if refiner is None else refiner.to(device)

    @property
    def emotional(self) -> bool:
        return self.schooling.emotional

    @classmethod
    def load(cls, path: Path | str | None = None, device: str = "cpu", vocoder: str = DEFAULT) -> Voice:
        """The shipped voice, a voice folder (config.json + model.safetensors), or a run's checkpoint.safetensors, which
        speaks through the refiner of the run's voice; with a shipped vocoder.

        Raises:
            DependencyError: the shipped weights are missing.  InputError: `path` is not a voice.
        """
        place = Path(path) if path else None
        a_run = place is not None and place.is_file()
        model, schooling = load_checkpoint(place) if a_run else load_folder(place)
        return cls(model, ShippedVocoder(vocoder), device, schooling, load_refiner(voice_folder(place)))

    def speak(self, text: str, prompt_wav: np.ndarray, prompt_rate: int, seconds: float | None = None, *,
              lips: Lips | None = None, emotion: EmotionBatch | None = None,
              direction: Direction = PLAIN, takes: int = TAKES) -> tuple[np.ndarray, Performance]:
        """Speech (S,) float32 at 22,050 Hz and what was done; exactly `seconds` long where given, else natural; the
        best of so many `takes` (`dubctl.synth.takes`).

        Raises:
            InputError: nothing to speak, or a prompt that is too short or silent.
        """
        prompt = read_prompt(prompt_wav, prompt_rate)
        room = None if seconds is None else round(seconds * RATE)
        take, _ = self.best_take(text, prompt, None if room is None else room // HOP, takes, lips=lips,
                                 emotion=emotion, direction=direction)
        wav = take.wav
        if room is not None:
            wav = np.pad(wav, (0, max(0, room - len(wav))))[:room]
        return wav.astype(np.float32), take.performance

    def best_take(self, text: str, prompt: Prompt, room: int | None, takes: int = TAKES, *, lips: Lips | None = None,
                  emotion: EmotionBatch | None = None, direction: Direction = PLAIN,
                  part: Callable[[str], AbstractContextManager[Any]] = nullcontext) -> tuple[Take, Heard]:
        """`dubctl.synth.takes.best_take` of the line as `perform` speaks it; rehearsed where it is to be acted.

        Args:
            part: is entered with "synthesis" and with "vocoder" while those are at work.
        """
        def say(asked: Prompt, **acting: Any) -> tuple[Performance, np.ndarray]:
            with part("synthesis"):
                done = self.perform(text, asked, room, lips=lips, **acting)
            with part("vocoder"):
                return done, self.sound(done)
        plain = emotion is None and direction == PLAIN
        rehearse = partial(say, direction=Direction(acted=direction.acted))  # refined as little as the take will be

        def silently(told: Prompt) -> tuple[Prompt, Heard]:
            with part("synthesis"):
                return self.rehearse(text, told, room, lips=lips, acted=direction.acted)
        return best_take(partial(say, emotion=emotion, direction=direction), prompt, takes, None if plain else rehearse,
                         silently)

    @torch.inference_mode(False)
    @torch.enable_grad()
    def rehearse(self, text: str, prompt: Prompt, room: int | None, *, lips: Lips | None = None,
                 acted: float = 0.0) -> tuple[Prompt, Heard]:
        """The prompt with how its voice is to lean, and how like what was heard is to it (`dubctl.synth.rehearsal`);
        the stronger a feeling is `acted`, the less is leant, at an actor's normal strength not at all."""
        if acted >= 1:
            return prompt, []
        with torch.no_grad():
            pieces = self._lay(text, prompt, room, lips, None, PLAIN)[0]
        piece = max(pieces, key=lambda piece: piece.fit.frames)  # where most of the voice is heard
        spoken = Spoken(self.model, self.refiner, piece.understood, piece.tokens, piece.fit.durations,
                        Direction(acted=acted).refined)
        condition = spoken.understood.condition[0].cpu().numpy()
        leant, heard = lean(likeness(spoken, prompt), condition, 1 - acted)
        return replace(prompt, lean=leant - condition), heard

    @torch.inference_mode()
    def perform(self, text: str, prompt: Prompt, room: int | None, *, lips: Lips | None = None,
                emotion: EmotionBatch | None = None, direction: Direction = PLAIN) -> Performance:
        """The line as mel, spoken within `room` frames (None: at its natural pace), as directed."""
        pitch = prompt.log_f0 + heard_register(direction)
        prompt = replace(prompt, raised=asked_register(direction))
        pieces, natural = self._lay(text, prompt, room, lips, emotion, direction)
        said = [self._perform_piece(piece, prompt, direction) for piece in pieces]
        spoken = sum(piece.fit.frames for piece in pieces)
        hurried = any(piece.fit.hurried for piece in pieces)
        stretch = spoken / natural
        notes = [f"the script is spoken {stretch:.2f}x its natural length to fit"] if hurried else []
        if direction.pause is not None and max(piece.pause_missing for piece in pieces) > 2:
            notes.append("the pauses asked for were shortened to fit the window")
        if room is not None and room > spoken:
            notes.append(f"the window is longer than the line at {SLOWEST}x its natural length: the rest is silence")
        return Performance(np.concatenate([mel for mel, _ in said]), " ".join(p.tokens.text() for p in pieces),
                           [int(d) for piece in pieces for d in piece.fit.durations], natural * HOP / RATE,
                           spoken * HOP / RATE, stretch, hurried,
                           float(np.exp(pitch + np.mean([mean for _, mean in said]))), notes, direction.energy_db)

    def _lay(self, text: str, prompt: Prompt, room: int | None, lips: Lips | None, emotion: EmotionBatch | None,
             direction: Direction) -> tuple[list[Piece], float]:
        """The pieces of the script within `room` frames, its sounds where the mouth is, and the frames that they take
        unforced."""
        chunks = chunk_tokens(text)
        lone = [self._understand(c, prompt, lips if len(chunks) == 1 else None, emotion) for c in chunks]
        last = len(chunks) - 1
        lengths = np.array([shape_durations(natural_frames(u), c, direction, i == last, lips is not None)[0].sum()
                            for i, (u, c) in enumerate(zip(lone, chunks, strict=True))])
        total = int(lengths.sum()) if room is None else room
        minimum = sum(len(c) for c in chunks)
        if total < minimum:
            raise InputError(f"the script is too long for its clip: {minimum} sounds in {total * HOP / RATE:.2f} s "
                             "of speech", "shorten the script or use a longer clip")
        shares = np.concatenate([[0], np.cumsum(lengths) / lengths.sum()])
        pieces = []
        for i, tokens in enumerate(chunks):
            u, mine = lone[i], lips
            if lips is not None and len(chunks) > 1:
                mine = lips.part(shares[i], shares[i + 1])
                u = self._understand(tokens, prompt, mine, emotion)
            frames = round(total * shares[i + 1]) - round(total * shares[i])
            pieces.append(self._fit(tokens, u, frames, mine, direction, i == last))
        return pieces, float(lengths.sum())

    def _fit(self, tokens: Tokens, u: Understanding, room: int, lips: Lips | None, direction: Direction,
             last: bool) -> Piece:
        """A piece within `room` frames."""
        frames, held = shape_durations(natural_frames(u), tokens, direction, last, lips is not None)
        found = fit(frames, ends_inside(tokens), max(len(tokens), room), held)
        if lips is not None:
            found = replace(found, durations=follow(found.durations, tokens.phones, lips.open_at(found.frames, LEAD),
                                                    held))
        return Piece(tokens, u, found, lips, float((frames - found.durations)[held].max(initial=0.0)))

    def _perform_piece(self, piece: Piece, prompt: Prompt, direction: Direction) -> tuple[np.ndarray, float]:
        """Mel (T, 80), as loud as the mouth is open, and its mean predicted pitch (ln of Hz about the prompt's)."""
        phones, durations = piece.tokens.phones, piece.fit.durations
        mel, pitch = self._say(piece.tokens, piece.understood, prompt, piece.fit, direction)
        mel = hush_pauses(clear_bursts(mel, phones, durations), phones, durations)
        if piece.lips is not None:
            mel = mel + (swell_db(piece.lips.open_at(len(mel))) * LN_PER_DB)[:, None].astype(np.float32)
        return mel, pitch

    def sound(self, done: Performance) -> np.ndarray:
        """What was performed as sound (S,), as loud as was asked for."""
        return amplify(self.vocoder(done.mel), done.gain_db)

    @torch.inference_mode()
    def finds(self, emotion: EmotionBatch) -> np.ndarray | None:
        """What the graphs take a line (a batch of one) for: probabilities (7,) in the order of `EMOTIONS`; None of a
        voice whose training had no labels of at least two classes."""
        known = list(self.schooling.feelings)
        if not self.emotional or len(known) < 2:
            return None
        graphs = self.model.graphs
        logits = graphs.classifier(graphs(emotion.to(self.device)).pooled())[0].float().cpu()
        shares = torch.zeros_like(logits)
        shares[known] = logits[known].softmax(-1)
        return shares.numpy()

    @torch.inference_mode()
    def natural(self, text: str, prompt: Prompt, emotion: EmotionBatch | None = None, direction: Direction = PLAIN,
                seen: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Phone ids (L,) of the line and the frames (L,) each takes unforced, as directed, whatever the lips do; the
        silence behind it as where they are `seen`, or not."""
        chunks = chunk_tokens(text)
        frames = [shape_durations(natural_frames(self._understand(c, prompt, None, emotion)), c, direction,
                                  i == len(chunks) - 1, seen)[0] for i, c in enumerate(chunks)]
        return np.concatenate([c.phones for c in chunks]), np.concatenate(frames)

    def natural_seconds(self, text: str, prompt: Prompt, emotion: EmotionBatch | None = None,
                        direction: Direction = PLAIN) -> float:
        """How long the line takes unforced, as directed, without looking at any lips."""
        return float(self.natural(text, prompt, emotion, direction)[1].sum() * HOP / RATE)

    def _understand(self, tokens: Tokens, prompt: Prompt, lips: Lips | None,
                    emotion: EmotionBatch | None) -> Understanding:
        felt = emotion if self.emotional else None
        x = inputs_of(tokens, prompt, lips, felt, self.model.config, self.device)
        u = self.model.understand(x)
        u = replace(u, prosody=clear_onsets(u.prosody, tokens))
        condition = u.condition
        if prompt.asked is not None or prompt.raised:
            asked = torch.from_numpy(prompt.sought)[None].to(self.device)
            condition = self.model.sounding(replace(x, log_f0=x.log_f0 + prompt.raised), asked)
        if prompt.lean is not None:
            condition = condition + torch.from_numpy(prompt.lean).to(condition)
        return replace(u, condition=condition)

    def _say(self, tokens: Tokens, u: Understanding, prompt: Prompt, found: Fit,
             direction: Direction) -> tuple[np.ndarray, float]:
        """Mel (T, 80) of one chunk and the mean of its predicted pitch."""
        mask = torch.ones(1, len(tokens), dtype=torch.bool, device=self.device)
        durations = torch.from_numpy(found.durations)[None].to(self.device)
        prosody = shape_prosody(u.prosody, tokens, direction)
        mel = self.model.speak(u, mask, durations, prosody.pitch, prosody.energy)[0]
        if direction.energy_db or direction.tilt_db_per_octave or direction.colour_db:
            plain = self.model.speak(u, mask, durations, u.prosody.pitch, u.prosody.energy)[0]
            mel = shape_mel(mel, plain, direction)
        part = direction.refined
        if self.refiner is not None and part > 0:  # after shaping, which levels against a mel that is not refined
            mel = self.refiner.refine(draft_of(mel.float(), tokens.phones, found.durations, prompt.sought), part)[0]
        return mel.cpu().numpy(), float(prosody.pitch.mean())


def natural_frames(u: Understanding) -> np.ndarray:
    """Predicted frames per token (L,) of a batch of one."""
    return np.maximum(np.expm1(u.prosody.log_duration[0].float().cpu().numpy()), 1.0)
