"""What is written -> what is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubctl.synth.normalise import normalise


@pytest.mark.parametrize(("written", "spoken"), [
    ("Dr. Smith paid $3.50 on May 3rd, 1999.",
     "doctor Smith paid three dollars and fifty cents on May third, nineteen ninety-nine."),
    ("I have 21 cats & 3 dogs!", "I have twenty-one cats and three dogs!"),
    ("It's 10:05 pm", "It's ten oh five P M"),
    ("at 9:00", "at nine o'clock"),
    ("1,234 people", "one thousand two hundred and thirty-four people"),
    ("50% of 3.14", "fifty percent of three point one four"),
    ("the 1990s", "the nineteen nineties"),
    ("Agent 007", "Agent oh oh seven"),
    ("-5 degrees", "minus five degrees"),
    ("12 km", "twelve kilometers"),
    ("1 ft", "one foot"),
    ("the 2nd B52", "the second B fifty-two"),
    ("£1.01", "one pound and one penny"),
    ("$2 million", "two million dollars"),
    ("U.S.A. wins", "U S eh wins"),  # espeak-ng's name of the letter; "A" would be the article
    ("Louis XIV and World War II, Malcolm X", "Louis the fourteenth and World War two, Malcolm X"),
    ("Mario Vinnie", "Mario Vinnie"),
    ("open 24/7, 3/4 of it", "open twenty-four seven, three quarters of it"),
    ("2½ cups, 2 1/2 cups", "two and one half cups, two and one half cups"),
    ("on 11/9/2001", "on November ninth, two thousand and one"),
    ("He's 6'2\" tall", "He's six foot two tall"),
    ("the '90s and 80s", "the nineties and eighties"),
    ("$1.5M, $20K", "one point five million dollars, twenty thousand dollars"),
    ("see www.example.com now", "see www dot example dot com now"),
    ("Hello\x00there", "Hello there"),
    ("an F-15, a T-2", "an F fifteen, a T two"),
    (". <.", "."),
    ("wait... what?", "wait, what?"),
    ("Sept. 5", "September fifth"),
])
def test_readings(written, spoken):
    assert normalise(written) == spoken


@given(st.text(max_size=60))
def test_no_digit_survives_and_nothing_crashes(text):
    spoken = normalise(text)
    assert not any(c in "0123456789$%&@" for c in spoken)
    assert "  " not in spoken and spoken == spoken.strip()


@given(st.integers(0, 10**12))
def test_a_spelt_number_is_not_spelt_again(number):
    once = normalise(str(number))
    assert once and normalise(once) == once
