"""``hemm paper``: the aggregates of the HEMM paper from its figures, and what its tests leave out."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import OneOf, format_option
from hemm.core.terminal import echo
from hemm.report.tables.writer import print_json, print_tables


@click.command("paper")
@click.option(
    "--subset",
    type=OneOf("subset of the published scores", ("100", "full")),
    default="100",
    show_default=True,
    metavar="100|full",
    help="100 samples a task and eleven models, or whole splits and the nine open ones.",
)
@format_option("table", "json", "markdown")
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Draw the radar plots, score against parameters, tasks and use cases into DIR (SVG and PNG).",
)
def command(subset: str, format_: str, figures: Path | None) -> None:
    """Compute the HEMM paper's scores, dimensions and tests anew, with what they leave out beside them."""
    from hemm.analysis.paper_aggregates import paper
    from hemm.report.tables.paper import P_VALUES, tables

    aggregates = paper(subset)
    if figures is not None:
        from hemm.report.figures.paper import draw

        for path in draw(aggregates, figures):
            echo(f"wrote {path}", err=True)
    if format_ == "json":
        print_json(aggregates.to_json())
    else:
        print_tables(tables(aggregates), (*P_VALUES, *aggregates.notes), format_)
