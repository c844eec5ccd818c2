"""Whether all references of a data set are numbers, which a user's data are then compared as."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hemm.data.pack.own_words import BRINGS, brought_by

if TYPE_CHECKING:
    from hemm.core import Task
    from hemm.data.pack.reader import Pack

NUMBERS = "numbers"
"""The key of the index entry of a user's task that says whether its answers are read as numbers."""
# 007 is a name, and 3/4 may be a date
_NUMERAL = re.compile(r"[-−+]?(?:(?:\d{1,3}(?:,\d{3})+|0|[1-9]\d*)(?:\.\d+)?|\.\d+)\s?%?")


def is_numeral(text: str) -> bool:
    """Whether ``text`` is a number in digits.

    >>> [is_numeral(text) for text in ("1,234.5", "-5", "40 %", "007", "3 dogs", "")]
    [True, True, True, False, False, False]
    """
    return _NUMERAL.fullmatch(text.strip()) is not None


def all_numerals(texts: Iterable[str]) -> bool:
    """Whether there are texts and all of them are numerals; the first other one ends it."""
    found = False
    for text in texts:
        if not is_numeral(text):
            return False
        found = True
    return found


def has_numeric_references(pack: Pack) -> bool:
    """Whether no sample of the pack has choices and all references are numerals; no picture is read."""
    from hemm.data.files import read_table

    def references() -> Iterable[str]:
        for name in pack.info["files"]:
            table = read_table(pack.path / "data" / name, columns=["references", "choices"])
            if any(table["choices"].to_pylist()):
                yield ""
            yield from (text for row in table["references"].to_pylist() for text in row or ())

    return all_numerals(references())


def own_data_facts(task: Task, pack: Pack) -> dict[str, Any]:
    """What else the index entry of a user's task says of its new pack: how columns were read, what it has.

    Data that had a pack of a version that took all columns with hemm's names for hemm's keep that reading.
    """
    from hemm.data import cache
    from hemm.data.files import read_table

    if not task.origin:
        return {}
    before = cache.entry(task.name, task.origin) or cache.entry(task.name)
    told = {cache.COLUMNS_TOLD: True} if before is None or cache.COLUMNS_TOLD in before else {}
    tables = (read_table(pack.path / "data" / name, columns=["choices"]) for name in pack.info["files"])
    closed = all(all(table["choices"].to_pylist()) for table in tables)
    return {**told, cache.CHOICES: closed, BRINGS: brought_by(task, pack)}


def read_as_numbers(task: Task, pack: Pack, *, at_hand: bool) -> bool:
    """What the index entry of a user's task says of its new pack (``NUMBERS``).

    Files at hand were looked at when the task was resolved, others are seen now for the first time. Data that
    had a pack before keep the format that they had: another one is another instruction.
    """
    from hemm.data import cache

    if not task.origin or not has_numeric_references(pack):
        return False
    if at_hand:
        return bool(task.answer.name == "number")
    before = cache.entry(task.name, task.origin)
    if before is None:
        return cache.entry(task.name) is None
    return bool(before.get(NUMBERS))
