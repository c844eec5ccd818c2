"""Makes text of models and data sets safe to show: no markup, no invisible characters."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from hemm.core import storable
from hemm.core.text import UNSEEN, escape_unseen, written_out

EXCERPT = 1_500
"""Most characters of a prompt or an answer on a page."""

LABEL = 120
"""Most characters of a subject's label: two that differ should not be cut to the same text."""


def visible(text: str) -> Markup:
    """``text`` as HTML, with invisible characters escaped and marked."""
    text = text.replace("\r\n", "\n")
    out: list[Markup] = []
    end = 0
    for match in UNSEEN.finditer(text):
        marked = Markup('<span class="esc">{}</span>').format(written_out(match.group()))
        out += [escape(text[end : match.start()]), marked]
        end = match.end()
    return Markup("").join([*out, escape(text[end:])])


def one_line(text: str, limit: int = 60) -> str:
    """A name on one line: blanks folded, invisible characters escaped, the middle of long names left out."""
    line = escape_unseen(storable(" ".join(text[: 20 * limit].split())))
    if len(line) <= limit:
        return line
    head = (limit - 1) * 2 // 3
    return f"{line[:head]}…{line[len(line) - (limit - 1 - head) :]}"


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a text of ``length`` characters."""

    text: str
    length: int

    @property
    def cut(self) -> bool:
        return len(self.text) < self.length


def excerpt(text: str, limit: int = EXCERPT) -> Excerpt:
    return Excerpt(storable(text[:limit]), len(text))


def question(prompt: str) -> str:
    """A prompt as people read it: marks of pictures before and after the text are not shown, since the
    pictures are."""
    return re.sub(r"^(?:\s*<image>)+\s*|\s*(?:<image>\s*)+$", "", prompt).strip("\n")


MINUS = "−"


def number(value: float | None, digits: int = 2) -> str:
    """A number with ``digits`` decimals and a typographic minus sign; a dash for None and NaN."""
    if value is None or value != value:
        return "–"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float | None, digits: int = 2) -> str:
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and float(f"{value:.{digits}f}") else text


def points(value: float | None) -> str:
    """Hundredths of a score: ``2.4``; two decimals below 0.1, a dash for None."""
    if value is None:
        return number(value)
    return number(100 * value, 2 if 0.00005 <= abs(value) < 0.001 else 1)


def more_than(value: float, digits: int = 2) -> str:
    """A difference in words, also where it rounds to nothing.

    >>> more_than(0.123), more_than(-0.5), more_than(-0.004)
    ('0.12 more than', '0.50 less than', 'the same, to 2 decimals, as')
    """
    text = number(abs(value), digits)
    if not float(text):
        return f"the same, to {digits} decimals, as"
    return f"{text} {'more' if value > 0 else 'less'} than"


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
    """A p value with two or three decimals, never 0; a dash for None."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
