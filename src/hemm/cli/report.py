"""``hemm report``: results as one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hemm.cli._common import NumberOr, each_option, normalise_option, results_argument
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
@normalise_option()
@click.option(
    "--examples",
    type=NumberOr(least=0),
    metavar="N",
    help="Examples of each kind for each task (as many as one page bears; 0: none).",
)
@each_option()
def command(folder: Path, output: Path | None, normalise: str, examples: int | None, each: bool) -> None:
    """Write the results in DIR (results) as one HTML file: figures, tables, examples, method."""
    frugal_memory()
    one_thread()
    from hemm.report import write

    path = write(
        folder,
        output,
        normalise=normalise,
        common=not each,
        per_group=examples,
        command=("hemm", *sys.argv[1:]),
    )
    echo(str(path))
