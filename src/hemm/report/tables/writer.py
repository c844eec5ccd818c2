"""Writes rows as a table, CSV, Markdown or JSON. rich is imported only for a table, since it is slow to
import."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from hemm.core.terminal import echo, escape_in_json, printable

_FORMULA = frozenset("=+-@\t\r\n")
"""What a formula begins with in spreadsheets."""

Table = tuple[str, Sequence[Mapping[str, Any]], Sequence[str]]
"""Title, rows, columns."""


def table_of(title: str, rows: list[dict[str, Any]]) -> Table:
    """A table whose columns are the keys of its first row."""
    return title, rows, list(rows[0]) if rows else []


def print_tables(tables: Iterable[Table], notes: Iterable[str], format_: str) -> None:
    """Print tables, then notes, as text (``table``) or Markdown."""
    for title, rows, columns in tables:
        if format_ == "markdown":
            echo(f"## {title}\n\n{to_markdown(rows, columns)}\n")
        else:
            print_table(rows, columns, title)
    for note in notes:
        echo(f"{'- ' if format_ == 'markdown' else '  '}{note}")


def print_facts(facts: Mapping[str, Any], width: int) -> None:
    """Print each fact on a line; the names take ``width`` characters."""
    for key, value in facts.items():
        echo(f"{key + ':':<{width}}{_fact(value)}")


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
    for row in rows:
        cells = (_cell(row.get(column)) for column in columns)
        lines.append([" ".join(cell.replace("|", "\\|").split()) for cell in cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "") -> None:
    """Print ``rows`` as text: folded to the width of a terminal, in full lines to a pipe."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(_rich_table(rows, columns, title))
    else:
        echo(table_text(rows, columns, title))


def table_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "") -> str:
    """``rows`` as text, in full lines."""
    from rich.console import Console

    wide = Console(width=10_000, highlight=False, file=io.StringIO(), force_terminal=False)
    with wide.capture() as caught:
        wide.print(_rich_table(rows, columns, title))
    return "\n".join(line.rstrip() for line in caught.get().strip("\n").splitlines())


def tables_text(tables: Iterable[Table], notes: Iterable[str]) -> str:
    """Tables, then notes, as text."""
    texts = [table_text(rows, columns, title) for title, rows, columns in tables]
    return "\n\n".join([*texts, *(["\n".join(f"  {note}" for note in notes)])]).strip("\n")


def _rich_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(printable(title)) if title else None,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
    )
    for column in columns:
        values = [row.get(column) for row in rows]
        known = [v for v in values if v is not None]
        number = bool(known) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in known)
        table.add_column(Text(printable(column)), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    return table


def _cell(value: Any, *, exact: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower() if exact else "yes" if value else "no"
    if isinstance(value, float):
        return "" if value != value else repr(value) if exact else f"{value:.4g}"
    if isinstance(value, Mapping):
        return printable(", ".join(f"{k}={v}" for k, v in value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        return printable(", ".join(str(v) for v in value))
    return printable(str(value))


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
