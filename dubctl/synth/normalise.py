"""English text normalisation: what is written -> what is said (numbers, money, dates, abbreviations, symbols).

num2words spells the numbers; this file only decides which reading a token wants.
"""

from __future__ import annotations

import re
import unicodedata

from num2words import num2words

_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "st": "saint", "prof": "professor", "gen": "general",
    "col": "colonel", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "jr": "junior", "sr": "senior",
    "etc": "et cetera", "vs": "versus", "approx": "approximately", "dept": "department", "no": "number",
    "ave": "avenue", "rev": "reverend", "hon": "honourable", "mt": "mount",
}
_MONTHS = ("january february march april may june july august september october november december "
           "jan feb mar apr jun jul aug sep sept oct nov dec").split()
_MONTH_NAMES = {m[:3]: m for m in _MONTHS[:12]}
_CURRENCY = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny")}
_UNITS = {"km": "kilometer", "kg": "kilogram", "cm": "centimeter", "mm": "millimeter", "mph": "mile per hour",
          "lb": "pound", "lbs": "pound", "ft": "foot", "hz": "hertz", "gb": "gigabyte", "mb": "megabyte"}
_SYMBOLS = {"&": " and ", "%": " percent ", "@": " at ", "+": " plus ", "=": " equals ", "#": " number ",
            "°": " degrees ", "*": " ", "_": " ", "/": " slash ", "|": " ", "~": " ", "^": " ", "\\": " ", "<": " ",
            ">": " ", "[": ", ", "]": ", ", "{": ", ", "}": ", ", "(": ", ", ")": ", "}
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "—", "−": "-", "…": "...", "«": '"', "»": '"'})


def normalise(text: str) -> str:
    """The spoken form of a written English line: words, apostrophes and `, . ! ? ; : —` only.

    >>> normalise("Dr. Smith paid $3.50 on May 3rd, 1999.")
    'doctor Smith paid three dollars and fifty cents on May third, nineteen ninety-nine.'
    """
    text = unicodedata.normalize("NFKC", text.translate(_QUOTES)).translate(_QUOTES)
    text = _abbreviations(text)
    text = _money(text)
    text = re.sub(r"\b(\d{1,2}):(\d{2})(?::\d{2})?\s*([ap])\.?m\b\.?", _clock_12, text, flags=re.I)
    text = re.sub(r"\b([01]?\d|2[0-3]):([0-5]\d)\b", _clock, text)
    text = _dates(text)
    units = "|".join(_UNITS)
    text = re.sub(rf"(?<![\w.])(\d+(?:\.\d+)?)\s?({units})\b", _unit, text, flags=re.I)
    text = _numbers(text)
    for char, word in _SYMBOLS.items():
        text = text.replace(char, word)
    return _tidy(text)


def _abbreviations(text: str) -> str:
    def word(match: re.Match[str]) -> str:
        closes = match[1].lower() == "etc" and match.end() == len(text)
        return _ABBREVIATIONS[match[1].lower()] + ("." if closes else "")
    names = "|".join(k for k in _ABBREVIATIONS if k != "no")
    text = re.sub(rf"\b({names})\.(?=\s|,|$)", word, text, flags=re.I)
    text = re.sub(r"\bno\.\s?(?=\d)", "number ", text, flags=re.I)
    return re.sub(r"\b(?:[A-Z]\.){2,}", lambda m: " ".join(m[0].replace(".", " ").split()), text)  # U.S.A. -> U S A


def _money(text: str) -> str:
    def amount(match: re.Match[str]) -> str:
        unit, cents_name = _CURRENCY[match[1]]
        whole, cents, scale = match[2].replace(",", ""), match[3], match[4]
        if scale:
            number = float(f"{whole}.{cents}") if cents else int(whole)
            return f"{_say(number)} {scale} {unit}s"
        said = f"{_say(int(whole))} {unit}{'' if int(whole) == 1 else 's'}"
        if cents and int(cents):
            value = int(cents.ljust(2, "0")[:2])
            plural = "pence" if cents_name == "penny" else "cents"
            said += f" and {_say(value)} {cents_name if value == 1 else plural}"
        return said
    return re.sub(r"([$€£])\s?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d{1,2}))?(?!\d)(?:\s(million|billion|thousand|trillion))?",
                  amount, text)


def _clock_12(match: re.Match[str]) -> str:
    return f"{_minutes(match[1], match[2])} {match[3].upper()} M"


def _clock(match: re.Match[str]) -> str:
    return _minutes(match[1], match[2])


def _minutes(hours: str, minutes: str) -> str:
    if int(minutes) == 0:
        return f"{_say(int(hours))} o'clock" if int(hours) <= 12 else f"{_say(int(hours))} hundred"
    return f"{_say(int(hours))} {'oh ' if int(minutes) < 10 else ''}{_say(int(minutes))}"


def _dates(text: str) -> str:
    names = "|".join(_MONTHS)
    text = re.sub(rf"\b({names})\.?\s(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s(\d{{4}})\b)?", _month_day, text,
                  flags=re.I)
    return re.sub(r"\b(1[1-9]\d{2}|20\d{2})(s?)\b(?![,.]\d)", _year, text)


def _month_day(match: re.Match[str]) -> str:
    month = match[1] if len(match[1]) > 4 or match[1].lower() == "may" else _MONTH_NAMES[match[1][:3].lower()].title()
    day = num2words(int(match[2]), to="ordinal")
    return f"{month} {day}" + (f", {_say_year(int(match[3]))}" if match[3] else "")


def _year(match: re.Match[str]) -> str:
    said = _say_year(int(match[1]))
    if match[2]:
        said = said[:-1] + "ies" if said.endswith("y") else said + "s"
    return said


def _say_year(year: int) -> str:
    return num2words(year, to="year")


def _unit(match: re.Match[str]) -> str:
    name = _UNITS[match[2].lower()]
    number = float(match[1]) if "." in match[1] else int(match[1])
    if number != 1 and not name.endswith("hertz"):
        first, _, rest = name.partition(" ")
        name = ("feet" if first == "foot" else first + "s") + (f" {rest}" if rest else "")
    return f"{_say(number)} {name}"


def _numbers(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\b(\d{1,15})(st|nd|rd|th)\b", lambda m: num2words(int(m[1]), to="ordinal"), text, flags=re.I)
    text = re.sub(r"(?<![\w.])-(?=\d)", "minus ", text)
    text = re.sub(r"\d{16,}", lambda m: " ".join(m[0]), text)  # account numbers and the like: digit by digit
    text = re.sub(r"(\d+)\.(\d+)", lambda m: f"{_say(int(m[1]))} point {' '.join(_say(int(d)) for d in m[2])}", text)
    text = re.sub(r"\b0\d+\b", lambda m: " ".join("oh" if d == "0" else _say(int(d)) for d in m[0]), text)
    text = re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", text)  # B52 -> B 52
    return re.sub(r"\d+", lambda m: _say(int(m[0])), text)


def _say(number: int | float) -> str:
    return num2words(number).replace(",", "")


def _tidy(text: str) -> str:
    text = re.sub(r"\.{2,}", ", ", text).replace('"', "")
    text = re.sub(r"\s-+\s|--+", " — ", text)
    text = "".join(c for c in text if c.isalpha() or c in " '’,.!?;:—-" or c.isspace() or unicodedata.combining(c))
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+([,.!?;:])", r"\1", text)
    text = re.sub(r"([,;:])[,;:]+", r"\1", text)
    text = re.sub(r",\s*([.!?])", r"\1", text)
    return text.strip(" ,;:")
