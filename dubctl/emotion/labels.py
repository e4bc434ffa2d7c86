"""The seven classes and the names data sets give them."""

from __future__ import annotations

from dubctl.emotion.base import EMOTIONS

_NAMES = {"angry": "anger", "mad": "anger", "disgusted": "disgust", "fearful": "fear", "scared": "fear",
          "afraid": "fear", "happy": "joy", "happiness": "joy", "joyful": "joy", "calm": "neutral", "sad": "sadness",
          "surprised": "surprise"}
# flat labels of V2C-Animation's emotions.json; 7 = "others" is none of ours
_V2C = {"0": "anger", "1": "disgust", "2": "fear", "3": "joy", "4": "neutral", "5": "sadness", "6": "surprise"}


def emotion_class(label: str) -> int | None:
    """Index in `EMOTIONS` of a data set's label ("fearful", "calm", V2C's "3" …); None where it is none of the seven.

    >>> EMOTIONS[emotion_class("Happy")]
    'joy'
    """
    name = str(label).strip().lower()
    name = _NAMES.get(name) or _V2C.get(name) or name
    return EMOTIONS.index(name) if name in EMOTIONS else None
