"""``hemm variance``: where the uncertainty of a score comes from, and what more answers would buy."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import format_option, overlay_options, results_argument
from hemm.report.tables.writer import emit, print_json, print_tables


@click.command(name="variance")
@results_argument()
@overlay_options(beside=False)
@format_option("table", "json", "csv", "markdown")
def command(folder: Path, overlay: tuple[Path, ...], format_: str) -> None:
    """The variance of the scores in DIR (results) by task, cluster, sample, prompt, seed and repeat, from
    what was varied there; and what more of each would buy."""
    from hemm.analysis.study import Study
    from hemm.analysis.variance import variance
    from hemm.engine.overlays.matching import overlaid
    from hemm.report.tables.variance import COLUMNS, flat, lines, tables
    from hemm.results.read import cells

    found = variance(Study.of(overlaid(cells(folder), overlay)))
    if format_ == "json":
        print_json(found.to_json())
    elif format_ == "csv":
        emit(flat(found), COLUMNS, format_)
    else:
        print_tables(tables(found), lines(found), format_)
