"""What a card makes of the columns of a row: keys, labels by a column's value, and several rows of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hemm.core import BadData
from hemm.tasks.cells import scalar
from hemm.tasks.columns import empty
from hemm.tasks.right_answers import Unsaid

_REMAINDER = re.compile(r"(.+?)\s*%\s*([1-9]\d*)")
PLACE = " place"
"""The cell that holds the place of a row that ``each`` made of another, from 1 on; no column is called so."""


def column_of(part: str) -> str:
    """The column that a part of a key names: ``index`` of ``index % 1000000``."""
    match = _REMAINDER.fullmatch(part)
    return match[1] if match else part


def key_of(row: Mapping[str, Any], parts: Sequence[str], where: str) -> str:
    """The key of a row: the values of several columns as one text. Raises BadData for no number."""
    return "/".join(_part(row, part, where) for part in parts)


def _part(row: Mapping[str, Any], part: str, where: str) -> str:
    """One part of a key: a value, or its remainder. Raises BadData for one that has none."""
    value = scalar(row.get(column_of(part)))
    match = _REMAINDER.fullmatch(part)
    if match is None:
        return "" if value is None else value
    try:
        return str(int(float(value or "")) % int(match[2]))
    except ValueError:
        raise BadData(f"{where}: field {match[1]!r} is no whole number: {value!r:.40}") from None


def meaning(row: Mapping[str, Any], column: str, meanings: Mapping[str, str], where: str) -> str:
    """The category that a value means. Raises Unsaid for one that the card does not list."""
    value = scalar(row.get(column)) or ""
    if value not in meanings:
        what = f"{where}: {column} is {value!r:.60}"
        raise Unsaid(what, f"labels in the card have only {', '.join(meanings)} for {column}")
    return meanings[value]


def rows_of(
    row: Mapping[str, Any], each: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows that a row becomes by ``each``, with their places from 1; places without a question are passed
    over. A row is one, at place 0, where there is no ``each``."""
    if not each:
        yield 0, row
        return
    listed = {name for names in each.values() for name in names}
    rest = {name: value for name, value in row.items() if name not in listed}
    for place, names in enumerate(zip(*each.values(), strict=True)):
        values = {ours: row.get(name) for ours, name in zip(each, names, strict=True)}
        if not empty(values.get("question", True)):
            yield place + 1, {**rest, **values}
