"""Text of models and data sets as a page may show it: never as markup, never as an invisible character."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from hemm.core import storable

SHOWN = 1_500
"""Characters of a prompt or an answer that a page shows."""

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
"""Controls, direction marks and other characters that change a text without being seen. Joiners
(U+200C, U+200D) are left: scripts and emoji are written with them."""


def written_out(character: str) -> str:
    """An unseen character as people write it: ``\\x1b``, ``\\u202e``, ``\\U000e0041``."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def plain(text: str) -> str:
    """``text`` with unseen characters written out: for attributes, figures and the terminal."""
    return _UNSEEN.sub(lambda m: written_out(m.group()), text.replace("\r\n", "\n"))


def visible(text: str) -> Markup:
    """``text`` as HTML: escaped, unseen characters written out and marked."""
    text = text.replace("\r\n", "\n")
    out: list[Markup] = []
    end = 0
    for found in _UNSEEN.finditer(text):
        seen = Markup('<span class="esc">{}</span>').format(written_out(found.group()))
        out += [escape(text[end : found.start()]), seen]
        end = found.end()
    return Markup("").join([*out, escape(text[end:])])


def one_line(text: str, limit: int = 60) -> str:
    """A name on one line: blanks folded, unseen characters written out, the middle of long ones left out."""
    line = plain(storable(" ".join(text[: 20 * limit].split())))
    if len(line) <= limit:
        return line
    head = (limit - 1) * 2 // 3
    return f"{line[:head]}…{line[len(line) - (limit - 1 - head) :]}"


@dataclass(frozen=True)
class Excerpt:
    """The first ``SHOWN`` characters of a text, and how long all of it is."""

    text: str
    length: int

    @property
    def cut(self) -> bool:
        return len(self.text) < self.length


def excerpt(text: str, limit: int = SHOWN) -> Excerpt:
    """``text``, cut after ``limit`` characters."""
    return Excerpt(storable(text[:limit]), len(text))


MINUS = "−"


def number(value: float | None, digits: int = 2) -> str:
    """A number for people, with a minus sign of the width of a digit; a dash for none."""
    if value is None or value != value:
        return "–"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 2) -> str:
    """A difference with its sign."""
    said = number(value, digits)
    return f"+{said}" if value is not None and value > 0 and float(f"{value:.{digits}f}") else said


def count(value: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def plural(value: int, one: str, many: str = "") -> str:
    """``1 task``, ``2 tasks``."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def span(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval: ``0.41 to 0.53``."""
    return (
        "no interval" if low is None or high is None else f"{number(low, digits)} to {number(high, digits)}"
    )


def p_value(p: float | None) -> str:
    """A p value for people: two digits, never 0."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
