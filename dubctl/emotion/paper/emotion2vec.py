"""Audio Emotion Extractor, the paper's: emotion2vec, the mean of its last layer over the line.

1024-d, as in the released features, is emotion2vec "large" (`emotion2vec_plus_large`); "base" is 768-d. Vectors are
taken as they come: unlike the lite functionals they are not measured against the speaker's other clips.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dubctl.device import resolve_device
from dubctl.emotion.audio import audible
from dubctl.emotion.base import EmotionSpace
from dubctl.emotion.paper.emotion2vec_net import Emotion2Vec, Emotion2VecConfig
from dubctl.errors import DependencyError, InputError
from dubctl.hub import Weights, find_weights, first_line, load_tensors

CHECKPOINTS = ("model.safetensors", "model.pt")
# what pre-training and the classifier add to the encoder
UNUSED = ("modality_encoders.AUDIO.decoder.", "proj.", "ema.", "_ema", "modality_encoders.AUDIO.alibi_bias")


class Emotion2VecExtractor:
    """Speech -> audio emotion vector. In float32: one short clip at a time needs no less.

    Args:
        name: repository or folder with FunASR's `config.yaml` and `model.pt` (or `model.safetensors`).

    Raises:
        DependencyError: weights missing or of another network.
    """

    def __init__(self, name: str, device: str = "cpu") -> None:
        weights = find_weights(name, needs=("config.yaml", CHECKPOINTS))
        self._device = resolve_device(device)
        self._net = load_net(weights).to(self._device)
        self.space = EmotionSpace(weights.label, weights.revision, self._net.config.embed_dim)

    def measure(self, wav: np.ndarray, rate: int) -> np.ndarray:
        """Vector (d,) float32 of mono speech (S,) at `rate` Hz.

        Raises:
            InputError: silence, under 0.1 s, not mono, or not finite.
        """
        wav = audible(wav, rate)
        with torch.inference_mode():
            frames = self._net(torch.from_numpy(np.ascontiguousarray(wav))[None].to(self._device))
        return frames[0].mean(0).cpu().numpy()

    def normalise(self, raw: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
        """The vectors (N, d) as they are.

        Raises:
            InputError: `raw` is not (N, d) with one speaker per row.
        """
        raw = np.asarray(raw, np.float32)
        if raw.shape != (len(speakers), self.space.dim):
            raise InputError(f"expected vectors ({len(speakers)}, {self.space.dim}), got {raw.shape}")
        return raw


def load_net(weights: Weights) -> Emotion2Vec:
    """The network in evaluation mode from FunASR's files.

    Raises:
        DependencyError: they do not fit.
    """
    import yaml

    path = next(weights.folder / name for name in CHECKPOINTS if (weights.folder / name).is_file())
    tensors = load_tensors(path)
    for wrapper in ("model", "state_dict", "model_state_dict"):
        tensors = tensors.get(wrapper, tensors)
    tensors = {name.removeprefix("d2v_model."): value for name, value in tensors.items()}
    tensors = {name: value for name, value in tensors.items() if not name.startswith(UNUSED)}
    try:
        config = Emotion2VecConfig.from_yaml(yaml.safe_load(weights.file("config.yaml").read_text(encoding="utf-8")))
        net = Emotion2Vec(config)
        scale = tensors.get("modality_encoders.AUDIO.alibi_scale")
        if scale is not None and scale.dim() == 4:  # checkpoints of before the scale could differ by layer
            tensors["modality_encoders.AUDIO.alibi_scale"] = scale[None]
        net.load_state_dict(tensors)
    except (RuntimeError, ValueError, TypeError, AttributeError, yaml.YAMLError) as err:
        raise DependencyError(f"{path} does not fit emotion2vec: {first_line(err)}",
                              f"dubctl models download {weights.name}") from err
    return net.float().eval()
