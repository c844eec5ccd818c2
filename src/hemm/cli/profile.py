"""``hemm profile``: scores by every dimension."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import OneOf, format_option, results_argument


@click.command(name="profile")
@results_argument()
@format_option("table", "json", "csv", "markdown")
@click.option(
    "--normalise",
    type=OneOf("normaliser", ("anchored", "paper")),
    default="anchored",
    show_default=True,
    metavar="anchored|paper",
    help="0 is chance (else the majority answer) and 1 the best possible; or 0 is the worst of these models.",
)
@click.option(
    "--each", is_flag=True, help="Each model on all its samples, not only those that all were asked."
)
def command(folder: Path, format_: str, normalise: str, each: bool) -> None:
    """Scores of the results in DIR (results) by every dimension, with intervals and outcomes."""
    from hemm.analysis.profile import profile
    from hemm.results.read import cells

    found = profile(cells(folder), normalise, common=not each)
    if format_ == "table":
        found.print()
    else:
        click.echo(found.text(format_).rstrip("\n"))
