"""The synthesizer's configuration. Every row of the paper's Table 2 that concerns the network is a switch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dubctl.config import load_dataclass


@dataclass
class ReleaseQuirks:
    """What the released research code computes otherwise than the paper says. Each True is as released; they matter in
    mode "release" only, so that one of them at a time can be put right.

    no_self_loops: a retrieved node hears its anchor alone, its own content survives in the residual only.
    isolated_uniform: a node without edges attends evenly to every node, strangers too. padding_nodes: a reference that
    is not there is a zero node with all edges. unmasked_fusion: Eq. 1 attends to absent nodes. one_fusion_head: Eq. 1
    has one attention head, with biases and dropout 0.1, and starts from random convolutions. double_softmax: the
    emotion loss gets probabilities where it wants logits, and its classifier is one linear layer.

    Not a quirk of value: the release runs Eq. 1 after the length regulator. Its layers treat every frame alone, so it
    gives the same frames as here, where tokens are fused and then repeated.
    """

    no_self_loops: bool = True
    isolated_uniform: bool = True
    padding_nodes: bool = True
    unmasked_fusion: bool = True
    one_fusion_head: bool = True
    double_softmax: bool = True


@dataclass
class GraphConfig:
    """Progressive graphs (paper, "Progressive Graph-based Speech Generation") and Table 2, rows 4-12.

    mode: "corrected" is dubctl's; "release" computes graphs and Eq. 1 as the released code does, with `quirks`.
    """

    width: int = 256
    heads: int = 2
    layers: int = 2
    dropout: float = 0.2
    classes: int = 7
    scene_retrieval: bool = True  # row 4 (all three off: row 7)
    face_retrieval: bool = True  # row 5
    text_retrieval: bool = True  # row 6
    indirect: bool = True  # row 8: retrieved scene/face/text nodes
    direct: bool = True  # row 9: matched audio nodes
    graph: bool = True  # row 10: graph attention at all
    progressive: bool = True  # row 11: construct-and-encode in three steps, not one
    hierarchical: bool = True  # row 12: Eq. 1 in three steps, not only over the last graph
    mode: Literal["corrected", "release"] = "corrected"
    quirks: ReleaseQuirks = field(default_factory=ReleaseQuirks)


@dataclass
class SynthConfig:
    """Sizes of the synthesizer (design: width 256, adaptive norm by d-vector and mean log-F0)."""

    width: int = 256
    heads: int = 4
    encoder_blocks: int = 4
    decoder_blocks: int = 4
    hidden: int = 768
    kernel: int = 3
    refine_width: int = 192
    dropout: float = 0.1
    condition: int = 256
    prompt_width: int = 128
    lip_features: int = 4
    lip_width: int = 128
    predictor_hidden: int = 256
    align_dim: int = 80
    scene_dim: int = 256
    face_dim: int = 256
    text_dim: int = 512
    audio_dim: int = 64
    style: bool = True  # phoneme-level style from the prompt's mel (off: the d-vector alone, as FastSpeech 2 has it)
    lips: bool = True  # text-to-lip attention (off: the network is blind)
    timbre: bool = True  # the decoder is also told what CAM++ hears in the prompt (off: the d-vector alone)
    graph: GraphConfig = field(default_factory=GraphConfig)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def network_config(settings: Mapping[str, Any], where: str) -> SynthConfig:
    """The network that the file `where` describes, with the fields that later versions added at their defaults; one
    of before there were timbre adapters has none.

    Raises:
        UsageError: an unknown key, or a value of the wrong type.
    """
    return load_dataclass(SynthConfig, {"timbre": False} | dict(settings), where)


def tiny_config(**dims: int) -> SynthConfig:
    """A network that trains in a minute on one CPU core: for tests and `train --tiny`."""
    return SynthConfig(width=48, heads=2, encoder_blocks=1, decoder_blocks=1, hidden=64, condition=32,
                       prompt_width=32, lip_width=32, predictor_hidden=32, refine_width=32, align_dim=32,
                       graph=GraphConfig(width=48, heads=2, layers=1), **dims)
