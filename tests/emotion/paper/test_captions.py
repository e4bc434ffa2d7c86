"""Video LLMs on tiny checkpoints; prompts; the cache; scene and face extractors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from dubctl import hub as hub_module
from dubctl.emotion.base import EmotionSpace
from dubctl.emotion.paper import face as face_module
from dubctl.emotion.paper import video_llm as video_llm_module
from dubctl.emotion.paper.ahead import CaptionsAhead
from dubctl.emotion.paper.captions import FPS, Captioner, Question, sample
from dubctl.emotion.paper.face import CaptionFaceExtractor, cut_out
from dubctl.emotion.paper.parts import PaperParts, paper_parts
from dubctl.emotion.paper.prompts import read_prompts
from dubctl.emotion.paper.scene import CaptionSceneExtractor
from dubctl.emotion.paper.torch_dtype import dtype_on
from dubctl.emotion.paper.video_llm import TransformersVideoLLM, VideoLlama2, load_video_llm
from dubctl.errors import DependencyError, InputError, UsageError
from dubctl.hub import cache_folder

Shelf = Callable[..., Path]
ASKED = ["describe the mood of the scene", "one smile in two sentences"]


def clips(count: int = 2, frames: int = 3, side: int = 40) -> list[np.ndarray]:
    return list(np.random.default_rng(count).integers(0, 256, (count, frames, side, side, 3), dtype=np.uint8))


@pytest.mark.parametrize("kind", ["video_llm", "image_llm", "qwen_vl", "videollama3"])
def test_an_answer_does_not_depend_on_its_batch(shelf: Shelf, kind: str) -> None:
    llm = TransformersVideoLLM(str(shelf(kind)), PaperParts(device="cpu", tokens=6))
    seen = [*clips(2), *clips(1, frames=2)]  # two shapes
    asked = [*ASKED, ASKED[0]]
    together = llm.answer(seen, asked, [5.0] * 3)
    assert together == [llm.answer([clip], [text], [5.0])[0] for clip, text in zip(seen, asked, strict=True)]
    assert all(together) and "describe the mood of the scene" not in together[0], "the prompt is not part of it"
    assert llm.answer([], [], []) == []


def test_spread_over_devices_it_answers_the_same(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForImageTextToText

    maps, load = [], AutoModelForImageTextToText.from_pretrained
    monkeypatch.setattr(AutoModelForImageTextToText, "from_pretrained", staticmethod(
        lambda *a, **k: maps.append(k.get("device_map")) or load(*a, **k)))
    here = TransformersVideoLLM(str(shelf("video_llm")), PaperParts(device="cpu", tokens=6))
    spread = TransformersVideoLLM(str(shelf("video_llm")), PaperParts(device="cpu", tokens=6, device_map="auto"))
    assert maps == [None, "auto"]
    assert spread.answer(clips(2), ASKED, [5.0] * 2) == here.answer(clips(2), ASKED, [5.0] * 2)
    monkeypatch.setattr(hub_module, "find_spec", lambda module: None if module == "accelerate" else sys.__spec__)
    with pytest.raises(DependencyError, match="--device-map auto needs the package accelerate"):
        TransformersVideoLLM(str(shelf("video_llm")), PaperParts(device="cpu", device_map="auto"))


def test_bf16_is_the_format_on_a_gpu_and_answers_are_words(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (dtype_on("cuda:0", "bf16"), dtype_on("cpu", "bf16"), dtype_on("cuda", PaperParts().dtype)) == (
        torch.bfloat16, torch.float32, torch.bfloat16)
    monkeypatch.setattr(video_llm_module, "dtype_on", lambda device, name: dtype_on("cuda", name))
    llm = TransformersVideoLLM(str(shelf("video_llm")), PaperParts(device="cpu", tokens=6))
    assert llm._net.dtype == torch.bfloat16 and all(llm.answer(clips(2), ASKED, [5.0] * 2))


def test_too_little_memory_is_one_line(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    llm = TransformersVideoLLM(str(shelf("video_llm")), PaperParts(device="cpu", tokens=6))

    def generate(**_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(llm._net, "generate", generate)
    with pytest.raises(DependencyError, match="more memory than cpu has for 2 clips of 3 frames") as caught:
        llm.answer(clips(2), ASKED, [5.0] * 2)
    assert "batch" in caught.value.hint


@pytest.mark.parametrize("kind", ["video_llm", "image_llm", "qwen_vl", "videollama3"])
def test_the_picture_is_looked_at(shelf: Shelf, kind: str) -> None:
    llm = TransformersVideoLLM(str(shelf(kind)), PaperParts(device="cpu", tokens=12))
    dark, noise = np.zeros((3, 40, 40, 3), np.uint8), clips(1)[0]
    assert len(set(llm.answer([dark, noise, 255 - dark], [ASKED[0]] * 3, [5.0] * 3))) > 1


def test_videollama2_goes_through_its_own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's contract (README, "Inference"): model_init, processor["video"], mm_infer. It tells its models by
    the last part of their path, so the cache's folder, a commit, must not be what it is given."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    folder = cache_folder("DAMO-NLP-SG/VideoLLaMA2-tiny") / "snapshots" / ("c" * 40)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    package, calls, inits = ModuleType("videollama2"), [], []
    package.__spec__ = sys.__spec__
    monkeypatch.setattr(video_llm_module, "resolve_device", lambda device: {"auto": "cuda"}.get(device, device))

    def model_init(path: str, **kw: object) -> tuple:
        assert Path(path, "config.json").is_file()
        inits.append((Path(path).name, kw))
        return "net", {"video": lambda seen: seen.shape}, "tokens"

    package.model_init = model_init  # type: ignore

    def mm_infer(seen: object, instruct: str, **kw: object) -> str:
        calls.append((seen, instruct, kw))
        return " a  tense\nscene "

    package.mm_infer = mm_infer  # type: ignore
    monkeypatch.setitem(sys.modules, "videollama2", package)
    llm = load_video_llm(PaperParts(video_llm="DAMO-NLP-SG/VideoLLaMA2-tiny", tokens=7))
    assert inits == [("VideoLLaMA2-tiny", {"device_map": {"": "cuda"}})]
    with pytest.raises(DependencyError, match="runs on CUDA alone, and the device is cpu"):
        load_video_llm(PaperParts(video_llm="DAMO-NLP-SG/VideoLLaMA2-tiny", device="cpu"))
    assert isinstance(llm, VideoLlama2) and llm.answer(clips(1), ["why?"], [5.0]) == ["a tense scene"]
    assert calls == [((3, 40, 40, 3), "why?", {"model": "net", "tokenizer": "tokens", "modal": "video",
                                               "do_sample": False, "max_new_tokens": 7})]


def test_without_its_package_videollama2_says_how_to_get_it() -> None:
    with pytest.raises(DependencyError, match="videollama2") as caught:
        load_video_llm(PaperParts(video_llm="DAMO-NLP-SG/VideoLLaMA2-7B"))
    assert "pip install" in caught.value.hint and "video-llm" in caught.value.hint


class Counting:
    """A video LLM that remembers what it was asked."""

    revision = "counting@1"

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.asked: list[str] = []

    def answer(self, clips: Sequence[np.ndarray], instructions: Sequence[str], rates: Sequence[float]) -> list[str]:
        self.batches.append(len(clips))
        self.asked += instructions
        return [f"{text[:8]} {clip.mean():.3f} {rate:.2f}"
                for clip, text, rate in zip(clips, instructions, rates, strict=True)]


class Rter:
    space = EmotionSpace("rter", "1", 3)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), 1.0, 0.0] for text in texts], np.float32)

    def classify(self, texts: Sequence[str]) -> np.ndarray:
        return np.full((len(texts), 7), 1 / 7, np.float32)


def test_captions_are_asked_in_batches_and_once(tmp_path: Path) -> None:
    llm = Counting()
    captioner = Captioner(llm, read_prompts(), tmp_path, batch=2)
    questions = [Question(clip, "why") for clip in clips(5)]
    first = captioner.captions([*questions, questions[0]])
    assert llm.batches == [2, 2, 1] and first[0] == first[5]
    again = Captioner(Counting(), read_prompts(), tmp_path, batch=2)
    assert again.captions(questions) == first[:5] and not again._model.batches  # type: ignore[attr-defined]
    captioner.captions([Question(questions[0].frames, "what"), Question(questions[0].frames[:2], "why")])
    assert sum(llm.batches) == 7, "another question and other frames are asked anew"


def test_a_damaged_cache_entry_is_asked_again(tmp_path: Path) -> None:
    llm = Counting()
    captioner = Captioner(llm, read_prompts(), tmp_path, batch=2)
    before = captioner.captions([Question(clips(1)[0], "why")])
    next(tmp_path.rglob("*.json")).write_text('{"capt')
    assert captioner.captions([Question(clips(1)[0], "why")]) == before and sum(llm.batches) == 2


def test_the_scene_prompt_carries_the_measured_colours(tmp_path: Path) -> None:
    llm = Counting()
    scene = CaptionSceneExtractor(Captioner(llm, read_prompts(), tmp_path, 4), Rter(), frames=4)
    blue = np.zeros((20, 36, 64, 3), np.uint8)
    blue[..., 2] = 200
    found = scene.extract(blue)
    assert "blue (240 degrees)" in llm.asked[0] and "vivid (100 of 100)" in llm.asked[0]
    assert f"({found.stats['lightness']:.0f} of 100)" in llm.asked[0]
    assert found.caption.endswith(f"{FPS * 4 / 20:.2f}") and found.vector.shape == (3,)
    assert scene.space.name == "rter" and "scene-" in scene.space.revision


def test_other_models_prompts_or_frames_are_other_spaces(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('scene = "mood? {hue}"\nface = "and the face?"\n')
    spaces = {str(CaptionSceneExtractor(Captioner(Counting(), prompts, tmp_path, 1), Rter(), frames).space)
              for prompts in (read_prompts(), read_prompts(own)) for frames in (4, 8)}
    assert len(spaces) == 4


def test_prompts_of_ones_own_are_checked(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('scene = "{colour}"\nface = "x"\n')
    with pytest.raises(UsageError, match="colour"):
        read_prompts(own)
    own.write_text('scene = "x"\n')
    with pytest.raises(UsageError, match="'face' is missing"):
        read_prompts(own)
    with pytest.raises(InputError):
        read_prompts(tmp_path / "none.toml")


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A tracker that sees a face of 40 pixels in frames 5..14 of any clip that is not black; returns its calls."""
    calls: list[int] = []

    def speaking(frames: np.ndarray, tracker: object) -> face_module.FacePath:
        calls.append(len(frames))
        path = face_module.FacePath.empty(len(frames))
        if frames.any():
            grid = np.stack(np.meshgrid(np.linspace(100, 140, 24), np.linspace(50, 90, 20)), -1).reshape(-1, 2)
            path.landmarks[:, :480, :2] = grid[:path.landmarks.shape[1]]
            path.seen[5:15] = True
        return path

    monkeypatch.setattr(face_module, "speaking_face", speaking)
    monkeypatch.setattr(face_module, "FaceTracker", lambda threads: None)
    return calls


