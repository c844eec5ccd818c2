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
from hemm.core.text import letters
from hemm.parsing.formats import join_labels
from hemm.tasks.cards import NUMBER, WAYS
from hemm.tasks.cells import literal, scalar
from hemm.tasks.choice_forms import own_letters, without_letter

EACH = "each"
"""Every answer by the ways that read it, which must agree: where no way reads all."""
_LETTER = re.compile(r"[(\[]?\s*([A-Za-z])\s*[)\].:]?")
_POSITION = re.compile(r"\d{1,3}")
_WHOLE = re.compile(r"(\d{1,3})\.0")
"""A whole number as a table writes it whose column has empty cells too."""
_SHOWN = 10


@dataclass(frozen=True)
class Choices:
    """The choices of one row.

    shown   as the prompt shows them
    names   the key of each, where the table has its own (``A``, ``B``, ``D``; ``1``, ``2``); empty: A is the
            first
    labels  what the answers in the data call a choice -> its text
    turned  whether the table has them in another order, so that a position names none
    """

    shown: tuple[str, ...]
    names: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    turned: bool = False

    def by(self, way: str, value: Any) -> int | None:
        """The number of the choice that ``value`` names, read in one way; None where it names none."""
        text = (scalar(value) or "").strip()
        if not text:
            return None
        if way == "text":
            stripped = [choice.strip() for choice in self.shown]
            shown = self.labels.get(text, text).strip()
            if shown not in stripped and (whole := _WHOLE.fullmatch(text)):
                shown = whole[1]
            return stripped.index(shown) if shown in stripped else None
        if whole := _WHOLE.fullmatch(text):
            text = whole[1]
        if way == "letter":
            if text.upper() in self.names:
                return self.names.index(text.upper())
            own = self.names and all(len(name) == 1 or name.isdecimal() for name in self.names)
            names = self.names if own else letters(len(self.shown))
            letter, rest = without_letter(text)
            if letter in names and self.shown[names.index(letter)].strip() == rest:
                return names.index(letter)
            match = _LETTER.fullmatch(text)
            return names.index(match[1].upper()) if match and match[1].upper() in names else None
        if isinstance(value, bool) or not _POSITION.fullmatch(text) or self.numbered or self.turned:
            return None
        number = int(text) - (way == NUMBER)
        return number if 0 <= number < len(self.shown) else None

    def unlettered(self) -> Choices:
        """These choices, where all bring their own letters, without them and in their order."""
        if self.names or not (own := own_letters(self.shown)):
            return self
        turned = [without_letter(choice)[0] for choice in self.shown] != list(own)
        return Choices(tuple(own.values()), tuple(own), self.labels, turned)

    @property
    def numbered(self) -> bool:
        """Whether the table has a number for each choice, which is not its position."""
        return any(name.isdecimal() for name in self.names)

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
        if self.names and (number := self.by("letter", value)) is not None:
            return number  # the table says it
        found = {number for w in WAYS if (number := self.by(w, value)) is not None}
        return found.pop() if len(found) == 1 else None

    def reads(self, value: Any) -> bool:
        """Whether a value names a choice in any way."""
        return any(self.by(way, value) is not None for way in WAYS)

    def members(self, value: Any) -> list[Any]:
        """The values that name the members of a set: a list, ``A; B``, ``A, B``, ``AB``, a list as text.

        >>> choices = Choices(("owl", "gull", "heron"))
        >>> [choices.members(value) for value in ("A; C", "AC", "owl, gull", "gull", ["A", "B"])]
        [['A', 'C'], ['A', 'C'], ['owl', 'gull'], ['gull'], ['A', 'B']]
        """
        value = literal(value) if isinstance(value, str) else value
        if isinstance(value, list | tuple):
            return [member for v in value for member in self.members(v)]
        if not isinstance(value, str) or self.reads(value):
            return [value]
        for separator in (";", ","):
            parts = [part.strip() for part in value.split(separator) if part.strip()]
            if len(parts) > 1 and all(map(self.reads, parts)):
                return list(parts)
        each = list(value.strip())
        named = {self.by("letter", letter) for letter in each}
        return list(each) if len(named) == len(each) > 1 and None not in named else [value]


