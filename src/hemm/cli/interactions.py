"""``hemm interactions``: what picture and text do together and alone."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import format_option, results_argument
from hemm.report.tables.writer import emit, print_json, print_tables


@click.command(name="interactions")
@results_argument()
@format_option("table", "json", "csv", "markdown")
def command(folder: Path, format_: str) -> None:
    """What models in DIR (results) get right with picture and text, with one of them and with neither; how
    many bits each tells; and whether labels say so. hemm run --conditions vl,l,v,prior asks for it."""
    from hemm.analysis.interactions import interactions
    from hemm.analysis.study import Study
    from hemm.report.tables.interactions import COLUMNS, flat, lines, tables
    from hemm.results.read import cells

    found = interactions(Study.of(cells(folder)))
    if format_ == "json":
        print_json(found.to_json())
    elif format_ == "csv":
        emit(flat(found), COLUMNS, format_)
    else:
        print_tables(tables(found), lines(found), format_)
