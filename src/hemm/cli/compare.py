"""``hemm compare``: models against each other, with what the data can and cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hemm.cli._common import (
    NumberOr,
    OneOf,
    failures_option,
    format_option,
    model_option,
    normalise_option,
    results_argument,
)
from hemm.report.tables.writer import print_json, print_tables


@click.command(name="compare")
@results_argument()
@model_option("; give two to compare them sample by sample.")
@click.option(
    "--with",
    "beside",
    type=OneOf("set of models to compare with", ("published",)),
    metavar="published",
    help="Set the HEMM paper's models beside those here, by BARTScore on the tasks that both have.",
)
@click.option(
    "--subset",
    type=OneOf("subset of the published scores", ("100", "full")),
    default="100",
    show_default=True,
    metavar="100|full",
    help="Of the paper's scores: 100 samples a task and eleven models, or whole splits and nine.",
)
@click.option(
    "--force",
    is_flag=True,
    help="With the paper's models: compare although checkpoint, direction or case of BARTScore are not the "
    "paper's; every line says so.",
)
@normalise_option("rank")
@failures_option()
@click.option(
    "--resamples",
    type=NumberOr(least=100),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Of the bootstrap.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap.")
@format_option("table", "json", "markdown")
def command(
    folder: Path,
    models: tuple[str, ...],
    beside: str | None,
    subset: str,
    format_: str,
    **options: Any,
) -> None:
    """Compare the models in DIR (results): two sample by sample, all by rank, and what labels explain."""
    from hemm.analysis.compare import Choice, compare
    from hemm.analysis.study import Study
    from hemm.core import HemmError
    from hemm.report.tables.comparison import lines, tables
    from hemm.results.read import cells

    if options["force"] and not beside:
        raise HemmError("--force goes with --with published: nothing else is refused that it would allow")
    choice = Choice(models, published=subset if beside else "", **options)
    comparison = compare(Study.of(cells(folder)), choice)
    if format_ == "json":
        print_json(comparison.to_json())
    else:
        print_tables(tables(comparison), lines(comparison), format_)
