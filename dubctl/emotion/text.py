"""Text Emotion Extractor (paper): what the line itself feels like, and how one who hears it reacts."""

from __future__ import annotations

from dubctl.emotion.base import EmotionSpace, ReactionGenerator, TextEmotion, TextEmotionEncoder


class LiteTextExtractor:
    """Script line -> T_self, the generated reaction, T_react. Both vectors come from the same encoder.

    Args:
        rter: text -> emotion vector.
        reaction: line -> reaction in words.
    """

    def __init__(self, rter: TextEmotionEncoder, reaction: ReactionGenerator) -> None:
        self._rter, self._reaction = rter, reaction

    @property
    def space(self) -> EmotionSpace:
        """The space of both vectors: the encoder's."""
        return self._rter.space

    def extract(self, text: str) -> TextEmotion:
        """T_self (d,), reaction, T_react (d,) and profile (7,) of one line."""
        reaction = self._reaction.react([text])[0]
        own, react = self._rter.encode([text, reaction])
        return TextEmotion(reaction, own, react, self._rter.classify([text])[0])
