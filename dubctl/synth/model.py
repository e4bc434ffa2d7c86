"""Emotion Knowledge-based Speech Synthesizer: aligner -> graphs -> Eq. 1 -> variance heads -> mel decoder."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from dubctl.graph.build import EmotionBatch
from dubctl.graph.progressive import EmotionKnowledge, ProgressiveGraphs
from dubctl.synth.aligner import CrossModalAligner, VoiceCondition
from dubctl.synth.alignment import AlignmentEncoder
from dubctl.synth.config import SynthConfig
from dubctl.synth.decoder import MelDecoder, Prosody, VarianceAdaptor
from dubctl.synth.fusion import EmotionAggregator
from dubctl.synth.timbre import TimbreAdapter


@dataclass
class Inputs:
    """What one batch of lines is spoken from. B items, L tokens, P prompt frames, V video frames at 25 fps.

    phones, stress, mask (B, L); dvector (B, 256); log_f0 (B,); prompt (B, P, 80) and mask (B, P); lips (B, V, F),
    visible (B, V), lip_mask (B, V); emotion or None (no emotion knowledge: Eq. 1 is skipped, E_out = H); campplus
    (B, 192), or None (the decoder is told the d-vector alone).
    """

    phones: torch.Tensor
    stress: torch.Tensor
    mask: torch.Tensor
    dvector: torch.Tensor
    log_f0: torch.Tensor
    prompt: torch.Tensor
    prompt_mask: torch.Tensor
    lips: torch.Tensor
    visible: torch.Tensor
    lip_mask: torch.Tensor
    emotion: EmotionBatch | None = None
    campplus: torch.Tensor | None = None


@dataclass
class Understanding:
    """E_out (B, L, D), the decoder's voice condition (B, C), predicted prosody, lip attention (B, L, V), emotion
    knowledge."""

    e_out: torch.Tensor
    condition: torch.Tensor
    prosody: Prosody
    lip_attention: torch.Tensor
    knowledge: EmotionKnowledge | None


class Synthesizer(nn.Module):
    """The whole network. `understand` reads everything up to the prosody; `speak` turns prosody into mel."""

    def __init__(self, config: SynthConfig) -> None:
        super().__init__()
        self.config = config
        self.voice = VoiceCondition(config)
        self.aligner = CrossModalAligner(config)
        self.alignment = AlignmentEncoder(config.width, config.align_dim)  # training only
        self.graphs = ProgressiveGraphs(config)
        self.aggregate = EmotionAggregator(config)
        self.variance = VarianceAdaptor(config)
        self.decoder = MelDecoder(config)
        self.timbre = TimbreAdapter(config) if config.timbre else None

    def sounding(self, x: Inputs, asked: torch.Tensor | None = None) -> torch.Tensor:
        """The voice condition (B, C) of the sound; asked (B, 256): a d-vector in the place of the prompt's."""
        condition = self.voice(x.dvector if asked is None else asked, x.log_f0)
        if self.timbre is None or x.campplus is None:
            return condition
        return condition + self.timbre(x.dvector, x.campplus, x.log_f0)

    def understand(self, x: Inputs) -> Understanding:
        """Everything but the sound: H_{t,v,r}, emotion, E_out, predicted durations, pitch and energy."""
        condition = self.voice(x.dvector, x.log_f0)
        h, attention = self.aligner(x.phones, x.stress, x.mask, condition, x.prompt, x.prompt_mask, x.lips, x.visible,
                                    x.lip_mask)
        knowledge = self.graphs(x.emotion) if x.emotion is not None else None
        e_out = self.aggregate(h, knowledge, x.mask) if knowledge is not None else h
        prosody = self.variance.predict(e_out, x.mask, condition)  # of the d-vector and the pitch alone
        return Understanding(e_out, self.sounding(x), prosody, attention, knowledge)

    def speak(self, u: Understanding, mask: torch.Tensor, durations: torch.Tensor, pitch: torch.Tensor,
              energy: torch.Tensor) -> torch.Tensor:
        """Mel (B, T, 80), T the largest sum of durations (B, L) int64, from pitch and energy (B, L)."""
        adapted = self.variance.adapt(u.e_out, mask, pitch, energy)
        return self.decoder(adapted, durations, durations.sum(1), u.condition)
