"""Training items and batches. Which items, which prompt, which voice vector: a function of (seed, step) alone, so that
a resumed run sees exactly what an uninterrupted one would have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from dubctl.media.mel import FRAMES_PER_SECOND
from dubctl.speaker import moved
from dubctl.synth.pitch import mean_log_f0
from dubctl.synth.symbols import Tokens
from dubctl.training.features import Features
from dubctl.training.lips import Lips
from dubctl.training.padding import pad

PROMPT_FRAMES = 260  # three seconds
BRIEF = 90  # frames, a second: GE2E tells little from less
SHUFFLE_FRAMES = 24  # a prompt cut from the target itself is shuffled in pieces of this length: no content leaks


@dataclass
class Item:
    """One training clip. `row` is its line in the library (-1 without one); `emotion` its label's index or -1.

    acted: the delivery departs from how its speaker usually speaks, so its own pitch level and d-vector do not say
    what the voice is; those come from another, plain clip of the speaker. usual_log_f0: the speaker's usual mean
    log-F0, 0 = this clip's own. noisy: (mel, d-vector) of the same clip as a poor microphone would have it: a prompt.
    played: the clip is played faster or slower than it was spoken: sounds to learn from, but no pace to predict.
    durations: mel frames of each token, where a trained voice has aligned the clip already; None = search.
    """

    id: str
    speaker: str
    tokens: Tokens
    features: Features
    lips: np.ndarray | None = None
    row: int = -1
    emotion: int = -1
    acted: bool = False
    usual_log_f0: float = 0.0
    noisy: tuple[np.ndarray, np.ndarray] | None = None
    played: bool = False
    durations: np.ndarray | None = None
    log_f0: float = field(init=False)
    log_pitch: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        f0 = self.features.f0.astype(np.float32)
        self.log_f0 = self.usual_log_f0 or mean_log_f0(f0) or 5.1
        self.log_pitch = log_pitch_of(f0, self.log_f0)

    @property
    def frames(self) -> int:
        return len(self.features.mel)

    @property
    def usual(self) -> bool:
        """Its d-vector and level say what the voice is: plain, and not a word alone."""
        return not self.acted and self.frames >= BRIEF

    def fits(self, longest: float) -> bool:
        """At least one mel frame per token, not longer than `longest` seconds, not absurdly slow."""
        return len(self.tokens) <= self.frames <= longest * FRAMES_PER_SECOND and self.frames / len(self.tokens) < 30


@dataclass
class Batch:
    """Tensors of B items; see `synth.model.Inputs` for the shared fields. mel (B, T, 80), log_pitch (B, T), asked
    (B, 256): the d-vector of the voice itself where `dvector` is that of a poor recording of it; campplus (B, 192): its
    vector by CAM++, where all have one. rows, labels (B,): `Item.row` and `Item.emotion`. paced (B,): there is a pace
    to learn. durations (B, L): where every item has them. tracks: recorded lips of the items that have some; drawn:
    lips of all, where they are made already (`lips.py`)."""

    rows: np.ndarray
    labels: torch.Tensor
    paced: torch.Tensor
    phones: torch.Tensor
    stress: torch.Tensor
    tokens: torch.Tensor
    mel: torch.Tensor
    frames: torch.Tensor
    log_pitch: torch.Tensor
    dvector: torch.Tensor
    asked: torch.Tensor
    log_f0: torch.Tensor
    own_log_f0: torch.Tensor
    swapped: torch.Tensor
    voices: list[str]
    prompt: torch.Tensor
    prompt_mask: torch.Tensor
    durations: torch.Tensor | None
    tracks: list[np.ndarray | None]
    use_lips: np.ndarray
    seed: int
    drawn: Lips | None = None
    campplus: torch.Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """On `device`; itself on the CPU, where it was made."""
        if device.type == "cpu":
            return self
        moved = {n: v.to(device) for n, v in vars(self).items() if isinstance(v, torch.Tensor)}
        return replace(self, **moved, drawn=self.drawn.to(device) if self.drawn is not None else None)


class Sampler:
    """Batches of similar length, dealt out by (seed, epoch).

    Args:
        per_speaker: at most this many clips of one speaker in an epoch (0 = all), so that a single reader with
            hundreds of clips does not drown the many voices with few; which ones changes from epoch to epoch.
    """

    def __init__(self, items: Sequence[Item], batch: int, seed: int, per_speaker: int = 0) -> None:
        self.items, self.batch, self.seed = list(items), batch, seed
        self.by_speaker: dict[str, list[int]] = defaultdict(list)
        for i, item in enumerate(self.items):
            self.by_speaker[item.speaker].append(i)
        self.plain = {name: [i for i in mine if self.items[i].usual] or mine
                      for name, mine in self.by_speaker.items()}
        self.names = list(self.by_speaker)
        self.repeated = [name for name, mine in self.plain.items() if len(mine) > 1]
        self.most = per_speaker or len(self.items)
        self.per_epoch = max(1, sum(min(len(v), self.most) for v in self.by_speaker.values()) // batch)
        self._epoch, self._order = -1, np.zeros((0, 0), np.int64)

    def indices(self, step: int) -> np.ndarray:
        """Item indices of batch number `step` (from 0)."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._deal(epoch)
        return self._order[place]

    def _deal(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, epoch, 1])
        pool = np.concatenate([rng.permutation(v)[: self.most] for v in self.by_speaker.values()])
        size = min(self.batch, len(pool))
        length = np.array([self.items[i].frames for i in pool]) * rng.uniform(0.93, 1.07, len(pool))
        order = pool[np.argsort(length)]
        spare = len(order) - self.per_epoch * size
        skip = int(rng.integers(0, spare + 1))  # who is left out changes by epoch
        batches = np.delete(order, np.s_[skip: skip + spare]).reshape(-1, size)
        return batches[rng.permutation(len(batches))]

    def partner(self, index: int, rng: np.random.Generator) -> int | None:
        """Another plain clip of the same speaker, or None."""
        others = [i for i in self.plain[self.items[index].speaker] if i != index]
        return int(others[rng.integers(len(others))]) if others else None

    def _stranger(self, speaker: str, rng: np.random.Generator) -> Item:
        """A plain clip of another speaker; every speaker is as likely, however many clips there are."""
        names = [self.names[i] for i in rng.choice(len(self.names), 2, replace=False)]
        clips = self.plain[names[0] if names[0] != speaker else names[1]]
        return self.items[clips[rng.integers(len(clips))]]

    def make(self, step: int, own_dvector: float, lip_share: float, swap: float = 0.0, noise: float = 0.0,
             jitter: float = 0.0) -> Batch:
        """The batch of `step`; a share `swap` of its items asks for the voice of another speaker, a share `noise` of
        those that can is asked by a poor recording of the voice, and with `jitter` by d-vectors beside its own."""
        rng = np.random.default_rng([self.seed, step, 2])
        chosen = self.indices(step)
        items = [self.items[i] for i in chosen]
        voices, prompts, heard = [], [], []
        for index, item in zip(chosen, items, strict=True):
            voice, prompt = self._asked(int(index), item, own_dvector, swap, rng)
            if noise and voice.noisy is not None and rng.random() < noise:
                mel, dvector = voice.noisy
                prompt = crop_of(mel.astype(np.float32), rng, voice is item)
                heard.append(dvector)
            else:
                heard.append(voice.features.dvector)
            voices.append(voice)
            prompts.append(prompt)
        if jitter and self.repeated:
            heard = [self._beside(dvector, jitter * rng.random(), rng) for dvector in heard]
        return collate(items, voices, prompts, rng.random(len(items)) < lip_share, int(rng.integers(2**31)), heard)

    def _beside(self, dvector: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
        """A d-vector (256,) away from this one in the direction, and so much of the way, in which two clips of some
        speaker differ: no two recordings of a person have one d-vector, but most voices have one recording here."""
        mine = self.plain[self.repeated[rng.integers(len(self.repeated))]]
        one, other = (self.items[i].features.dvector for i in rng.choice(mine, 2, replace=False))
        return moved(dvector, share * (one - other))

    def _asked(self, index: int, item: Item, own_dvector: float, swap: float,
               rng: np.random.Generator) -> tuple[Item, np.ndarray]:
        """Whose voice an item is to be spoken in, and a prompt of that voice."""
        if rng.random() < swap and len(self.names) > 1:
            stranger = self._stranger(item.speaker, rng)
            return stranger, prompt_of(stranger, rng, False)
        partner = self.partner(index, rng)
        other = self.items[partner] if partner is not None else None
        own = other is None or (rng.random() < own_dvector and item.usual)
        voice = item if own or other is None else other
        prompt = (prompt_of(other, rng, False) if other is not None and (not item.usual or rng.random() < 0.7)
                  else prompt_of(item, rng, True))
        # no prompt mel for some: the d-vector alone must carry the voice
        return voice, prompt[:0] if rng.random() < 0.08 else prompt


def log_pitch_of(f0: np.ndarray, unvoiced: float) -> np.ndarray:
    """ln F0 (T,) float32 of every frame of f0 (T,) in Hz, between neighbours where it is 0; else `unvoiced`."""
    voiced = np.flatnonzero(f0 > 0)
    return (np.interp(np.arange(len(f0)), voiced, np.log(f0[voiced])) if len(voiced)
            else np.full(len(f0), unvoiced)).astype(np.float32)


def prompt_of(item: Item, rng: np.random.Generator, shuffle: bool) -> np.ndarray:
    """A crop (<= 260 frames) of an item's mel; shuffled in pieces when it is the target's own."""
    return crop_of(item.features.mel.astype(np.float32), rng, shuffle)


def crop_of(mel: np.ndarray, rng: np.random.Generator, shuffle: bool) -> np.ndarray:
    """A crop (<= 260 frames) of a mel (T, 80), shuffled in pieces first if asked."""
    if shuffle:
        starts = np.arange(0, len(mel), SHUFFLE_FRAMES)
        mel = np.concatenate([mel[s: s + SHUFFLE_FRAMES] for s in rng.permutation(starts)])
    want = int(rng.integers(90, PROMPT_FRAMES + 1))
    start = int(rng.integers(0, max(1, len(mel) - want + 1)))
    return mel[start: start + want]


def collate(items: list[Item], voices: list[Item], prompts: list[np.ndarray], use_lips: np.ndarray,
            seed: int, heard: Sequence[np.ndarray] | None = None) -> Batch:
    """Pad items into a batch; `voices` gives each item's mean log-F0 and the d-vector that the speaker loss asks for,
    `heard` the d-vector the network is told (the same where None)."""
    swapped = [v.speaker != i.speaker for i, v in zip(items, voices, strict=True)]
    t = max(i.frames for i in items)
    n = max(len(i.tokens) for i in items)
    prompt = pad([torch.from_numpy(p) for p in prompts], max(8, max(len(p) for p in prompts)))
    heard_by_both = all(len(v.features.campplus) for v in voices)
    known = [torch.from_numpy(i.durations.astype(np.int64)) for i in items if i.durations is not None]
    return Batch(
        np.array([i.row for i in items]), torch.tensor([i.emotion for i in items]),
        torch.tensor([not i.played for i in items]), pad([torch.tensor(i.tokens.phones) for i in items], n),
        pad([torch.tensor(i.tokens.stress) for i in items], n), torch.tensor([len(i.tokens) for i in items]),
        pad([torch.from_numpy(i.features.mel.astype(np.float32)) for i in items], t),
        torch.tensor([i.frames for i in items]), pad([torch.from_numpy(i.log_pitch) for i in items], t),
        torch.from_numpy(np.stack(heard if heard is not None else [v.features.dvector for v in voices])),
        torch.from_numpy(np.stack([v.features.dvector for v in voices])),
        torch.tensor([v.log_f0 for v in voices]),
        torch.tensor([i.log_f0 if s else v.log_f0 for i, v, s in zip(items, voices, swapped, strict=True)]),
        torch.tensor(swapped),
        [v.speaker for v in voices], prompt,
        torch.arange(prompt.shape[1])[None] < torch.tensor([len(p) for p in prompts])[:, None],
        pad(known, n) if len(known) == len(items) else None, [i.lips for i in items], use_lips, seed,
        campplus=torch.from_numpy(np.stack([v.features.campplus for v in voices])) if heard_by_both else None)