@dataclass(frozen=True)
class Answer:
    """The right answer of one row, as the table has it, and where it stands."""

    where: str
    name: str
    values: Sequence[Any]
    choices: Choices


@dataclass(frozen=True)
class How:
    """How right answers are written.

    way    the way in which they name choices; empty: in the ways that agree
    said   whether the card says the way: an answer that names no choice is then left out instead of refused
    many   whether an answer is a set of choices
    lists  what several right answers of a row are, as far as the card says it: a ``set``, or ``alternatives``
    """

    way: str = ""
    said: bool = False
    many: bool = False
    lists: str = ""


class NoChoice(BadData):
    """A right answer that names none of the choices."""


class Unsaid(BadData):
    """A row that can be meant in two ways; ``then`` is the card line that says which, for all such rows."""

    def __init__(self, what: str, then: str) -> None:
        super().__init__(f"{what}; {then}")
        self.what, self.then = what, then


def references_of(answer: Answer, how: How) -> tuple[str, ...]:
    """The right answers of a row as references: choices as the references write them, or any texts.

    Raises NoChoice, and Unsaid where a list can be meant in two ways.
    """
    if not answer.choices.shown:
        return _open(answer, how)
    choices, values = answer.choices, answer.values
    members = [choices.members(v) for v in values] if how.many else [[v] for v in values]
    if how.many and not how.lists and sum(map(len, members)) > 1:
        raise Unsaid(
            f"{answer.where}: field {answer.name!r} names several choices",
            "'answer: {as: set}' in the card says that all are right together, "
            "'{as: alternatives}' that each is",
        )
    if how.lists == "set" and values:
        members = [[value for each in members for value in each]]
    return tuple(_set(answer, {_number(answer, value, how) for value in each}) for each in members)


def _open(answer: Answer, how: How) -> tuple[str, ...]:
    """Right answers to an open question: any texts."""
    values = list(answer.values)
    if len(values) == 1 and isinstance(values[0], str) and how.way != "text":
        written = literal(values[0])  # a table of texts has its lists as texts
        values = written if isinstance(written, list) and len(written) > 1 else values
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(values) > 1 and how.lists != "alternatives":
        raise Unsaid(
            f"{answer.where}: field {answer.name!r} is a list of {len(numbers)} numbers",
            "numbers in a list (a box, a point) are no equally right answers: map another column to answer, "
            "or say 'answer: {as: alternatives}' in the card ('{as: text}' where the list is one text)",
        )
    texts = [scalar(value) for value in values]
    if None in texts:
        wrong = values[texts.index(None)]
        raise BadData(f"{answer.where}: field {answer.name!r} is no text: {wrong!r:.40}")
    return tuple(map(str, texts))


def _number(answer: Answer, value: Any, how: How) -> int:
    number = answer.choices.read(how.way or EACH, value)
    if number is None:
        raise NoChoice(none_of(answer, value))
    return number


def _set(answer: Answer, numbers: Iterable[int]) -> str:
    """Choices as one reference. Raises BadData for one that cannot stand in a set."""
    labels = [answer.choices.gold(number) for number in sorted(numbers)]
    if len(labels) > 1 and (wrong := [label for label in labels if ";" in label]):
        raise BadData(
            f"{answer.where}: field {answer.name!r}: the choice {wrong[0]!r:.60} of a set has a semicolon"
        )
    return join_labels(labels)


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
    labels, keyed = False, True
    for answer in answers:
        labels = labels or bool(answer.choices.labels)
        keyed = keyed and bool(answer.choices.names)
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
    if keyed and "letter" in complete:
        return "letter"  # the table says what each choice is called
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
