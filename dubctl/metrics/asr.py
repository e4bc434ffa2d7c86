"""Whisper from what lies on this machine: a folder in CTranslate2 or Hugging Face layout, or openai-whisper's cache.

Nothing is fetched. Transcripts are deterministic: English, temperature 0 without fallback, greedy, each clip alone.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from dubctl.catalogue import REPO
from dubctl.errors import DependencyError
from dubctl.hub import hub_name

RATE = 16000  # Hz, what every Whisper takes
_MISSING_HINT = "pip install 'dubctl[asr]', then --asr DIR (or DUBCTL_ASR) with a local Whisper folder"


class Transcriber(Protocol):
    """Speech to text. `name` goes into the report, since figures of different models do not compare."""

    name: str

    def transcribe(self, wav: np.ndarray) -> str:
        """Text of mono speech (S,) float32 at 16 kHz; "" where nothing was said. Thread-safe."""
        ...


class CTranslate2Whisper:
    """A folder with `model.bin`, `config.json`, `tokenizer.json` (faster-whisper's layout)."""

    def __init__(self, folder: Path, device: str = "cpu", threads: int = 0) -> None:
        _require("faster_whisper", "faster-whisper")
        from faster_whisper import WhisperModel

        kind, _, index = device.partition(":")
        kind = "cuda" if kind == "cuda" else "cpu"  # CTranslate2 has no backend for Apple GPUs
        compute = "int8" if kind == "cpu" else "float16"
        try:
            self.model = WhisperModel(str(folder), device=kind, device_index=int(index or 0), compute_type=compute,
                                      cpu_threads=threads, local_files_only=True)
        except (RuntimeError, ValueError, OSError) as err:
            raise DependencyError(f"cannot load Whisper from {folder}: {_first_line(err)}", _MISSING_HINT) from err
        self.name = f"{folder.name} (ctranslate2 {compute})"

    def transcribe(self, wav: np.ndarray) -> str:
        segments, _ = self.model.transcribe(wav, language="en", task="transcribe", beam_size=1, temperature=0.0,
                                            condition_on_previous_text=False)
        return " ".join(segment.text.strip() for segment in segments).strip()


class HuggingFaceWhisper:
    """A folder with `config.json` and `model.safetensors` (transformers' layout)."""

    def __init__(self, folder: Path, device: str = "cpu", threads: int = 0) -> None:
        _require("transformers", "transformers")
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        try:
            self.processor = WhisperProcessor.from_pretrained(folder, local_files_only=True)
            model = WhisperForConditionalGeneration.from_pretrained(folder, local_files_only=True)
        except Exception as err:  # transformers raises whatever its parts raise
            raise DependencyError(f"cannot load Whisper from {folder}: {_first_line(err)}", _MISSING_HINT) from err
        self.model, self.device, self.lock = model.eval().to(device), device, Lock()
        multilingual = getattr(model.generation_config, "is_multilingual", False)
        self.options: dict[str, Any] = {"language": "en", "task": "transcribe"} if multilingual else {}
        self.name = f"{folder.name} (transformers)"

    def transcribe(self, wav: np.ndarray) -> str:
        window = 30 * RATE
        pieces = [wav[start:start + window] for start in range(0, max(1, len(wav)), window)]
        return " ".join(self._piece(piece) for piece in pieces).strip()

    def _piece(self, wav: np.ndarray) -> str:
        features = self.processor(wav, sampling_rate=RATE, return_tensors="pt").input_features.to(self.device)
        with self.lock:
            tokens = self.model.generate(features, do_sample=False, num_beams=1, **self.options)
        return self.processor.batch_decode(tokens, skip_special_tokens=True)[0].strip()


class OpenAIWhisper:
    """A checkpoint `NAME.pt` that the openai-whisper package has already fetched to its cache."""

    def __init__(self, checkpoint: Path, device: str = "cpu", threads: int = 0) -> None:
        _require("whisper", "openai-whisper")
        import whisper

        try:
            self.model = whisper.load_model(str(checkpoint), device=device)
        except (RuntimeError, ValueError, OSError) as err:
            raise DependencyError(f"cannot load Whisper from {checkpoint}: {_first_line(err)}", _MISSING_HINT) from err
        self.lock, self.name = Lock(), f"{checkpoint.stem} (openai-whisper)"

    def transcribe(self, wav: np.ndarray) -> str:
        with self.lock:
            heard = self.model.transcribe(wav, language="en", temperature=0.0, fp16=False,
                                          condition_on_previous_text=False)
        return str(heard["text"]).strip()


def load_asr(spec: str | Path | None = None, device: str = "cpu", threads: int = 0) -> Transcriber:
    """The transcriber at `spec`, else at `DUBCTL_ASR`, else the largest checkpoint in openai-whisper's cache.

    Args:
        spec: a Whisper folder (CTranslate2 or Hugging Face layout), an openai-whisper `.pt` file, or a repository
            in the Hugging Face cache ("openai/whisper-large-v3", or its short name "whisper").
        device: "cpu" or "cuda[:N]".
        threads: CPU threads, 0 for the library's choice.

    Raises:
        DependencyError: none found, or its package is not installed; one line says what to install.
    """
    named = spec or os.environ.get("DUBCTL_ASR")
    if not named:
        return _from_cache(device, threads)
    path = Path(named).expanduser()
    if (path / "model.bin").is_file():
        return CTranslate2Whisper(path, device, threads)
    if (path / "config.json").is_file():
        return HuggingFaceWhisper(path, device, threads)
    if path.suffix == ".pt" and path.is_file():
        return OpenAIWhisper(path, device, threads)
    if not path.exists() and REPO.fullmatch(hub_name(str(named))):
        from dubctl.metrics.asr_hub import HubWhisper

        return HubWhisper(str(named), device)
    what = "holds no Whisper model (model.bin, or config.json with weights)" if path.is_dir() else "does not exist"
    raise DependencyError(f"speech recogniser {path} {what}", _MISSING_HINT)


def _from_cache(device: str, threads: int) -> Transcriber:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "whisper"
    found = sorted(cache.glob("*.pt"), key=lambda p: p.stat().st_size) if find_spec("whisper") else []
    if not found:
        raise DependencyError("wer needs a speech recogniser and none was found", _MISSING_HINT)
    return OpenAIWhisper(found[-1], device, threads)


def _require(module: str, package: str) -> None:
    if find_spec(module) is None:
        raise DependencyError(f"this Whisper model needs the package {package}", f"pip install {package}")


def _first_line(err: Exception) -> str:
    return str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
