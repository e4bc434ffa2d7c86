"""The text-emotion encoder: its contract, its invariances, and that it knows feelings it was not told in words."""

from __future__ import annotations

import numpy as np
import pytest

from dubctl.emotion.base import EMOTIONS
from dubctl.emotion.rter import LiteTextEmotionEncoder
from dubctl.emotion.wordpiece import WordPiece, words
from dubctl.errors import DependencyError

LINES = {
    "anger": ["I hate you! Get out of my house!", "How dare you talk to me like that?"],
    "fear": ["Please don't hurt me, I'm so scared.", "There's something in the dark. Run!"],
    "joy": ["This is the happiest day of my life!", "I love it, thank you so much!"],
    "sadness": ["She died last night. I miss her so much.", "I've lost everything. I'm so alone."],
    "surprise": ["What a surprise, I am shocked!", "Wow, I did not expect that!"],
    "disgust": ["That is revolting, it makes me sick.", "Ugh, this is gross and disgusting."],
}
CAPTIONS = {
    "A dark, cold blue, nearly still scene; the mood is gloomy and quiet.": "sadness",
    "A bright, colourful, lively scene; the mood is cheerful and warm.": "joy",
    "The face starts calm, then turns sad, the brows lowered.": "sadness",
    "The face looks furious, the jaw tight and the brows lowered.": "anger",
    "The face is mostly neutral and hardly moves.": "neutral",
    "The face looks frightened, the eyes wide open.": "fear",
}


@pytest.fixture(scope="module")
def rter() -> LiteTextEmotionEncoder:
    return LiteTextEmotionEncoder()


def test_vectors_are_unit_float32_in_the_declared_space(rter: LiteTextEmotionEncoder) -> None:
    vectors = rter.encode(["Hello.", "Go away!", ""])
    assert vectors.shape == (3, rter.space.dim) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert rter.space.name == "dubctl/text-emotion" and len(rter.space.revision) == 12


def test_probabilities_sum_to_one(rter: LiteTextEmotionEncoder) -> None:
    found = rter.classify(["Hello.", ""])
    assert found.shape == (2, len(EMOTIONS)) and (found >= 0).all()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


def test_no_texts_give_no_rows(rter: LiteTextEmotionEncoder) -> None:
    assert rter.encode([]).shape == (0, rter.space.dim) and rter.classify([]).shape == (0, 7)


def test_a_vector_does_not_depend_on_its_batch(rter: LiteTextEmotionEncoder) -> None:
    texts = [line for lines in LINES.values() for line in lines] + ["Hm.", "word " * 200] + ["filler line"] * 70
    together = rter.encode(texts)
    alone = np.concatenate([rter.encode([text]) for text in texts[:14]])
    np.testing.assert_allclose(together[:14], alone, atol=1e-5)


def test_same_text_same_bytes(rter: LiteTextEmotionEncoder) -> None:
    assert rter.encode(["We shall see."]).tobytes() == LiteTextEmotionEncoder().encode(["We shall see."]).tobytes()


def test_odd_texts_are_read(rter: LiteTextEmotionEncoder) -> None:
    odd = ["", "   ", "\x00\u200b", "…!?", "日本語", "x" * 500, "a " * 5000, "Zoë’s naïve café 🙂"]
    assert np.isfinite(rter.encode(odd)).all()


@pytest.mark.parametrize("emotion", LINES)
def test_plain_lines_get_their_emotion(rter: LiteTextEmotionEncoder, emotion: str) -> None:
    found = rter.classify(LINES[emotion]).argmax(1)
    assert [EMOTIONS[label] for label in found] == [emotion] * len(LINES[emotion])


@pytest.mark.parametrize("caption", CAPTIONS)
def test_captions_get_their_emotion(rter: LiteTextEmotionEncoder, caption: str) -> None:
    assert EMOTIONS[rter.classify([caption])[0].argmax()] == CAPTIONS[caption]


def test_like_feels_nearer_than_unlike(rter: LiteTextEmotionEncoder) -> None:
    vectors = {emotion: rter.encode(lines) for emotion, lines in LINES.items()}
    within = np.mean([float(pair[0] @ pair[1]) for pair in vectors.values()])
    across = np.mean([float(a[0] @ b[1]) for x, a in vectors.items() for y, b in vectors.items() if x != y])
    assert within > across + 0.2


def test_captions_differ_from_each_other(rter: LiteTextEmotionEncoder) -> None:
    vectors = rter.encode(list(CAPTIONS))
    likeness = vectors @ vectors.T
    assert (likeness[~np.eye(len(vectors), dtype=bool)] < 0.999).all()


def test_missing_weights_say_so(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBCTL_MODELS", str(tmp_path))
    with pytest.raises(DependencyError, match="weights missing"):
        LiteTextEmotionEncoder()


def test_words_split_as_bert_does() -> None:
    assert words("Don't — Zoë!") == ["don", "'", "t", "—", "zoe", "!"]


def test_pieces_are_greedy_and_limited() -> None:
    tokens = WordPiece(["[UNK]", "[CLS]", "[SEP]", "un", "##able", "##a", "##b"])
    assert tokens.encode("unable", 10) == [1, 3, 4, 2]
    assert tokens.encode("unab zz", 10) == [1, 3, 5, 6, 0, 2]
    assert tokens.encode("un un un un", 4) == [1, 3, 3, 2]
