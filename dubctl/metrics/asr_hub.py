"""Whisper by its Hugging Face name ("openai/whisper-large-v3", the paper's), from the cache, through transformers.

Transcripts are deterministic: English, greedy, temperature 0 without fallback, half precision on a GPU. Clips over 30
seconds are read in windows of 30.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
import torch

from dubctl.device import resolve_device
from dubctl.errors import DependencyError
from dubctl.hub import find_weights, first_line, quiet

RATE = 16000
WINDOW = 30 * RATE
BATCH = 8


class HubWhisper:
    """A `Transcriber` that also takes many clips at once.

    Args:
        name: repository in the cache (or a folder). device: as in `--device`.

    Raises:
        DependencyError: the weights are missing (with the command that gets them), or are no Whisper.
    """

    def __init__(self, name: str, device: str = "cpu", batch: int = BATCH) -> None:
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        weights = find_weights(name)
        quiet()
        self._device = resolve_device(device)
        dtype = torch.float32 if self._device == "cpu" else torch.float16
        try:
            self._processor = WhisperProcessor.from_pretrained(weights.folder, local_files_only=True)
            net = WhisperForConditionalGeneration.from_pretrained(weights.folder, local_files_only=True, dtype=dtype)
        except Exception as err:  # transformers raises whatever its parts raise
            raise DependencyError(f"cannot load Whisper {name} from {weights.folder}: {first_line(err)}",
                                  f"dubctl models download {name}") from err
        self._net, self._lock, self._batch = net.eval().to(self._device), Lock(), batch
        several = getattr(net.generation_config, "is_multilingual", False)
        self._options: dict[str, Any] = {"language": "en", "task": "transcribe"} if several else {}
        self.name = f"{weights.label}@{weights.revision} (transformers)"

    def transcribe(self, wav: np.ndarray) -> str:
        """See `Transcriber`."""
        return self.transcribe_many([wav])[0]

    def transcribe_many(self, wavs: Sequence[np.ndarray]) -> list[str]:
        """Texts of mono clips (S_i,) float32 at 16 kHz, in order."""
        pieces = [(place, wav[begin:begin + WINDOW]) for place, wav in enumerate(wavs)
                  for begin in range(0, max(1, len(wav)), WINDOW)]
        heard: list[list[str]] = [[] for _ in wavs]
        for begin in range(0, len(pieces), self._batch):
            part = pieces[begin:begin + self._batch]
            for (place, _), text in zip(part, self._texts([wav for _, wav in part]), strict=True):
                heard[place].append(text)
        return [" ".join(filter(None, texts)) for texts in heard]

    def _texts(self, wavs: list[np.ndarray]) -> list[str]:
        given = self._processor(wavs, sampling_rate=RATE, return_tensors="pt", return_attention_mask=True)
        features = given.input_features.to(self._device, self._net.dtype)
        with self._lock, torch.inference_mode():
            tokens = self._net.generate(features, attention_mask=given.attention_mask.to(self._device),
                                        do_sample=False, num_beams=1, **self._options)
        return [text.strip() for text in self._processor.batch_decode(tokens, skip_special_tokens=True)]
