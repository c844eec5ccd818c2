"""Rows of files in which people label: CSV, JSON lines, Parquet; each with its number, for messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hemm.core import BadData, HemmError
from hemm.data.readers.rows import csv_rows, jsonl_rows, parquet_rows, text_of

ENDINGS = (".csv", ".jsonl", ".parquet")
SHOWN = 12
"""Most rows that a message names for one reason."""

_NO_FORMULA = tuple(f"'{mark}" for mark in "=+-@")
"""What a text of a CSV begins with that would be a formula in a spreadsheet but for the apostrophe."""


def label_rows(
    path: Path, required: Sequence[str], endings: Sequence[str] = ENDINGS
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number, row) of a file of labels; rows whose cells are all empty are passed over.

    The number is that of the line, of a row of Parquet from 1, and of a CSV as spreadsheets count: the
    header is row 1, and a cell of several lines is in one row. Raises HemmError, BadData with file and row.
    """
    if not path.is_file():
        raise HemmError(f"{path}: there is no such file")
    ending = path.suffix.lower()
    if ending not in endings:
        raise HemmError(f"{path}: labels are {' or '.join(endings)} files")
    rows: Iterable[tuple[int, Mapping[str, Any]]]
    if ending == ".csv":
        rows = _csv(path, required)
    elif ending == ".jsonl":
        rows = jsonl_rows(path, once=True)
    else:
        rows = enumerate(parquet_rows([path], batch=1024), 1)
    for number, row in rows:
        if any(value not in (None, "") for value in row.values()):
            yield number, dict(row)


def _csv(path: Path, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    more = 0
    for line, row in csv_rows(path, required=required):
        more += sum(value.count("\n") for value in row.values())
        yield line - more, {name: _no_guard(value) for name, value in row.items()}


def _no_guard(text: str) -> str:
    return text[1:] if text[:2] in _NO_FORMULA else text


def label_text(row: Mapping[str, Any], name: str, where: str) -> str:
    """The text of a field, ``true`` and ``false`` for truth values; empty where there is none. Raises BadData
    for what is no text and no number."""
    value = row.get(name)
    return str(value).lower() if isinstance(value, bool) else text_of(row, name, where, "")


def rows_named(reason: str, rows: Sequence[tuple[int, str]]) -> str:
    """A reason with the rows that it is about, each with what shows it, if that is not empty.

    >>> rows_named("an unknown sample", [(3, "'x'"), (7, "'y'")])
    "an unknown sample: rows 3 ('x'), 7 ('y')"
    """
    each = [f"{row} ({said})" if said else str(row) for row, said in rows[:SHOWN]]
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"{reason}: row{'s' * (len(rows) > 1)} {', '.join(each)}{more}"


def unusable(path: Path | str, wrong: Mapping[str, Sequence[tuple[int, str]]], noun: str = "row") -> BadData:
    """One error for all rows that cannot be used; ``wrong``: reason -> rows with what shows it."""
    from hemm.core.text import counted

    count = sum(map(len, wrong.values()))
    reasons = "; ".join(rows_named(reason, rows) for reason, rows in wrong.items())
    return BadData(f"{path}: {counted(count, noun)} cannot be used: {reasons}")
