"""Marks of pictures in texts of data sets: ``<image 2>`` is the second, ``<image>`` the next one.

One counter runs over a sample's whole prompt, in the order of its text. A picture that a row lacks keeps its
number; where numbers are not 1, 2, ... the sample says which its pictures have (``NUMBERS``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hemm.core import BadData, Sample

NUMBERS = "image numbers"
"""Field with the numbers of a sample's pictures, which no column and no template can name."""

_PLACE = re.compile(r"(?i)<image(?:[ _]?(\d{1,3}))?>")
_LIKE = re.compile(r"(?i)[\[<{]\|?(?:image|img)[ _-]?\d{0,3} ?/?\|?[\]>}]")
"""What other programs and data sets write for a picture."""


class Places:
    """Where the marks of one prompt lead.

    marks      what stands for each picture in the text, in order
    following  what stands for the next picture until the whole text is there
    """

    def __init__(self, marks: Sequence[str], fields: Mapping[str, str], following: str) -> None:
        named = [int(n) for n in fields.get(NUMBERS, "").split()]
        numbers = named if len(named) == len(marks) else range(1, len(marks) + 1)
        self._by_number = dict(zip(numbers, marks, strict=True))
        self._first = min(1, *self._by_number) if marks else 1
        self._named: set[int] = set()
        self._next = following

    def in_text(self, text: str) -> str:
        """``text`` with pictures at its numbered marks, and at the others what ``settled`` finds."""
        return _PLACE.sub(self._numbered, text)

    def _numbered(self, match: re.Match[str]) -> str:
        if not self._by_number:
            return ""
        if not match[1]:
            return self._next
        number = int(match[1])
        self._named.add(number)
        return self._by_number.get(number, match[0])

    def settled(self, text: str) -> str:
        """A rendered prompt with pictures at its marks without number, in order; without one: the mark."""
        before, *after = text.split(self._next)
        number = self._first - 1
        for piece in after:
            number += 1
            while number in self._named:
                number += 1
            before += self._by_number.get(number, "<image>") + piece
        return before


# rows of a user's


def picture_numbers(cells: Iterable[Any], first: int) -> list[int]:
    """The numbers of the pictures in these cells, counted from ``first``; empty places of a list count too.

    >>> picture_numbers([None, ["a.png", None, "c.png"]], 1)
    [1, 3]
    """
    there = [value not in (None, "") for cell in cells for value in _places(cell)]
    return [number for number, is_there in enumerate(there, first) if is_there]


def _places(cell: Any) -> list[Any]:
    if isinstance(cell, list | tuple):
        return [place for value in cell for place in (_places(value) or [None])]
    return [] if cell is None or cell == "" else [cell]


def check_numbers(texts: Iterable[str], where: str) -> None:
    """Raise BadData for a mark with number 0, which leaves open what number the first picture has."""
    for text in texts:
        for match in _PLACE.finditer(text):
            if match[1] and not int(match[1]):
                raise BadData(
                    f"{where}: {match[0]} comes before picture 1: 'images_from: 0' in the card says that "
                    "numbers begin at 0, 'images_from: 1' that this is text"
                )


def unread_marks(texts: Iterable[str], sample: Sample) -> list[str]:
    """What looks like a mark of a picture in these texts of a sample and stays there as text: one of another
    form, or with a number that no picture has.

    >>> unread_marks(["[image 1] <img> <Image 1>"], Sample("7"))
    ['[image 1]', '<img>']
    """
    numbers = sample.fields.get(NUMBERS, "").split() or [str(n + 1) for n in range(len(sample.media))]
    marks = []
    for text in texts:
        for match in _LIKE.finditer(text):
            place = _PLACE.fullmatch(match[0])
            known = place and (not place[1] or not sample.media or str(int(place[1])) in numbers)
            if not known:
                marks.append(match[0])
    return marks
