"""What the commands share: option types, tables, JSON, the list of samples that ended in an error.

Nothing heavy is imported here; rich comes late, and only for a table.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from hemm.core.errors import HemmError, UnknownName
from hemm.core.text import redact, storable

F = TypeVar("F", bound=Callable[..., Any])

FORMATS = ("table", "json", "csv", "markdown")
SHOWN_ERRORS = 10


def format_option(*formats: str) -> Callable[[F], F]:
    """``--format``, given to the command as ``format_``: the first is the default (``table``, ``json``)."""
    allowed = formats or ("table", "json")
    return click.option(
        "--format",
        "format_",
        type=OneOf("format", allowed),
        default=allowed[0],
        show_default=True,
        metavar="|".join(allowed),
        help="How to print.",
    )


def out_option(help_text: str = "Folder of results.") -> Callable[[F], F]:
    """``--out DIR``, given as a Path; ``results`` by default."""
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("results"),
        show_default=True,
        help=help_text,
    )


def results_argument(required: bool = False) -> Callable[[F], F]:
    """The argument ``DIR``, given as ``folder``: a folder of results that must be there."""
    return click.argument(
        "folder",
        metavar="DIR" if required else "[DIR]",
        required=required,
        default=None if required else Path("results"),
        type=click.Path(path_type=Path),
        callback=_must_be_folder,
    )


def _must_be_folder(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    if not value.is_dir():
        raise HemmError(f"no folder of results at {value}: hemm run --out {value} makes one")
    return value


def normalise_option(*more: str) -> Callable[[F], F]:
    """``--normalise``: ``anchored`` by default, ``paper``, and what else a command offers (``rank``)."""
    names = ("anchored", "paper", *more)
    rank = "; or the share of the other models that an answer beats" if "rank" in more else ""
    return click.option(
        "--normalise",
        type=OneOf("normaliser", names),
        default="anchored",
        show_default=True,
        metavar="|".join(names),
        help="0 is chance (else the majority answer) and 1 the best possible; "
        f"or 0 is the worst of these models{rank}.",
    )


def failures_option() -> Callable[[F], F]:
    """``--failures``: ``zero`` by default."""
    return click.option(
        "--failures",
        type=OneOf("reading of failures", ("zero", "out", "bounds")),
        default="zero",
        show_default=True,
        metavar="zero|out|bounds",
        help="Answers without a value: the worst score, left out, or both ends of what they can be.",
    )


def each_option() -> Callable[[F], F]:
    """``--each``: a flag."""
    return click.option(
        "--each", is_flag=True, help="Each model on all its samples, not only those that all were asked."
    )


class OneOf(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """One of a few words; another one is answered with the nearest."""

    name = "choice"

    def __init__(self, kind: str, words: Sequence[str]) -> None:
        self.kind, self.words = kind, tuple(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.words:
            raise UnknownName(self.kind, str(value), self.words)
        return str(value)


class NumberOr(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """A whole number from ``least`` up, or one of a few words (``auto``). Numbers come as int."""

    name = "number"

    def __init__(self, *words: str, least: int = 1) -> None:
        self.words, self.least = words, least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int) or value in self.words:
            return value if isinstance(value, int) else str(value)
        try:
            number = int(str(value))
        except ValueError:
            number = self.least - 1
        if number < self.least:
            words = "".join(f" or {word!r}" for word in self.words)
            self.fail(f"{value!r} is not a whole number of at least {self.least}{words}", param, ctx)
        return number


class KeyValue(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    """``KEY=VALUE``, given as a pair of texts."""

    name = "key=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return str(value[0]), str(value[1])
        key, sign, text = str(value).partition("=")
        if not sign or not key.strip():
            self.fail(f"{value!r} is not of the form KEY=VALUE", param, ctx)
        return key.strip(), text.strip()


def emit(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], format_: str, title: str = "") -> None:
    """Print ``rows`` as a table, CSV or Markdown of ``columns``, or as JSON with every key they have."""
    if format_ == "json":
        print_json([dict(row) for row in rows])
    elif format_ == "csv":
        click.echo(to_csv(rows, columns), nl=False)
    elif format_ == "markdown":
        click.echo(to_markdown(rows, columns))
    else:
        print_table(rows, columns, title)


def print_json(value: Any) -> None:
    """Print ``value`` as indented JSON; NaN becomes null."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    click.echo(orjson.dumps(value, default=str, option=options).decode())


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """``rows`` as CSV (RFC 4180, ``\\n`` line ends) with a header; None is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column), exact=True) for column in columns] for row in rows)
    return out.getvalue()


def to_markdown(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """``rows`` as a Markdown table; bars and line breaks in a cell are escaped."""
    lines = [[*columns], ["---"] * len(columns)]
    for row in rows:
        cells = (_cell(row.get(column)) for column in columns)
        lines.append([" ".join(cell.replace("|", "\\|").split()) for cell in cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str = "") -> None:
    """Print ``rows`` for people. A pipe gets whole lines, a terminal gets them folded to its width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        values = [row.get(column) for row in rows]
        known = [v for v in values if v is not None]
        number = bool(known) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in known)
        table.add_column(Text(column), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    wide = Console(width=10_000, highlight=False, file=io.StringIO())
    with wide.capture() as caught:
        wide.print(table)
    click.echo("\n".join(line.rstrip() for line in caught.get().strip("\n").splitlines()))


def _cell(value: Any, *, exact: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower() if exact else "yes" if value else "no"
    if isinstance(value, float):
        return "" if value != value else repr(value) if exact else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(v) for v in value)
    return storable(str(value))


def print_errors(errors: Sequence[tuple[str, str]], shown: int = SHOWN_ERRORS) -> None:
    """List samples that ended in ``error`` on stderr: (where, why) a line, the rest as a count."""
    for where, why in errors[:shown]:
        click.echo(f"  {storable(where)}: {' '.join(storable(redact(why)).split())}", err=True)
    if len(errors) > shown:
        click.echo(f"  and {len(errors) - shown} more", err=True)


__all__ = [
    "FORMATS",
    "KeyValue",
    "NumberOr",
    "OneOf",
    "emit",
    "format_option",
    "out_option",
    "print_errors",
    "print_json",
    "print_table",
    "results_argument",
    "to_csv",
    "to_markdown",
]
