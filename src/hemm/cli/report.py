"""``hemm report``: results as one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from hemm.cli._common import (
    NumberOr,
    each_option,
    model_option,
    normalise_option,
    open_in_browser,
    overlay_options,
    results_argument,
    task_option,
)
from hemm.cli._process import frugal_memory, one_thread
from hemm.core.terminal import echo


@click.command(name="report")
@results_argument()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="The file to write (report.html in DIR).",
)
@model_option(": only this one, with its controls; may be given several times.")
@task_option()
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@normalise_option()
@click.option(
    "--examples",
    type=NumberOr(least=0),
    metavar="N",
    help="Examples of each kind for each task (as many as one page bears; 0: none).",
)
@each_option()
@overlay_options(beside=False)
def command(
    folder: Path,
    output: Path | None,
    open_: bool,
    each: bool,
    overlay: tuple[Path, ...],
    normalise: str,
    **options: Any,
) -> None:
    """Write the results in DIR (results) as one HTML file: figures, tables, examples, method."""
    frugal_memory()
    one_thread()
    from hemm.analysis.study.choosing import chosen_cells
    from hemm.engine.overlays.matching import overlaid
    from hemm.report import write
    from hemm.report.page.document import NAME
    from hemm.results.read import cells

    path = write(
        chosen_cells(overlaid(cells(folder), overlay), options["models"], options["tasks"]),
        output or folder / NAME,
        normalise=normalise,
        common=not each,
        per_group=options["examples"],
        command=("hemm", *sys.argv[1:]),
    )
    echo(str(path))
    if open_:
        open_in_browser(path.resolve().as_uri())
