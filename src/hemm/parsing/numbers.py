"""Numbers in a model's text."""

from __future__ import annotations

import math
import re

from hemm.parsing.answer_text import ends_of_answer, lines, marked, without_markdown

_SMALL_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_SMALL = _SMALL_WORDS.split()
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * tens for tens, word in enumerate(_TENS_WORDS.split(), 2)}
_VALUE = {word: value for value, word in enumerate(_SMALL)} | _TENS
_WORD = re.compile(
    r"\b(?:("
    + "|".join(_TENS)
    + r")(?:[- ]("
    + "|".join(_SMALL[1:10])
    + r"))?|("
    + "|".join(reversed(_SMALL))
    + r"))\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![\w.,])[-−+]?"
    r"(?:\d{1,3}(?:[, \u202f\u00a0]\d{3})+(?!\d)(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)"
    r"(?:[eE][-+]?\d{1,3})?(?!\d|[.,]\d)"
)
_FRACTION = re.compile(r"(?<![\w.,/])([-−+]?\d{1,9})\s?/\s?(\d{1,9})(?![\d/])")
_EQUATION = re.compile(r"=\s*([^=\n]{1,60})$")


def read_number(text: str) -> float | None:
    """A numeral as a number: ``3``, ``-2.5``, ``1,234.5`` (groups of three), ``3,5`` (decimal comma),
    ``1e5``, ``3/4``, ``three``, ``twenty-one``; None where ``text`` is anything else.

    A percent sign or full stop behind it does not count. ``Number`` reads whole sentences.

    >>> read_number("1,234.5"), read_number("twenty-one"), read_number("42 %"), read_number("about 42")
    (1234.5, 21.0, 42.0, None)
    """
    candidates = numbers(text)
    stripped = text.strip().rstrip(".%").strip()
    match = _NUMBER.fullmatch(stripped) or _FRACTION.fullmatch(stripped) or _WORD.fullmatch(stripped)
    return candidates[0] if match and len(candidates) == 1 else None


def numbers(text: str) -> list[float]:
    """All numbers in ``text`` in order: numerals, fractions and English number words up to ninety-nine."""
    numbers_: list[tuple[int, float]] = []

    def take(match: re.Match[str]) -> str:
        if not int(match[2]):
            return match[0]
        numbers_.append((match.start(), _float(match[1]) / int(match[2])))
        return " " * len(match[0])

    rest = _FRACTION.sub(take, text)
    numbers_ += [(m.start(), _float(m[0])) for m in _NUMBER.finditer(rest)]
    for match in _WORD.finditer(rest):
        if match[1]:
            value = _VALUE[match[1].lower()] + (_VALUE[match[2].lower()] if match[2] else 0)
        else:
            value = _VALUE[match[3].lower()]
        numbers_.append((match.start(), float(value)))
    return [value for _, value in sorted(numbers_, key=lambda f: f[0]) if math.isfinite(value)]


def _float(numeral: str) -> float:
    digits = re.sub(r"[ \u202f\u00a0]", "", numeral.replace("−", "-"))
    if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    return float(digits.replace(",", "."))


def the_number(text: str) -> float | None:
    """The one number that ``text`` answers with, or None where there is none, or several that differ.

    An explicit final answer comes first, then the whole text, its last line, the right side of a closing
    equation, and prose that mentions one number only.
    """
    body = ends_of_answer(text)
    if not body:
        return None
    unmarked = without_markdown(body)
    for span in marked(body):
        candidates = numbers(without_markdown(span))
        if candidates:
            return _only(candidates)
    number = read_number(unmarked)
    if number is not None:
        return number
    last = lines(unmarked)[-1] if unmarked else ""
    if (found_last := read_number(last)) is not None:
        return found_last
    equation = _EQUATION.search(last.rstrip(". "))
    if equation and len(candidates := numbers(equation[1])) == 1:
        return candidates[0]
    return _only(numbers(unmarked))


def _only(values: list[float]) -> float | None:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
