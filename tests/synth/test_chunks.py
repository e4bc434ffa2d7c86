"""A script is cut between sentences into pieces that the network can speak, and nothing of it is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubctl.errors import InputError
from dubctl.synth.chunks import CHUNK_TOKENS, SENTENCE_ENDS, chunk_tokens, ends_inside
from dubctl.synth.frontend import spoken_tokens
from dubctl.synth.symbols import is_sound

SENTENCES = ("We waited for hours.", "Nobody came!", "Was it raining?", "The trains had stopped, so we walked home.")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=12))
def test_all_is_spoken_in_order_and_no_piece_is_too_long(sentences):
    pieces = chunk_tokens(" ".join(sentences))
    sounds = [p for piece in pieces for p in piece.phones if is_sound(p)]
    assert sounds == [p for sentence in sentences for p in spoken_tokens(sentence).phones if is_sound(p)]
    assert all(len(piece) <= CHUNK_TOKENS for piece in pieces)


def test_a_short_script_is_one_piece_and_silence_may_go_between_its_sentences():
    (piece,) = chunk_tokens("Stop. Don't move!")
    marks = ends_inside(piece)
    assert marks.sum() == 1 and piece.phones[int(marks.argmax())] in SENTENCE_ENDS


def test_nothing_to_speak_is_refused():
    with pytest.raises(InputError):
        chunk_tokens("… !")
