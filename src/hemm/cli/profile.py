"""``hemm profile``: scores by every dimension."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import each_option, format_option, normalise_option, results_argument


@click.command(name="profile")
@results_argument()
@format_option("table", "json", "csv", "markdown")
@normalise_option()
@each_option()
def command(folder: Path, format_: str, normalise: str, each: bool) -> None:
    """Scores of the results in DIR (results) by every dimension, with intervals and outcomes."""
    from hemm.analysis.profile import profile
    from hemm.results.read import cells

    found = profile(cells(folder), normalise, common=not each)
    if format_ == "table":
        found.print()
    else:
        click.echo(found.text(format_).rstrip("\n"))