def test_the_llm_sees_the_face_alone_and_lips_come_from_landmarks(tmp_path: Path, tracked: list[int]) -> None:
    llm = Counting()
    face = CaptionFaceExtractor(Captioner(llm, read_prompts(), tmp_path, 4), Rter(), frames=4)
    frames = np.zeros((20, 120, 200, 3), np.uint8)
    frames[:, 30:110, 80:160] = 250  # the face with its margin: 68 pixels around (120, 70)
    found = face.extract(frames)
    assert found.coverage == 0.5 and found.lips.visible.sum() == 10 and found.vector is not None
    assert "250.000" in found.caption, "nothing but the face is in the picture"
    assert tracked == [20], "tracked once, though looked at twice"


def test_a_clip_without_a_face_is_not_asked_about(tmp_path: Path, tracked: list[int]) -> None:
    llm = Counting()
    face = CaptionFaceExtractor(Captioner(llm, read_prompts(), tmp_path, 4), Rter(), frames=4)
    found = face.extract(np.zeros((20, 120, 200, 3), np.uint8))
    assert found.vector is None and found.profile is None and found.coverage == 0.0 and not llm.batches


def test_looking_ahead_fills_the_cache_in_batches(tmp_path: Path, tracked: list[int]) -> None:
    llm = Counting()
    captioner = Captioner(llm, read_prompts(), tmp_path, 3)
    scene, face = CaptionSceneExtractor(captioner, Rter(), 4), CaptionFaceExtractor(captioner, Rter(), 4)
    videos = clips(3, frames=16, side=160)
    ahead = CaptionsAhead(captioner, [scene, face])
    ahead.look(videos)
    assert ahead.clips == 3 and llm.batches == [3, 3]
    for video in videos:
        scene.extract(video)
        face.extract(video)
    assert llm.batches == [3, 3] and len(tracked) == 3


def test_sampling_keeps_the_ends_and_a_face_at_the_edge_is_cut() -> None:
    frames = np.arange(50)
    assert sample(frames, 5).tolist() == [0, 12, 24, 37, 49] and sample(frames[:3], 5).tolist() == [0, 1, 2]
    corner = np.array([[-30.0, -30, 0], [10, 10, 0]])
    assert cut_out(np.zeros((90, 120, 3), np.uint8), corner).shape == (336, 336, 3)


def test_parts_are_strict_and_code_comes_from_a_flag_alone() -> None:
    parts = paper_parts({"video-llm": "x/y", "audio": "lite", "batch": 2}, "f [paper]", "cpu", True, "auto")
    assert (parts.video_llm, parts.audio, parts.batch, parts.trust_remote_code, parts.device_map) == (
        "x/y", "lite", 2, True, "auto")
    with pytest.raises(UsageError) as caught:
        paper_parts({"video_lm": "x"}, "f [paper]")
    assert "video_llm" in caught.value.hint
    for key, value in {"trust-remote-code": True, "batch": 0}.items():
        with pytest.raises(UsageError, match=key):
            paper_parts({key: value}, "f [paper]")
