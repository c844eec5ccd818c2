"""``hemm profile``: scores by every dimension."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import (
    each_option,
    failures_option,
    format_option,
    normalise_option,
    results_argument,
)
from hemm.cli._process import frugal_memory, one_thread
from hemm.core.terminal import echo


@click.command(name="profile")
@results_argument()
@format_option("table", "json", "csv", "markdown")
@normalise_option("rank")
@failures_option()
@click.option("--bootstrap", is_flag=True, help="Intervals by bootstrap over clusters beside the others.")
@each_option()
def command(folder: Path, format_: str, normalise: str, failures: str, bootstrap: bool, each: bool) -> None:
    """Scores of the results in DIR (results) by every dimension, with intervals and outcomes."""
    frugal_memory()
    one_thread()
    from hemm.analysis.profile import Extras, profile
    from hemm.analysis.study import Study
    from hemm.report.tables.profile import render, show
    from hemm.results.read import cells

    extras = Extras(bootstrap=bootstrap)
    found = profile(Study.of(cells(folder)), normalise, common=not each, failures=failures, extras=extras)
    if format_ == "table":
        show(found)
    else:
        echo(render(found, format_).rstrip("\n"))
