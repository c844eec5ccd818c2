"""``hemm diff``: answers that flipped between two models."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import (
    NumberOr,
    format_option,
    model_option,
    overlay_options,
    results_argument,
    task_option,
)
from hemm.core.terminal import echo
from hemm.report.tables.writer import emit, print_json, width


@click.command(name="diff")
@results_argument()
@model_option("; give two.")
@task_option()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE.html", help="The HTML file to write."
)
@format_option("table", "json", "html")
@overlay_options(beside=False)
@click.option(
    "--examples",
    type=NumberOr(least=0),
    default=4,
    show_default=True,
    metavar="N",
    help="Examples of each kind for each task.",
)
def command(
    folder: Path,
    models: tuple[str, ...],
    tasks: tuple[str, ...],
    output: Path | None,
    format_: str,
    examples: int,
    overlay: tuple[Path, ...],
) -> None:
    """Answers that flipped from one model (or checkpoint, or protocol) to another, in the results in DIR."""
    from hemm.analysis.diff import flips
    from hemm.analysis.study import Study
    from hemm.core.errors import HemmError
    from hemm.engine.overlays.matching import overlaid
    from hemm.report.page.diff import write
    from hemm.report.tables.diff import COLUMNS, lines, table, values
    from hemm.report.tables.layout import wrap
    from hemm.results.read import cells

    if len(models) != 2:
        raise HemmError(f"hemm diff compares two models: give --model twice ({len(models)} given)")
    flipped = flips(Study.of(overlaid(cells(folder), overlay)), *models, tasks)
    if output is not None or format_ == "html":
        echo(str(write(flipped, output or folder / "diff.html", examples)))
        return
    if format_ == "json":
        print_json(values(flipped))
        return
    emit(table(flipped), COLUMNS, "table", f"{flipped.labels[0]} to {flipped.labels[1]}")
    for line in (*flipped.notes, *lines(flipped, examples)):
        for part in wrap(line, width(), indent=2):
            echo(part)
