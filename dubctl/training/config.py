"""Training configuration: one dataclass beside the network's own, loaded strictly from TOML."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from dubctl.errors import UsageError
from dubctl.synth.config import SynthConfig, tiny_config

LEAST = {"steps": 0, "batch": 1, "accumulate": 1, "checkpoint_every": 1, "validate_every": 1, "log_every": 1,
         "workers": 0}

@dataclass
class LossWeights:
    """Weights of the terms in `losses.py` (the mel term's is 1); `campplus` counts where the network has a timbre
    adapter; with `adversarial` a critic of mels is trained beside
    the synthesizer (`critic.py`), and `match` weighs the difference of its features; with `clear` a reader of phones
    is (`reader.py`)."""

    duration: float = 0.1
    pitch: float = 0.1
    energy: float = 0.1
    align: float = 0.1
    binarise: float = 0.1
    lip_focus: float = 0.02
    speaker: float = 0.5
    contrast: float = 0.05
    campplus: float = 0.3
    emotion: float = 0.05
    adversarial: float = 0.0
    match: float = 0.0
    clear: float = 0.0


@dataclass
class TrainConfig:
    """How to train. `steps` may be raised or lowered on resume; the schedule follows. With 0 only the graphs learn
    (`graph_steps`).

    per_speaker: most clips of one speaker in an epoch. k: retrieved references per modality in training.
    own_dvector: share of items whose voice vector comes from the target itself (the rest: from another clip of the
    same speaker). swap: share of items spoken in a stranger's voice (only the speaker terms judge those); none before
    `swap_from`. noisy_prompts: share of prompts heard as a poor recording, where an item has one. voice_jitter: the
    d-vector that the network is told lies beside the voice's, by up to this much of what two clips of one speaker
    differ by (GE2E asks for the voice's own). lips_from: step at which alignments are good enough to derive lips from.
    emotion: use the library's emotion vectors (False trains the aligner and decoder alone). emotion_dropout: share of
    modalities that are hidden. reference_dropout: share of items that see no references at all, so that the network
    also knows how to do without. graph_steps: so many steps of the graphs alone come first
    (`graph_steps.train_graphs`), of `graph_batch` lines at `graph_lr`. init: another run's checkpoint or a voice folder
    to start from, "shipped" = the voice that comes with dubctl, "" = random weights; the run's voice keeps its refiner
    of mels.
    critic_lr: of the critic of mels, where the loss has one. reader_lr: of the reader of phones, which first learns by
    itself for `reader_steps` (it needs a good alignment: set `init`, or 0 steps to let it grow with the voice).
    freeze: parts of the network that stay as they are ("graphs", "decoder", …). workers: processes that make batches
    ahead, which a GPU would wait for (0: none; the result is the same).
    """

    model: SynthConfig = field(default_factory=SynthConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    steps: int = 6000
    batch: int = 16
    accumulate: int = 1
    per_speaker: int = 400
    longest: float = 9.0
    lr: float = 1e-3
    final_lr: float = 0.05
    warmup: int = 400
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999
    bf16: bool = True
    seed: int = 0
    k: int = 3
    own_dvector: float = 0.7
    swap: float = 0.15
    swap_from: int = 1500
    noisy_prompts: float = 0.0
    voice_jitter: float = 0.0
    lips_from: int = 1500
    binarise_from: int = 1500
    lip_share: float = 0.6
    emotion: bool = True
    emotion_dropout: float = 0.1
    reference_dropout: float = 0.0
    graph_steps: int = 0
    graph_batch: int = 64
    graph_lr: float = 1e-3
    init: str = ""
    critic_lr: float = 5e-4
    reader_lr: float = 1e-3
    reader_steps: int = 0
    freeze: tuple[str, ...] = ()
    checkpoint_every: int = 200
    validate_every: int = 500
    log_every: int = 10
    workers: int = 0

    def __post_init__(self) -> None:
        """Raises UsageError for a count that no run can have."""
        for key, least in LEAST.items():
            if getattr(self, key) < least:
                raise UsageError(f"[train] {key}: {getattr(self, key)} is below {least}")
        if self.steps + self.graph_steps < 1:
            raise UsageError(f"[train] steps: {self.steps} leaves nothing to train",
                             "give steps, or graph_steps for the graphs alone")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def tiny_train_config(**dims: int) -> TrainConfig:
    """A run of about a minute on one CPU core: the whole loop, not a useful voice."""
    return TrainConfig(model=tiny_config(**dims), steps=60, batch=4, warmup=5, lips_from=20, binarise_from=20,
                       checkpoint_every=20, validate_every=30, log_every=5, bf16=False)
