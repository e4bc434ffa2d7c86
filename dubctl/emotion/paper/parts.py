"""Which models the paper profile is made of: the `[paper]` table of the project file.

    [paper]
    video-llm = "llava-hf/llava-onevision-qwen2-7b-ov-hf"   # owner/model, owner/model@revision, or a folder
    audio = "lite"                                           # any part may be the lite one
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from dubctl.config import load_dataclass
from dubctl.errors import UsageError

LITE = "lite"
VIDEOLLAMA2 = "DAMO-NLP-SG/VideoLLaMA2-7B-16F"
VIDEO_LLM = "llava-hf/llava-onevision-qwen2-7b-ov-hf"


@dataclass(frozen=True)
class PaperParts:
    """The parts by name: a Hugging Face repository (with @revision if wanted), a folder, or "lite".

    scene, face: "caption" asks the video LLM, "lite" is the measured description. video_llm: "auto" is VideoLLaMA 2
    where the package `videollama2` is installed, else `VIDEO_LLM`. rter_pooling: what of RTER's last layer is the
    vector: "cls", the state of `<s>`, which its classifier reads; "mean" over the tokens; "head", the tanh layer under
    the classifier. vocoder: BigVGAN, or "lite" (HiFi-GAN). asr: what wer transcribes with where --asr names nothing.
    frames: sampled evenly from a clip for a caption. batch: captions at a time. device_map: "auto" spreads the video
    LLM over all devices (accelerate). prompts: instructions of one's own instead of the shipped ones. cache: where
    captions are kept. trust_remote_code comes from its flag alone, never from a file.
    """

    scene: Literal["caption", "lite"] = "caption"
    face: Literal["caption", "lite"] = "caption"
    video_llm: str = "auto"
    rter: str = "j-hartmann/emotion-english-roberta-large"
    rter_pooling: Literal["cls", "mean", "head"] = "cls"
    comet: str = "svjack/comet-atomic-en"
    audio: str = "emotion2vec/emotion2vec_plus_large"
    vocoder: str = "nvidia/bigvgan_v2_22khz_80band_fmax8k_256x"
    asr: str = "openai/whisper-large-v3"
    frames: int = 16
    tokens: int = 96
    batch: int = 8
    dtype: Literal["bf16", "fp16", "fp32"] = "bf16"
    device_map: str = ""
    prompts: Path | None = None
    cache: Path | None = None
    device: str = "auto"
    trust_remote_code: bool = False


def paper_parts(table: Mapping[str, Any], where: str, device: str = "auto", trust_remote_code: bool = False,
                device_map: str = "") -> PaperParts:
    """The parts that a `[paper]` table names; the rest are the paper's.

    Raises:
        UsageError: an unknown key (the nearest is named), a wrong value, or a key that only a flag may give.
    """
    for key in table:
        if key.replace("-", "_") in ("trust_remote_code", "device"):
            raise UsageError(f"{where}: '{key}' is a flag, not a key of this table", f"give --{key.replace('_', '-')}")
    parts = load_dataclass(PaperParts, table, where)
    for name in ("frames", "tokens", "batch"):
        if getattr(parts, name) < 1:
            raise UsageError(f"{where}: {name} must be at least 1")
    return replace(parts, device=device, trust_remote_code=trust_remote_code,
                   device_map=device_map or parts.device_map)
