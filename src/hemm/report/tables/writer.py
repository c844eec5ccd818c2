"""Writes rows as a table, CSV, Markdown or JSON; the one place that knows how wide a table may be."""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from hemm.core.terminal import echo, escape_in_json, printable
from hemm.report.tables.layout import Line, Row, table_lines, wrap

NARROWEST = 40
"""Columns of the narrowest terminal that is cared for."""
DIGITS = 3
"""Significant digits of the largest number of a column."""

_FORMULA = frozenset("=+-@\t\r\n")
"""What a formula begins with in spreadsheets."""

Table = tuple[str, Sequence[Mapping[str, Any]], Sequence[str]]
"""Title, rows, columns."""


def table_of(title: str, rows: list[dict[str, Any]]) -> Table:
    """A table whose columns are the keys of its first row."""
    return title, rows, list(rows[0]) if rows else []


def width() -> int | None:
    """The columns that a line may take: those of the terminal that stdout is; None for a pipe or a file, in
    which lines are whole."""
    return max(NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None


def print_tables(
    tables: Iterable[Table], notes: Iterable[str], format_: str, first: Iterable[str] = ()
) -> None:
    """Print sentences (``first``), tables, then notes, as text (``table``) or Markdown."""
    if format_ == "markdown":
        echo(_markdown(tables, notes, first))
    else:
        print_lines(_lines(tables, notes, first, width()))


def tables_text(tables: Iterable[Table], notes: Iterable[str], first: Iterable[str] = ()) -> str:
    """Sentences, tables, then notes, as text for the terminal."""
    return "\n".join(line.text for line in _lines(tables, notes, first, width()))


def _markdown(tables: Iterable[Table], notes: Iterable[str], first: Iterable[str]) -> str:
    told = ["\n".join(f"- {line}" for line in lines) for lines in (list(first), list(notes))]
    texts = [f"## {'; '.join(t.splitlines())}\n\n{to_markdown(rows, columns)}" for t, rows, columns in tables]
    return "\n\n".join(filter(None, (told[0], *texts, told[1])))


def _lines(
    tables: Iterable[Table], notes: Iterable[str], first: Iterable[str], wide: int | None
) -> Iterator[Line]:
    for line in (text for sentence in first for text in wrap(sentence, wide, indent=2)):
        yield Line(line)
    started = False
    for number, (title, rows, columns) in enumerate(tables):
        if number or first:
            yield Line("")
        started = True
        yield from _table(rows, columns, title, wide)
    for number, note in enumerate(notes):
        if not number and started:
            yield Line("")
        yield from (Line(text) for text in wrap(f"  {note}", wide, indent=2))


def print_lines(lines: Iterable[Line]) -> None:
    """Print lines, the bold ones so where stdout is a terminal."""
    for line in lines:
        echo(line.text, bold=line.bold)


def print_text(text: str, indent: int = 0) -> None:
    """Print a text, folded to the terminal, its further lines indented."""
    print_lines(map(Line, wrap(printable(text), width(), indent)))


def print_facts(facts: Mapping[str, Any], name_width: int) -> None:
    """Print each fact; the names take ``name_width`` characters."""
    for key, value in facts.items():
        print_text(f"{key + ':':<{name_width}}{_fact(value)}", indent=name_width)


def _fact(value: Any) -> str:
    if isinstance(value, list | Mapping):
        return _cell(value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value in (None, "") else str(value)


def emit(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], format_: str, title: str = "") -> None:
    """Print ``rows`` as a table, CSV or Markdown of ``columns``, or as JSON with every key they have."""
    if format_ == "json":
        print_json([dict(row) for row in rows])
    elif format_ == "csv":
        echo(to_csv(rows, columns), nl=False)
    elif format_ == "markdown":
        echo(to_markdown(rows, columns))
    else:
        print_table(rows, columns, title)


def print_json(value: Any) -> None:
    """Print ``value`` as indented JSON; NaN becomes null."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    echo(escape_in_json(orjson.dumps(value, default=str, option=options).decode()))


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """``rows`` as CSV (RFC 4180, ``\\n`` line ends) with a header; None is empty. Texts that a spreadsheet
    would run as formulas begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(_csv_cell, columns))
    writer.writerows([_csv_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def to_markdown(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """``rows`` as a Markdown table; bars and line breaks in a cell are escaped."""
    lines = [[*columns], ["---"] * len(columns)]
    shown = _shown(rows, columns)
    lines += [[" ".join(cell.replace("|", "\\|").split()) for cell in row] for row in shown]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "") -> None:
    """Print ``rows`` as text: folded to the width of a terminal, in full lines to a pipe."""
    print_lines(_table(rows, columns, title, width()))


def table_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "") -> str:
    """``rows`` as text, in full lines."""
    return "\n".join(line.text for line in _table(rows, columns, title, None))


def _table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str, wide: int | None
) -> Iterator[Line]:
    if title:
        yield from (Line(text, bold=True) for text in wrap(printable(title), wide))
    cells = _shown(rows, columns)
    right = [is_numeric([row[n] for row in cells]) for n in range(len(columns))]
    yield from table_lines([*map(printable, columns)], [*map(Row, cells)], right, wide)


_NUMERIC = re.compile(r"([<>] )?[+−-]?(\d[\d.,]*( ?%| x)?( to [+−-]?\d[\d.,]*( \*)?)?|inf)|[–-]?")


def is_numeric(cells: Sequence[str]) -> bool:
    """Whether a column holds numbers and intervals alone, which end at its right side."""
    return any(map(str.strip, cells)) and all(_NUMERIC.fullmatch(cell.strip()) for cell in cells)


def _shown(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[list[str]]:
    """The cells of rows as they are shown: in a column of numbers all have as many decimals."""
    decimals = [decimals_of([row.get(column) for row in rows]) for column in columns]
    return [
        [_cell(row.get(column), places) for column, places in zip(columns, decimals, strict=True)]
        for row in rows
    ]


def decimals_of(values: Iterable[Any]) -> int | None:
    """The decimals that give the largest of the floats among some values ``DIGITS`` significant digits; None
    where one number of decimals does not do for all.

    >>> decimals_of([0.5, 0.0123]), decimals_of([1.0, None]), decimals_of([1234.5, 0.5])
    (3, 2, None)
    """
    sizes = [abs(v) for v in values if isinstance(v, float) and math.isfinite(v) and v]
    largest = max(sizes, default=0.1)
    if largest >= 100 and min(sizes) < 10:
        return None
    return min(max(DIGITS - 1 - math.floor(math.log10(largest)), 0), DIGITS + 2)


def _cell(value: Any, decimals: int | None = None, *, exact: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower() if exact else "yes" if value else "no"
    if isinstance(value, float):
        return "" if value != value else repr(value) if exact else _rounded(value, decimals)
    if isinstance(value, Mapping):
        return printable(", ".join(f"{k}={v}" for k, v in value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        return printable(", ".join(str(v) for v in value))
    return printable(str(value))


def _rounded(value: float, decimals: int | None) -> str:
    places = decimals_of([value]) if decimals is None else decimals
    text = f"{value:.{places}f}"
    return text if float(text) else text.lstrip("-")


def _csv_cell(value: Any) -> str:
    """A cell for a spreadsheet, in which a text that begins with ``= + - @``, a tab or a line break is no
    formula: an apostrophe stands before it. Numbers, also those written as text, stay numbers."""
    text = _cell(value, exact=True)
    if isinstance(value, bool | int | float) or not text or text.lstrip(" ")[:1] not in _FORMULA:
        return text
    with suppress(ValueError):
        float(text)
        return text
    return f"'{text}"
