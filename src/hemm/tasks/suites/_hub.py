"""What the data sets of today's suites have in common: rows of the hub, options, marks of pictures."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hemm.core import BadData, Layout
from hemm.data.readers.rows import list_of, parquet_rows, text_of
from hemm.data.sources.hub import Names, part_files
from hemm.data.sources.kinds import Hub
from hemm.parsing.formats import letters

Row = tuple[str, str, Mapping[str, Any]]
"""Config, where (file and row, for messages), the row."""
Read = Callable[[Path], Iterator[Any]]


def hub(
    repos: Sequence[str], read: Read, split: Names, config: Names = "", ids: str = "hub"
) -> tuple[Hub, ...]:
    """The source of a data set whose rows are Parquet on the hub."""
    first = split if isinstance(split, str) else split[0]
    return (Hub(repos, Layout((f"**/*{first}*.parquet",), read), split=split, config=config, ids=ids),)


def rows(folder: Path, split: Names, config: Names = "") -> Iterator[Row]:
    """The rows of a split, config by config in the order in which they are named."""
    for part in part_files(folder, config, split, ""):
        for file in part.files:
            for number, row in enumerate(parquet_rows([file]), 1):
                yield part.config, f"{file}, row {number}", row


def struct_of(row: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """A column that has fields of its own; empty where it has no value. Raises BadData where it has none."""
    value = row.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise BadData(f"{where}: field {name!r} has no fields of its own: {str(value)[:60]!r}")
    return value or {}


def listed_options(row: Mapping[str, Any], name: str, where: str) -> list[str]:
    """The options of a row: a list, or the text of a Python list. Raises BadData where it is neither."""
    value = row.get(name)
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value) if value.strip() else []
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise BadData(f"{where}: field {name!r} is no list: {value[:60]!r}") from None
    options = list_of({name: value}, name, where)
    return [text_of({name: option}, name, f"{where}, option {n}") for n, option in enumerate(options, 1)]


def told_apart(options: Sequence[str]) -> tuple[str, ...]:
    """Options that differ from one another: of equal ones the second and later ones are numbered.

    >>> told_apart(["none", "both", "none"])
    ('none', 'both', 'none (2)')
    """
    seen: dict[str, int] = {}
    out: list[str] = []
    for option in options:
        seen[option] = seen.get(option, 0) + 1
        out.append(option if seen[option] == 1 else f"{option} ({seen[option]})")
    return tuple(out)


def own_letters(options: Sequence[str]) -> tuple[str, ...]:
    """Options that the data show with letters of their own, A, B, ...: the options, or, where hemm would show
    them with later letters, these letters alone.

    >>> own_letters(["the left one", "the right one"]), own_letters(["C", "A"])
    (('the left one', 'the right one'), ('A', 'B'))
    """
    choices, marks = told_apart(options), letters(tuple(str(n) for n in range(len(options))))
    return choices if letters(choices) == marks else marks


def lettered_answer(options: Sequence[str], letter: str, where: str) -> str:
    """The option that a letter (``B``, ``(B)``) names. Raises BadData where it names none."""
    marks = letters(tuple(options))
    plain = letter.strip().strip("()").strip().upper()
    if plain not in marks:
        raise BadData(f"{where}: the answer {letter!r} is none of the letters {', '.join(marks)}")
    return options[marks.index(plain)]


_MARK = re.compile(r"<image>")


def numbered_marks(texts: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Texts in which each ``<image>`` has its number, counted through all of them; and how many there are.

    >>> numbered_marks(["Which is <image>?", "<image>", "none"])
    (('Which is <image 1>?', '<image 2>', 'none'), 2)
    """
    count = 0

    def number(_: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"<image {count}>"

    return tuple(_MARK.sub(number, text) for text in texts), count
