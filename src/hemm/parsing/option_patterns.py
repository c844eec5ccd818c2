"""Texts of options as patterns: whole words, and never a part of a number or formula."""

from __future__ import annotations

import re
import unicodedata

from hemm.parsing.patterns import late

_ROOT = late(r"\\?sqrt|√")
_FRACTION = late(r"\\[dt]?frac\s*\{([^{}]{1,40})\}\s*\{([^{}]{1,40})\}")
DIGIT = late(r"\d")


def math_form(text: str) -> str:
    r"""For comparing formulas: roots, fractions and products written in one way, without blanks and braces.

    >>> math_form(r"6*\sqrt{3}") == math_form("6√3"), math_form(r"\frac{3}{4}")
    (True, '3/4')
    """
    form = _ROOT.sub("√", unicodedata.normalize("NFKC", text).casefold())
    form = re.sub(r"√\s*\{\s*(\w+)\s*\}", r"√\1", form)
    form = _FRACTION.sub(r"\1/\2", _FRACTION.sub(r"\1/\2", form))
    form = re.sub(r"\\(?:cdot|times)|(?<=[\w)}])\s*[*·×]\s*(?=[√(\w\\])", "", form)
    form = re.sub(r"\^\s*\{?\\?circ\}?|\\degree|\s*degrees?\b", "°", form)
    form = form.replace("\\pi", "π").replace("−", "-").replace("\\%", "%").replace("$", "")
    return re.sub(r"[\s{}]", "", form).strip(".,;:!()[]\"'*")


_NUMBER_LEFT = (
    r"(?<![\w.,/^*·×√\\{}+_-])(?<!\w\()(?<![\d)}][-−+] )(?<![\d)}] )"
    r"(?<![\d)}°] [-−+*/×·] )(?<![*/×·^+÷] )(?<!\d[.,:])(?<!−)"
)
_NUMBER_RIGHT = (
    r"(?![\w%°/^*·×√\\+'])(?![.,:]\d)(?!\s?[-−–+*/×·^=÷]\s?[\d(\\√a-z]\b)(?!\s?[%√\\])(?!\s?percent\b)"
)
_SUM_RIGHT = r"(?!\s?[-−–+*/×·^=÷]\s?[\d(\\√])"


def formula(text: str) -> str | None:
    """A formula with a root or fraction as a pattern that allows other braces and blanks; None for others."""
    if not re.search(r"√|\\sqrt|\\frac", text):
        return None
    signs = {"√": r"(?:√|\\?sqrt)", "/": r"(?:/|\}\s?\{)"}
    gap = r"[\s{}*]{0,3}"
    body = gap.join(signs.get(sign, re.escape(sign)) for sign in math_form(text))
    fraction = r"(?:\\[dt]?frac\s?\{?)?"
    return (
        rf"{_NUMBER_LEFT}{fraction}{body}[}}\s]{{0,2}}(?!\s?[}}]){_NUMBER_RIGHT}(?!\s?(?:\\[a-zA-Z]|[a-z]\b))"
    )


def bounded(text: str, degrees: bool = False) -> str:
    """``text`` as a pattern that matches whole words (anywhere in scripts without blanks between words) and
    never a part of a number or formula."""
    left = right = ""
    numeric = DIGIT.search(text) is not None
    if text[0].isdigit() or text[0] in "√\\-−+.(π":
        left = _NUMBER_LEFT
    elif _wordy(text[0]):
        left = r"(?<![\w-])"
    if text[-1].isdigit() or text[-1] in "})π":
        right = _NUMBER_RIGHT
    elif _wordy(text[-1]):
        right = r"(?![\w-])" + (_SUM_RIGHT if text[0].isdigit() else "")
    elif text[-1] in "%°":
        right = r"(?![\w%°])" + _SUM_RIGHT
    blank = r"\s{0,2}" if numeric else r"\s+"
    body = re.escape(text).replace(r"\ ", blank)
    if numeric and text[-1] in "%°":
        end = "%" if text[-1] == "%" else r"(?:°|degrees\b)"
        body = re.escape(text[:-1]).replace(r"\ ", blank)
        body += rf"(?:\.0+)?(?:\s?{end}|(?![\d°%.]\d|\d|\s?°))" if degrees else rf"\s?{end}"
        right = right if not degrees else _SUM_RIGHT
    return left + body + right


def _wordy(character: str) -> bool:
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"
