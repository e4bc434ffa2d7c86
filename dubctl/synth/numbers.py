"""How numbers are read: money, clocks, dates, fractions, units, and the rest.

num2words spells them; this file only decides which reading a token wants.
"""

from __future__ import annotations

import re

from num2words import num2words

_MONTHS = ("january february march april may june july august september october november december "
           "jan feb mar apr jun jul aug sep sept oct nov dec").split()
_MONTH_NAMES = {m[:3]: m for m in _MONTHS[:12]}
_CURRENCY = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_UNITS = {"km": "kilometer", "kg": "kilogram", "cm": "centimeter", "mm": "millimeter", "mph": "mile per hour",
          "lb": "pound", "lbs": "pound", "ft": "foot", "hz": "hertz", "gb": "gigabyte", "mb": "megabyte"}
_SCALES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
_PARTS = {2: "half", 4: "quarter"}


def read_numbers(text: str) -> str:
    """A line whose digits are words.

    >>> read_numbers("24/7 for $1.5M on 11/9/2001")
    'twenty-four seven for one point five million dollars on November ninth, two thousand and one'
    """
    text = re.sub(r"\b([A-Za-z])-(?=\d)", r"\1 ", _money(text))  # F-15: no stutter
    text = re.sub(r"\b(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])\.?m\b\.?", _clock_12, text, flags=re.I)
    text = re.sub(r"\b([01]?\d|2[0-3]):([0-5]\d)\b", _clock, text)
    text = _fractions(_dates(text))
    units = "|".join(_UNITS)
    text = re.sub(rf"(?<![\w.])(\d+(?:\.\d+)?)\s?({units})\b", _unit, text, flags=re.I)
    return _numbers(text)


def _money(text: str) -> str:
    def amount(match: re.Match[str]) -> str:
        unit, cents_name = _CURRENCY[match[1]]
        whole, cents = match[2].replace(",", ""), match[3]
        scale = match[5] or _SCALES.get((match[4] or "").lower())
        if scale:
            number = float(f"{whole}.{cents}") if cents else int(whole)
            return f"{say(number)} {scale} {unit}s"
        said = f"{say(int(whole))} {unit}{'' if int(whole) == 1 else 's'}"
        if cents and int(cents):
            value = int(cents.ljust(2, "0")[:2])
            plural = "pence" if cents_name == "penny" else "cents"
            said += f" and {say(value)} {cents_name if value == 1 else plural}"
        return said
    return re.sub(r"([$€£])\s?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{1,2}))?(?!\d)"
                  r"(?:(k|m|bn?)\b|\s(million|billion|thousand|trillion))?", amount, text, flags=re.I)


def _clock_12(match: re.Match[str]) -> str:
    return f"{_minutes(match[1], match[2])} {match[3].upper()} M"


def _clock(match: re.Match[str]) -> str:
    return _minutes(match[1], match[2])


def _minutes(hours: str, minutes: str) -> str:
    if int(minutes) == 0:
        return f"{say(int(hours))} o'clock" if int(hours) <= 12 else f"{say(int(hours))} hundred"
    return f"{say(int(hours))} {'oh ' if int(minutes) < 10 else ''}{say(int(minutes))}"


def _dates(text: str) -> str:
    names = "|".join(_MONTHS)
    text = re.sub(r"\b(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])/(\d{4})\b", _numeric_date, text)
    text = re.sub(rf"\b({names})\.?\s(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s(\d{{4}})\b)?", _month_day, text,
                  flags=re.I)
    text = re.sub(r"(?:'|\b)([2-9]0)'?s\b", _decade, text)  # '90s
    return re.sub(r"\b(1[1-9]\d{2}|20\d{2})(s?)\b(?![,.]\d)", _year, text)


def _numeric_date(match: re.Match[str]) -> str:
    return f"{_MONTHS[int(match[1]) - 1].title()} {num2words(int(match[2]), to='ordinal')}, {_say_year(int(match[3]))}"


def _month_day(match: re.Match[str]) -> str:
    month = match[1] if len(match[1]) > 4 or match[1].lower() == "may" else _MONTH_NAMES[match[1][:3].lower()].title()
    day = num2words(int(match[2]), to="ordinal")
    return f"{month} {day}" + (f", {_say_year(int(match[3]))}" if match[3] else "")


def _decade(match: re.Match[str]) -> str:
    return say(int(match[1]))[:-1] + "ies"


def _year(match: re.Match[str]) -> str:
    said = _say_year(int(match[1]))
    if match[2]:
        said = said[:-1] + "ies" if said.endswith("y") else said + "s"
    return said


def _say_year(year: int) -> str:
    return num2words(year, to="year")


def _fractions(text: str) -> str:
    """1/2, 3⁄4, 2 1/2, 24/7, 5'10"."""
    text = re.sub(r"""\b(\d)'\s?(\d{1,2})(?:"|'')?(?![\w'])""", r"\1 foot \2", text)
    text = re.sub(r"\b(\d+) (?=[1-9][/⁄][2-9]\b(?![/⁄]))", r"\1 and ", text)
    return re.sub(r"\b(\d{1,2})([/⁄])(\d{1,2})\b(?![/⁄\d])", _fraction, text)


def _fraction(match: re.Match[str]) -> str:
    top, bottom = int(match[1]), int(match[3])
    if match[2] == "/" and not (0 < top < bottom and bottom in (2, 3, 4, 5, 8, 10)):
        return f"{match[1]} {match[3]}"  # 24/7, 9/11
    part = _PARTS.get(bottom) or num2words(bottom, to="ordinal")
    if top != 1:
        part = "halves" if part == "half" else part + "s"
    return f"{say(top)} {part}"


def _unit(match: re.Match[str]) -> str:
    name = _UNITS[match[2].lower()]
    number = float(match[1]) if "." in match[1] else int(match[1])
    if number != 1 and not name.endswith("hertz"):
        first, _, rest = name.partition(" ")
        name = ("feet" if first == "foot" else first + "s") + (f" {rest}" if rest else "")
    return f"{say(number)} {name}"


def _numbers(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\b(\d{1,15})(st|nd|rd|th)\b", lambda m: num2words(int(m[1]), to="ordinal"), text, flags=re.I)
    text = re.sub(r"(?<![\w.])-(?=\d)", "minus ", text)
    text = re.sub(r"\d{16,}", lambda m: " ".join(m[0]), text)  # account numbers and the like: digit by digit
    text = re.sub(r"(\d+)\.(\d+)", lambda m: f"{say(int(m[1]))} point {' '.join(say(int(d)) for d in m[2])}", text)
    text = re.sub(r"\b0\d+\b", lambda m: " ".join("oh" if d == "0" else say(int(d)) for d in m[0]), text)
    text = re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", text)  # B52 -> B 52
    return re.sub(r"\d+", lambda m: say(int(m[0])), text)


def say(number: int | float) -> str:
    return num2words(number).replace(",", "")
