from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from dubctl.media.clock import frame_at, frames_at, samples_at
from dubctl.media.mel import samples_of

seconds = st.floats(0.04, 600, allow_nan=False)


@given(seconds)
def test_lengths_are_within_half_a_unit(length: float) -> None:
    assert abs(samples_at(length) - length * 22_050) <= 0.5
    assert abs(frames_at(length) - length * 25) <= 0.5


@given(seconds)
def test_the_clip_clock_and_the_mel_clock_agree(length: float) -> None:
    assert samples_at(length) == samples_of(length)


RATES = [Fraction(24_000, 1001), Fraction(24), Fraction(30_000, 1001), Fraction(60)]


@given(st.integers(1, 20_000), st.sampled_from(RATES))
def test_a_float_of_the_exact_duration_gives_the_same_samples(frames: int, rate: Fraction) -> None:
    exact = frames / rate
    assert abs(samples_at(float(exact)) - exact * 22_050) <= Fraction(1, 2) + Fraction(1, 10**6)


@given(st.integers(1, 500), st.data())
def test_the_frame_on_screen_starts_before_and_ends_after(count: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, count - 1))
    assert frame_at(index / 25, count) == index
    assert frame_at(index / 25 + 0.039, count) == index
    assert frame_at(count / 25 + 1, count) == count - 1


def test_even_the_shortest_clip_has_a_frame() -> None:
    assert frames_at(0.001) == 1
