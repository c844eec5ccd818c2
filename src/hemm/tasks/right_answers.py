"""Which choices the answers of a table name: by their text, by letter, or by position.

Nothing is guessed row by row: over a whole file every way to read the answers that reads all of them must
give the same choices. A card can say the way (``answer: {as: letter}``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hemm.core import BadData
from hemm.tasks.cells import scalar

WAYS = ("text", "letter", "position")
EACH = "each"
"""Every answer by the ways that read it, which must agree: where no way reads all."""
_LETTER = re.compile(r"[(\[]?\s*([A-Za-z])\s*[)\].:]?")
_POSITION = re.compile(r"\d{1,3}")
_SHOWN = 10


@dataclass(frozen=True)
class Choices:
    """The choices of one row.

    shown   as the prompt shows them
    names   the letter of each, where the table has its own (``A``, ``B``, ``D``); empty: A is the first
    labels  what the answers in the data call a choice -> its text
    """

    shown: tuple[str, ...]
    names: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def by(self, way: str, value: Any) -> int | None:
        """The number of the choice that ``value`` names, read in one way; None where it names none."""
        text = (scalar(value) or "").strip()
        if not text:
            return None
        if way == "text":
            shown = self.labels.get(text, text)
            stripped = [choice.strip() for choice in self.shown]
            return stripped.index(shown.strip()) if shown.strip() in stripped else None
        if way == "letter":
            match = _LETTER.fullmatch(text)
            names = self.names or tuple(chr(ord("A") + n) for n in range(len(self.shown)))
            return names.index(match[1].upper()) if match and match[1].upper() in names else None
        if isinstance(value, bool) or not _POSITION.fullmatch(text):
            return None
        return int(text) if int(text) < len(self.shown) else None

    def gold(self, number: int) -> str:
        """The choice as references write it."""
        back = {shown: label for label, shown in self.labels.items()}
        return back.get(self.shown[number], self.shown[number])

    def read(self, way: str, value: Any) -> int | None:
        """``by``; where the way is EACH, the one choice that all ways give. None where they give several."""
        if way != EACH:
            return self.by(way, value)
        if self.labels and (number := self.by("text", value)) is not None:
            return number  # the card says what the answers are called
        found = {number for w in WAYS if (number := self.by(w, value)) is not None}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Answer:
    """The right answer of one row, as the table has it, and where it stands."""

    where: str
    name: str
    values: Sequence[Any]
    choices: Choices


def way_of(answers: Iterable[Answer], said: str = "", first: str = "") -> str:
    """The way in which the answers of a file are read.

    said   what the card says; empty: nothing
    first  the way of the file's layout, which is taken where it reads all of them

    Raises BadData that lists the rows: where ways that read all answers disagree, and, where none does, the
    rows whose answer is read in no way, or in two.
    """
    if said:
        return said
    complete = dict.fromkeys(WAYS)
    differing: dict[tuple[str, str], list[str]] = {}
    unclear: list[str] = []
    labels = False
    for answer in answers:
        labels = labels or bool(answer.choices.labels)
        for value in answer.values:
            found = {way: answer.choices.by(way, value) for way in WAYS}
            for way in WAYS:
                if found[way] is None:
                    complete.pop(way, None)
            for one, other in (("text", "letter"), ("text", "position"), ("letter", "position")):
                if None not in (found[one], found[other]) and found[one] != found[other]:
                    differing.setdefault((one, other), []).append(_both(answer, value, one, other))
            if answer.choices.read(EACH, value) is None:
                unclear.append(_unclear(answer, value))
    if first in complete or (labels and "text" in complete):
        return first if first in complete else "text"
    for pair, rows in differing.items():
        if set(pair) <= complete.keys():
            raise BadData(_all(rows, f"say 'answer: {{as: {pair[0]}}}' or '{{as: {pair[1]}}}' in the card"))
    if not complete and unclear:
        raise BadData(
            _all(unclear, "'answer: {as: letter}', position or text in the card says how answers are read")
        )
    return next(iter(complete), EACH)


def _both(answer: Answer, value: Any, one: str, other: str) -> str:
    by = [f"{answer.choices.shown[answer.choices.by(w, value) or 0]!r:.40} by {w}" for w in (one, other)]
    return f"{answer.where}: field {answer.name!r} is {value!r:.60}, {by[0]} and {by[1]}"


def _unclear(answer: Answer, value: Any) -> str:
    ways = [w for w in WAYS if answer.choices.by(w, value) is not None]
    if len(ways) > 1:
        return _both(answer, value, ways[0], ways[-1])
    return none_of(answer, value)


def none_of(answer: Answer, value: Any) -> str:
    """What is wrong with a value that names no choice, in a line."""
    if not isinstance(value, str | int | float):
        return f"{answer.where}: field {answer.name!r} is no text: {value!r:.40}"
    count = len(answer.choices.shown)
    return (
        f"{answer.where}: field {answer.name!r} is {str(value)!r:.60}, which is none of the {count} choices"
    )


def _all(rows: Sequence[str], then: str) -> str:
    more = f"; and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"{'; also: '.join(rows[:_SHOWN])}{more}; {then}"
