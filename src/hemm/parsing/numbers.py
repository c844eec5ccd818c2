"""Numbers in a text: numerals, fractions, powers of ten and English number words; never a part of an
expression."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from hemm.parsing.patterns import late

_UNITS_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUE = {word: value for value, word in enumerate(_UNITS_WORDS.split())} | {
    word: 10 * tens for tens, word in enumerate(_TENS_WORDS.split(), 2)
}
_SCALE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WORD = "|".join(sorted((*_VALUE, *_SCALE), key=len, reverse=True))
_UNIT = "|".join(sorted(_VALUE, key=len, reverse=True))
_WORDS = late(
    rf"(?<![\w-])(?P<minus>(?:minus|negative)\s+)?(?P<words>(?:an?\s+(?:hundred|thousand|million|billion"
    rf"|trillion)|{_UNIT})"
    rf"(?:(?:\s+and\s+|[\s-])(?:{_WORD}))*)(?:(?P<half>\s+and\s+a\s+half)|\s+point(?P<decimals>(?:\s+(?:{_UNIT}))+))?"
    rf"(?![\w]|-[a-z]*(?:sided|digit"
    rf"|dimensional))",
    re.IGNORECASE,
)

_BEFORE = (
    r"(?<!=\s\()(?<!=\()(?<!/\()"
    r"(?<![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f])"
    r"(?<![.,/^√_{#&§@\\])(?<!\w\()(?<!\d[:×·*÷−–+-])(?<!\d\s[×·*÷+]\s)(?<![A-Za-z]-)"
)
_AFTER = (
    r"(?![^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f])(?![.,:]\d)(?!\s?[*×·÷√]\s?[\d(√\\])(?![/^√\\(_{])(?!\s[-−–+/]\s?\d)"
    r"(?![-−–]\d)(?!\s?[-−–+*]\s?[a-zA-Zπ√]\b(?!['’]))(?!π|\s?\\pi)"
)
_DIGITS = r"(?:\d{1,3}(?:(?:,|\{,\}|[ \u202f\u00a0])\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
_VULGAR = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3, "⅕": 0.2, "⅛": 0.125}
_GLUED = (
    r"(?-i:[kmc]?m|[km]?g|m?l|ms|h|hrs?|mins?|[km]?[VANJW]|[kMG]?Hz|lbs?|oz|ft|px|mph|k?cal|km/h)"
    r"(?![A-Za-z0-9])"
)
"""Units that stand behind a numeral without a blank (``23g``)."""
_NUMBER = late(
    rf"{_BEFORE}(?P<sign>[-−+](?=[\d.$]))?\$?(?:"
    rf"(?P<mixed>\d{{1,9}})?\s?(?P<vulgar>[{''.join(_VULGAR)}])"
    rf"|(?:(?P<ones>\d{{1,3}})\s(?=\d{{1,3}}/\d{{1,3}}(?!\.?\d)))?(?P<top>\d{{1,9}})\s?/\s?(?P<bottom>\d{{1,9}})(?!\s?/)"
    rf"|\\[dt]?frac\s?\{{\s?(?P<sign_in>[-−])?(?P<texttop>\d{{1,9}}(?:\.\d+)?)\s?\}}\s?\{{\s?(?P<textbottom>\d{{1,9}}(?:\.\d+)?)\s?\}}"
    rf"|(?P<numeral>{_DIGITS})(?:[eE](?P<exponent>[-+]?\d{{1,3}})|\s?(?:×|x|\*|\\times|\\cdot"
    rf"|·)\s?10\s?\^?\s?\{{?\s?(?P<power>(?<=\^)[-−+]?\d{{1,3}}|(?<=\{{)[-−+]?\d{{1,3}}|(?<=10)-\d{{1,3}}"
    rf"|(?<=10)\d(?!\d))\}}?)?"
    rf"(?:\s?(?P<scale>million|billion|trillion|thousand|hundred)\b)?)"
    rf"(?P<percent>\s?\\?%|\s?°|\s?\^\s?\{{?\s?\\circ\s?\}}?)?(?:{_GLUED})?{_AFTER}",
    re.IGNORECASE,
)
_FULL = late(r"\W*")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number in a text; ``word`` where it is written in letters (``two``)."""

    value: float
    begin: int
    end: int
    word: bool = False


