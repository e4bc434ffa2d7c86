"""Video LLMs: frames and an instruction -> words. Any `transformers` video- or image-text-to-text model, VideoLLaMA 2.

Decoding is greedy, so the same clip always gives the same caption.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import torch

from dubctl.device import resolve_device
from dubctl.emotion.paper.parts import VIDEO_LLM, VIDEOLLAMA2, PaperParts
from dubctl.emotion.paper.torch_dtype import dtype_on
from dubctl.errors import DependencyError
from dubctl.hub import Weights, cannot_load, find_weights, need_package, quiet


class VideoLLM(Protocol):
    """Frames and instruction -> answer. `revision` names model and weights."""

    revision: str

    def answer(self, clips: Sequence[np.ndarray], instructions: Sequence[str], rates: Sequence[float]) -> list[str]:
        """One answer for each clip (n_i, H_i, W_i, 3) uint8 RGB of `rates` frames a second, whatever else is asked."""
        ...


def load_video_llm(parts: PaperParts) -> VideoLLM:
    """The video LLM that the parts name; "auto" is VideoLLaMA 2 where its package is installed.

    Raises:
        DependencyError: package or weights are missing.
    """
    name = video_llm_name(parts.video_llm)
    return VideoLlama2(name, parts) if "videollama2" in name.lower() else TransformersVideoLLM(name, parts)


def video_llm_name(name: str) -> str:
    """The video LLM that "auto" stands for; other names as they are."""
    if name != "auto":
        return name
    return VIDEOLLAMA2 if find_spec("videollama2") else VIDEO_LLM


class TransformersVideoLLM:
    """A checkpoint that `AutoModelForImageTextToText` loads: LLaVA-OneVision, Qwen-VL, VideoLLaMA 3 and the like.

    A processor that knows videos gets one; another gets the frames as that many pictures.

    Raises:
        DependencyError: weights or packages are missing, or the model does not load.
    """

    def __init__(self, name: str, parts: PaperParts) -> None:
        need_package("torchvision", f"the video LLM {name}")
        weights = find_weights(name)
        self._processor, self._net = _load(weights, parts)
        self._tokens = parts.tokens
        # answers are read off behind the prompt, so a batch is padded in front of it
        self._processor.tokenizer.padding_side = "left"
        if self._processor.tokenizer.pad_token is None:
            self._processor.tokenizer.pad_token = self._processor.tokenizer.eos_token
        self._video = getattr(self._processor, "video_processor", None) is not None
        self.revision = f"{weights.label}@{weights.revision}"

    def answer(self, clips: Sequence[np.ndarray], instructions: Sequence[str], rates: Sequence[float]) -> list[str]:
        """See `VideoLLM`. Clips of one shape share a batch: a processor stacks frames, and padding would be seen."""
        answers = [""] * len(clips)
        for shape in dict.fromkeys(clip.shape for clip in clips):
            at = [i for i, clip in enumerate(clips) if clip.shape == shape]
            found = self._batch([clips[i] for i in at], [instructions[i] for i in at], [rates[i] for i in at])
            for i, answer in zip(at, found, strict=True):
                answers[i] = answer
        return answers

    def _batch(self, clips: Sequence[np.ndarray], instructions: Sequence[str], rates: Sequence[float]) -> list[str]:
        prompts = [self._prompt(len(clip), text) for clip, text in zip(clips, instructions, strict=True)]
        given = self._processor(text=prompts, return_tensors="pt", padding=True, **self._seen(clips, rates))
        given = {key: self._put(value) for key, value in given.items() if key != "video_metadata"}
        try:
            with torch.inference_mode():
                done = self._net.generate(**given, do_sample=False, num_beams=1, max_new_tokens=self._tokens,
                                          pad_token_id=self._processor.tokenizer.pad_token_id)
        except torch.cuda.OutOfMemoryError as err:
            raise DependencyError(f"the video LLM needs more memory than {self._net.device} has for {len(clips)} clips "
                                  f"of {len(clips[0])} frames", "[paper] batch or frames smaller, --device-map auto, "
                                  "or a smaller model; captions made so far are kept") from err
        answers = self._processor.batch_decode(done[:, given["input_ids"].shape[1]:], skip_special_tokens=True)
        return [" ".join(answer.split()) for answer in answers]

    def _prompt(self, frames: int, instruction: str) -> str:
        shown = [{"type": "video"}] if self._video else [{"type": "image"}] * frames
        said = [{"role": "user", "content": [*shown, {"type": "text", "text": instruction}]}]
        return self._processor.apply_chat_template(said, tokenize=False, add_generation_prompt=True)

    def _seen(self, clips: Sequence[np.ndarray], rates: Sequence[float]) -> dict[str, Any]:
        if not self._video:
            return {"images": [list(clip) for clip in clips]}
        # the frames are chosen already; their rate is for models that write times between them
        times = [{"fps": rate, "total_num_frames": len(clip), "duration": len(clip) / rate,
                  "frames_indices": list(range(len(clip)))} for clip, rate in zip(clips, rates, strict=True)]
        return {"videos": [np.ascontiguousarray(clip) for clip in clips], "do_sample_frames": False,
                "video_metadata": times}

    def _put(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        value = value.to(self._net.device)
        return value.to(self._net.dtype) if value.is_floating_point() else value


class VideoLlama2:
    """VideoLLaMA 2 (Cheng et al. 2024), the paper's, through its own package `videollama2`; one clip at a time, since
    the package's inference call takes no batches. That call moves its input to the GPU by itself, so there must be one.

    Raises:
        DependencyError: the package, the weights or a CUDA device are missing.
    """

    def __init__(self, name: str, parts: PaperParts) -> None:
        need_package("videollama2", f"the video LLM {name}", "pip install "
                     "'git+https://github.com/DAMO-NLP-SG/VideoLLaMA2', or name another: [paper] video-llm = "
                     f"'{VIDEO_LLM}'")
        weights = find_weights(name)
        device = resolve_device(parts.device)
        if not device.startswith("cuda"):
            raise DependencyError(f"the video LLM {name} runs on CUDA alone, and the device is {device}",
                                  f"[paper] video-llm = '{VIDEO_LLM}'")
        from videollama2 import mm_infer, model_init  # its model code is the package's own, not the repository's

        self._infer = mm_infer
        self._tokens = parts.tokens
        if ":" in device:
            torch.cuda.set_device(device)  # where the package's own .cuda() goes
        # without a map the package spreads the model over all devices
        options = {"device_map": parts.device_map or {"": device}}
        try:
            with _named(weights) as folder:
                self._net, self._processor, self._tokenizer = model_init(str(folder), **options)
        except Exception as err:  # the package raises whatever its parts raise
            raise cannot_load(weights, err) from err
        self.revision = f"{weights.label}@{weights.revision}"

    def answer(self, clips: Sequence[np.ndarray], instructions: Sequence[str], rates: Sequence[float]) -> list[str]:
        """See `VideoLLM`."""
        return [" ".join(str(self._infer(self._processor["video"](clip), instruction, model=self._net,
                                         tokenizer=self._tokenizer, modal="video", do_sample=False,
                                         max_new_tokens=self._tokens)).split())
                for clip, instruction in zip(clips, instructions, strict=True)]


@contextmanager
def _named(weights: Weights) -> Iterator[Path]:
    """The weights under the repository's own name: the package looks for "videollama2" in the last part of the path to
    know what it loads, and a cache names its folders by commit."""
    with TemporaryDirectory(prefix="dubctl-") as place:
        link = Path(place) / weights.label.rpartition("/")[2]
        link.symlink_to(weights.folder.resolve(), target_is_directory=True)
        yield link


def _load(weights: Weights, parts: PaperParts) -> tuple[Any, Any]:
    """Processor and network, in bf16 on an accelerator; spread over devices where the parts say so."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    if parts.device_map:
        need_package("accelerate", f"--device-map {parts.device_map}")
    device = resolve_device(parts.device)
    place = {"device_map": parts.device_map} if parts.device_map else {}
    quiet()
    options = {"local_files_only": True, "trust_remote_code": parts.trust_remote_code}
    try:
        processor = AutoProcessor.from_pretrained(weights.folder, **options)
        net = AutoModelForImageTextToText.from_pretrained(weights.folder, dtype=dtype_on(device, parts.dtype), **place,
                                                          **options)
    except Exception as err:  # transformers raises whatever its parts raise
        raise cannot_load(weights, err) from err
    return processor, (net if parts.device_map else net.to(device)).eval()
