"""COMET, the paper's: `svjack/comet-atomic-en`, a T5 trained on ATOMIC; how one who hears the line feels.

Relation: xReact. This checkpoint takes it as the question its card gives, "What are your feelings after the following
event?", before the event; a BART of COMET-ATOMIC-2020 takes "{event} xReact [GEN]". Decoding: the card's two beams and
repetition penalty 2.5, without its sampling, so that the same line always gives the same reaction. The paper names
neither relation nor decoding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dubctl.device import resolve_device
from dubctl.emotion.paper.torch_dtype import dtype_on
from dubctl.hub import cannot_load, find_weights, quiet

QUESTION = "What are your feelings after the following event?"
BATCH = 16
DECODING = {"do_sample": False, "num_beams": 2, "repetition_penalty": 2.5, "early_stopping": True,
            "max_new_tokens": 48}
NOTHING = "none"  # an empty reaction still has to be read by RTER; ATOMIC itself writes "none"


class CometReactionGenerator:
    """Line -> reaction in words.

    Attributes:
        revision: of the weights; it is part of the text space, because other reactions give other vectors.

    Raises:
        DependencyError: weights missing or not an encoder-decoder.
    """

    def __init__(self, name: str, device: str = "cpu", dtype: str = "fp32", trust_remote_code: bool = False) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        weights = find_weights(name)
        quiet()
        options = {"local_files_only": True, "trust_remote_code": trust_remote_code}
        self._device = resolve_device(device)
        try:
            self._tokens = AutoTokenizer.from_pretrained(weights.folder, **options)
            net = AutoModelForSeq2SeqLM.from_pretrained(weights.folder, **options)
        except Exception as err:  # transformers raises whatever its parts raise
            raise cannot_load(weights, err) from err
        self._net = net.to(self._device, dtype_on(self._device, dtype)).eval()
        self._bart = net.config.model_type in ("bart", "mbart")
        self.revision = f"{weights.label}@{weights.revision}"

    def react(self, texts: Sequence[str]) -> list[str]:
        """One reaction for each line."""
        out: list[str] = []
        for begin in range(0, len(texts), BATCH):
            asked = [self.ask(text) for text in texts[begin:begin + BATCH]]
            given = self._tokens(asked, padding=True, truncation=True, max_length=128, return_tensors="pt")
            given.pop("token_type_ids", None)
            with torch.inference_mode():
                done = self._net.generate(**given.to(self._device), **DECODING)
            out += [" ".join(text.split()) or NOTHING
                    for text in self._tokens.batch_decode(done, skip_special_tokens=True)]
        return out

    def ask(self, text: str) -> str:
        """What the network reads for a line."""
        return f"{text} xReact [GEN]" if self._bart else f"{QUESTION}{text}"
