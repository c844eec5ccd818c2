"""Tables and pictures as the affective data sets' copies have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from hemm.core import BadData
from hemm.data.rows import csv_rows
from hemm.tasks.affective._xlsx import xlsx_rows


def table_rows(path: Path, required: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(file and row, for messages; row) of a CSV file or an Excel workbook, blanks around column names
    removed; rows of empty cells are passed over.

    Raises BadData where a required column is missing.
    """
    workbook = path.suffix.lower() == ".xlsx"
    wanted = tuple(required)
    for number, cells in xlsx_rows(path) if workbook else csv_rows(path):
        row = {name.strip(): value for name, value in cells.items()}
        lacking = [name for name in wanted if name not in row]
        if lacking:
            raise BadData(f"{path}: no column {lacking[0]!r}; there are {', '.join(n for n in row if n)}")
        if any(value.strip() for value in row.values()):
            yield f"{path}, {'row' if workbook else 'line'} {number}", row


def first_there(*places: Path) -> Path:
    """The first of the places where there is a file; the first of all where none has one."""
    return next((place for place in places if place.is_file()), places[0])
