"""The paper profile from its parts."""

from __future__ import annotations

from dubctl.device import resolve_device
from dubctl.emotion.base import AudioExtractor, FaceExtractor, Profile, SceneExtractor, TextEmotionEncoder
from dubctl.emotion.paper.ahead import CaptionsAhead
from dubctl.emotion.paper.captions import Captioner, caption_cache
from dubctl.emotion.paper.face import CaptionFaceExtractor
from dubctl.emotion.paper.parts import LITE, PaperParts
from dubctl.emotion.paper.prompts import read_prompts
from dubctl.emotion.paper.scene import CaptionSceneExtractor
from dubctl.emotion.paper.text import PaperTextExtractor
from dubctl.emotion.paper.video_llm import load_video_llm
from dubctl.emotion.text import LiteTextExtractor


def compose(parts: PaperParts) -> Profile:
    """The extractors that the parts name. Small ones are loaded first, so that what is missing is said soon.

    Raises:
        DependencyError: weights or packages are missing.
    """
    device = resolve_device(parts.device)
    rter = _rter(parts, device)
    text = _text(parts, rter, device)
    audio = _audio(parts, device)
    captioner = _captioner(parts)
    scene: SceneExtractor = _scene(parts, rter, captioner)
    face: FaceExtractor = _face(parts, rter, captioner)
    asking = [one for one in (scene, face) if isinstance(one, (CaptionSceneExtractor, CaptionFaceExtractor))]
    large = captioner is not None or any(part != LITE for part in (parts.rter, parts.comet, parts.audio))
    return Profile("paper", scene, face, text, audio,
                   CaptionsAhead(captioner, asking) if captioner is not None else None, alone=large)


def _rter(parts: PaperParts, device: str) -> TextEmotionEncoder:
    if parts.rter == LITE:
        from dubctl.emotion.rter import LiteTextEmotionEncoder

        return LiteTextEmotionEncoder()
    from dubctl.emotion.paper.rter import RobertaTextEmotion

    return RobertaTextEmotion(parts.rter, parts.rter_pooling, device, parts.dtype, parts.trust_remote_code)


def _text(parts: PaperParts, rter: TextEmotionEncoder, device: str) -> LiteTextExtractor:
    if parts.comet == LITE:
        from dubctl.emotion.reaction import LiteReactionGenerator
        from dubctl.emotion.rter import LiteTextEmotionEncoder

        # the lite generator weighs phrases by the lite encoder's features, whatever encodes them afterwards
        reader = rter if isinstance(rter, LiteTextEmotionEncoder) else LiteTextEmotionEncoder()
        return PaperTextExtractor(rter, LiteReactionGenerator(reader), f"lite@{reader.space.revision}")
    from dubctl.emotion.paper.comet import CometReactionGenerator

    comet = CometReactionGenerator(parts.comet, device, parts.dtype, parts.trust_remote_code)
    return PaperTextExtractor(rter, comet, comet.revision)


def _audio(parts: PaperParts, device: str) -> AudioExtractor:
    if parts.audio == LITE:
        from dubctl.emotion.audio import FunctionalsExtractor

        return FunctionalsExtractor()
    from dubctl.emotion.paper.emotion2vec import Emotion2VecExtractor

    return Emotion2VecExtractor(parts.audio, device)


def _captioner(parts: PaperParts) -> Captioner | None:
    if "caption" not in (parts.scene, parts.face):
        return None
    prompts = read_prompts(parts.prompts)
    return Captioner(load_video_llm(parts), prompts, parts.cache or caption_cache(), parts.batch)


def _scene(parts: PaperParts, rter: TextEmotionEncoder, captioner: Captioner | None) -> SceneExtractor:
    if parts.scene == LITE or captioner is None:
        from dubctl.emotion.scene import LiteSceneExtractor

        return LiteSceneExtractor(rter)
    return CaptionSceneExtractor(captioner, rter, parts.frames)


def _face(parts: PaperParts, rter: TextEmotionEncoder, captioner: Captioner | None) -> FaceExtractor:
    if parts.face == LITE or captioner is None:
        from dubctl.emotion.face import LiteFaceExtractor

        return LiteFaceExtractor(rter)
    return CaptionFaceExtractor(captioner, rter, parts.frames)
