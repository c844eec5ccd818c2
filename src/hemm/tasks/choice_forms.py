"""What the choices of a user's table bring themselves: letters in their texts, keys with gaps, empty ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hemm.core.text import counted, letters
from hemm.tasks.cells import choices_of

_OWN = re.compile(r"\s*[(\[]?([A-Za-z])[)\].:]\s+(\S.*)", re.DOTALL)
_WORDS = {
    "letter": "by letter (A is the first)",
    "text": "by the texts of the choices",
    "position": "by position (0 is the first)",
    "number": "by number (1 is the first)",
    "each": "row by row, by text, letter or position, which agree",
}


def own_letters(choices: Sequence[str]) -> dict[str, str]:
    """Letter -> choice without it, by letter, where every choice brings a letter and they are A, B, ...

    Empty where that is not so: names such as ``J. Smith`` bring no letters.

    >>> own_letters(["B. owl", "A. gull"]), own_letters(["J. Smith", "A. Jones"])
    ({'A': 'gull', 'B': 'owl'}, {})
    """
    found = [_OWN.fullmatch(choice) for choice in choices]
    by = {match[1].upper(): match[2].strip() for match in found if match}
    if len(choices) < 2 or tuple(sorted(by)) != letters(len(choices)):
        return {}
    return {letter: by[letter] for letter in sorted(by)}


def without_letter(text: str) -> tuple[str, str]:
    """The letter that an answer brings, and its text; empty where it brings none.

    >>> without_letter("B. owl"), without_letter("owl")
    (('B', 'owl'), ('', ''))
    """
    match = _OWN.fullmatch(text)
    return (match[1].upper(), match[2].strip()) if match else ("", "")


def brings_letters(value: object, where: str) -> bool | None:
    """Whether the choices in a cell bring their own letters; None where there are none, or they have keys."""
    shown, keys = choices_of(value, "choices", where)
    return bool(own_letters(shown)) if shown and not keys else None


class ChoiceForms:
    """Counts what is to be said of the choices and answers of a table."""

    def __init__(self, marked: bool) -> None:
        self._marked = marked
        self._count: dict[str, list[str]] = {}
        self._rows = 0
        self._keyed = True
        self._numbers: list[str] = []

    def add(self, value: object, answers: Sequence[object], where: str) -> None:
        """Look at the cell with the choices of one row, and its right answers."""
        shown, keys = choices_of(value, "choices", where)
        if not shown:
            return
        self._rows += 1
        self._keyed = self._keyed and bool(keys)
        self._numbers += [str(answer).strip() for answer in answers]
        if keys and all(len(key) == 1 and key.isalpha() for key in keys):
            if keys != letters(len(keys)):
                self._note("gap", where)
        elif not keys and (own := own_letters(shown)):
            self._note("own", where)
            if [without_letter(choice)[0] for choice in shown] != list(own):
                self._note("turned", where)

    def _note(self, what: str, where: str) -> None:
        self._count.setdefault(what, []).append(where)

    def told(self, way: str) -> list[str]:
        """The lines."""
        lines = []
        if self._rows and self._numbers:
            lines.append(f"answers are read {self._way(way)}")
        own, turned = self._count.get("own", []), self._count.get("turned", [])
        if own and self._marked:
            lines.append("the choices bring their own letters, which the prompt shows once")
            if turned:
                lines.append(f"choices in another order than their letters are put in it: {_rows(turned)}")
        elif own:
            lines.append(
                f"choices that bring their own letters are shown as they stand, since those of other rows "
                f"bring none: {_rows(own)}"
            )
        if gaps := self._count.get("gap", []):
            lines.append(
                f"the choices have gaps in their letters, and the prompt shows A, B, ...: {_rows(gaps)}"
            )
        return lines

    def _way(self, way: str) -> str:
        if way == "letter" and self._keyed:
            return "by the letters or numbers that the data give the choices"
        said = _WORDS[way or "each"]
        if way == "position" and not {"0", "0.0"} & {*self._numbers}:
            said += (
                ", and none is 0: where the data count from 1, say 'answer: {as: number}' in the card, else "
                "'answer: {as: position}'"
            )
        return said


def _rows(places: Sequence[str]) -> str:
    return f"{counted(len(places), 'row')}, the first {places[0]}"