def read_number(text: str, decimal_comma: bool = False) -> float | None:
    """A numeral as a number: ``3``, ``-2.5``, ``1,234.5`` (groups of three), ``3,5`` (decimal comma),
    ``1e5``, ``3/4``, ``three``, ``two hundred``; None where ``text`` is anything else.

    A percent sign or full stop behind it does not count. ``0,125`` is neither a group of three nor surely a
    decimal: it is read with ``decimal_comma`` alone. ``Number`` reads whole sentences.

    >>> read_number("1,234.5"), read_number("twenty-one"), read_number("42 %"), read_number("about 42")
    (1234.5, 21.0, 42.0, None)
    """
    stripped = text.strip().rstrip(".%").strip().rstrip("\\").strip()
    found = numerals(stripped, decimal_comma)
    if len(found) != 1 or (found[0].begin, found[0].end) != (0, len(stripped)):
        return None
    return found[0].value


def numbers(text: str) -> list[float]:
    """The values of all numbers in ``text``, in order."""
    return [numeral.value for numeral in numerals(text)]


def numerals(text: str, decimal_comma: bool = False) -> list[Numeral]:
    """All numbers in ``text`` in order: numerals, fractions, powers of ten, English number words.

    A numeral that is part of a larger expression (``f(0)``, ``x^2``, ``3√2``, ``2:30``) is none.
    """
    found: list[Numeral] = []
    for match in _NUMBER.finditer(text):
        value = _value(match, decimal_comma)
        if value is not None and math.isfinite(value):
            found.append(Numeral(value, match.start(), match.end()))
    taken = {i for numeral in found for i in (numeral.begin, numeral.end - 1)}
    for match in _WORDS.finditer(text):
        end = match.end() - 1
        if match.start() in taken or end in taken:
            continue
        value = _spelled(match["words"])
        if value is None:
            continue
        value += 0.5 if match["half"] else _decimals(match["decimals"])
        found.append(Numeral(-value if match["minus"] else value, match.start(), match.end(), word=True))
    return sorted(found, key=lambda numeral: numeral.begin)


def _value(match: re.Match[str], decimal_comma: bool) -> float | None:
    sign = -1.0 if (match["sign"] or "") in ("-", "−") and match["sign"] else 1.0
    if match["vulgar"]:
        return sign * (float(match["mixed"] or 0) + _VULGAR[match["vulgar"]])
    for top, bottom in (("top", "bottom"), ("texttop", "textbottom")):
        if match[top]:
            below = float(match[bottom])
            inner = -1.0 if match["sign_in"] else 1.0
            ones = float(match["ones"] or 0) if top == "top" else 0.0
            return sign * inner * (ones + float(match[top]) / below) if below else None
    value = _float(match["numeral"], decimal_comma)
    if value is None:
        return None
    if match["exponent"]:
        value = (
            float(f"{value!r}e{match['exponent']}")
            if "e" not in repr(value)
            else value * 10.0 ** int(match["exponent"])
        )
    if match["power"]:
        value *= 10.0 ** int(match["power"].replace("−", "-"))
    if match["scale"]:
        value *= _SCALE[match["scale"].lower()]
    return sign * value


_GROUPED = late(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")


def _float(numeral: str, decimal_comma: bool) -> float | None:
    digits = re.sub(r"[ \u202f\u00a0{}]", "", numeral)
    if decimal_comma:
        return float(digits.replace(".", "").replace(",", ".")) if digits.count(",") <= 1 else None
    if _GROUPED.fullmatch(digits):
        return float(digits.replace(",", ""))
    if re.fullmatch(r"0,\d{3}|\d+(?:,\d{3}){2,}", digits):
        return None  # 0,125: a decimal comma in some places, a slip in others
    return float(digits.replace(",", "."))


def _decimals(words: str | None) -> float:
    """``one six`` behind ``point`` -> 0.16."""
    return float("0." + "".join(str(_VALUE[word]) for word in words.lower().split())) if words else 0.0


def _spelled(words: str) -> float | None:
    """``two hundred and five`` -> 205; None where the words make no number (``two three``)."""
    total = current = 0.0
    last = math.inf
    for word in re.split(r"[\s-]+", words.lower()):
        if word in ("and", "a", "an"):
            continue
        if word in _SCALE:
            scale = _SCALE[word]
            if scale == 100:
                current = (current or 1) * 100
                last = 100
            else:
                total += (current or 1) * scale
                current, last = 0.0, math.inf
            continue
        value = _VALUE[word]
        fits = last == math.inf or last == 100 or (20 <= last < 100 and 0 < value < 10)
        if not fits or (value >= 20 and 20 <= last < 100):
            return None
        current += value
        last = value
    return total + current
