"""One forward pass of training: alignment, lips, prosody targets, mel, and every loss term."""

from __future__ import annotations

from dataclasses import replace

import torch

from dubctl.graph.build import EmotionBatch
from dubctl.synth.alignment import beta_binomial_prior, binarisation_loss, forward_sum_loss, monotonic_search
from dubctl.synth.decoder import energy_of, token_mean
from dubctl.synth.model import Inputs, Synthesizer
from dubctl.training.config import TrainConfig
from dubctl.training.critic import Critique, window_pair
from dubctl.training.data import Batch
from dubctl.training.lips import Lips, shown_lips
from dubctl.training.losses import emotion_loss, lip_focus, mel_l1, prosody_losses
from dubctl.training.reader import Reading, Spoken, spoken
from dubctl.training.speaker_loss import SpeakerLoss


class TrainingStep:
    """Computes the loss terms of a batch. Shapes as in `synth.model`."""

    def __init__(self, model: Synthesizer, speaker: SpeakerLoss, config: TrainConfig,
                 critique: Critique | None = None, reading: Reading | None = None) -> None:
        self.model, self.speaker, self.config = model, speaker, config
        self.critique, self.reading = critique, reading

    def __call__(self, batch: Batch, step: int, emotion: EmotionBatch | None,
                 labels: torch.Tensor | None = None) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Loss terms (unweighted) and the made mel (B, T, 80)."""
        model = self.model
        mask, mel_mask = _masks(batch)
        score, soft, durations = self._aligned(batch, mask, mel_mask)
        terms = {"align": forward_sum_loss(score, batch.tokens, batch.frames)}
        if step >= self.config.binarise_from:
            terms["binarise"] = binarisation_loss(soft, durations, batch.frames)
        lips = self._lips(batch, durations, step)
        u = model.understand(Inputs(batch.phones, batch.stress, mask, batch.dvector, batch.log_f0, batch.prompt,
                                    batch.prompt_mask, lips.features, lips.visible, lips.mask, emotion,
                                    batch.campplus))
        own = ~batch.swapped[:, None]  # an item spoken in a stranger's voice has no recording to be compared with
        pitch = token_mean(batch.log_pitch, durations) - batch.own_log_f0[:, None]
        energy = token_mean(energy_of(batch.mel), durations)
        paced = mask & own & batch.paced[:, None]
        terms |= prosody_losses(u.prosody, durations, pitch * mask, energy, mask & own, paced)
        made = model.speak(u, mask, durations, pitch, energy)
        terms["mel"] = mel_l1(made, batch.mel, mel_mask & own)
        if bool(lips.mask.any()):
            terms["lip_focus"] = lip_focus(u.lip_attention, durations, mask, lips.mask)
        terms |= self.speaker(made, batch.frames, batch.asked, batch.voices)
        if batch.campplus is not None and self.config.model.timbre and self.config.loss.campplus:
            terms["campplus"] = self.speaker.second(made, batch.frames, batch.campplus)
        if self.critique is not None and torch.is_grad_enabled():  # validation has other terms to tell by
            terms |= self.critique.terms(window_pair(made, batch.mel, batch.frames, ~batch.swapped))
        if self.reading is not None:
            recorded = spoken(batch.mel, batch.phones, durations, batch.frames)
            terms["clear"] = self.reading.term(replace(recorded, mel=made), recorded)
            if torch.is_grad_enabled():  # validation's recordings are held out from the reader too
                self.reading.show(recorded)
        if u.knowledge is not None and labels is not None:
            terms["emotion"] = emotion_loss(model.graphs.classifier(u.knowledge.pooled()), labels)
        return terms, made

    @torch.no_grad()
    def recordings(self, batch: Batch) -> Spoken:
        """The batch as it was recorded, for the reader to learn from."""
        durations = self._aligned(batch, *_masks(batch))[2]
        return spoken(batch.mel, batch.phones, durations, batch.frames)

    def _aligned(self, batch: Batch, mask: torch.Tensor,
                 mel_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scores and soft alignment (B, T, L) of the recordings, and the frames (B, L) that each token takes."""
        embedded = self.model.aligner.embed(batch.phones, batch.stress)
        prior = beta_binomial_prior(batch.frames, batch.tokens, batch.mel.shape[1], batch.phones.shape[1])
        score, soft = self.model.alignment(embedded, mask, batch.mel, mel_mask, prior)
        known = batch.durations
        return score, soft, known if known is not None else monotonic_search(score.detach(), batch.tokens, batch.frames)

    def _lips(self, batch: Batch, durations: torch.Tensor, step: int) -> Lips:
        if batch.drawn is not None:
            return batch.drawn
        phones, tokens, found = (x.cpu().numpy() for x in (batch.phones, batch.tokens, durations))
        return shown_lips(batch.tracks, batch.use_lips, phones, tokens, found, batch.seed,
                          self.config.model.lip_features, step >= self.config.lips_from).to(batch.mel.device)


def _masks(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Where tokens (B, L) and mel frames (B, T) are real."""
    device = batch.mel.device
    return (torch.arange(batch.phones.shape[1], device=device)[None] < batch.tokens[:, None],
            torch.arange(batch.mel.shape[1], device=device)[None] < batch.frames[:, None])
