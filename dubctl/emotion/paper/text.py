"""Text Emotion Extractor, the paper's: RTER on the line and on COMET's reaction."""

from __future__ import annotations

from dubctl.emotion.base import EmotionSpace, ReactionGenerator, TextEmotionEncoder
from dubctl.emotion.text import LiteTextExtractor


class PaperTextExtractor(LiteTextExtractor):
    """Line -> T_self, reaction, T_react; the space also names what wrote the reaction.

    Args:
        rter: text -> emotion vector. reaction: line -> reaction. revision: of the reaction generator.
    """

    def __init__(self, rter: TextEmotionEncoder, reaction: ReactionGenerator, revision: str) -> None:
        super().__init__(rter, reaction)
        self._space = EmotionSpace(rter.space.name, f"{rter.space.revision}+{revision}", rter.space.dim)

    @property
    def space(self) -> EmotionSpace:
        return self._space
