"""``hemm profile``: scores by every dimension."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from hemm.cli._common import (
    check_beside,
    each_option,
    failures_option,
    format_option,
    normalise_option,
    overlay_options,
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
@overlay_options()
def command(
    folder: Path,
    format_: str,
    bootstrap: bool,
    each: bool,
    overlay: tuple[Path, ...],
    overlay_beside: bool,
    **options: str,
) -> None:
    """Scores of the results in DIR (results) by every dimension, with intervals and outcomes."""
    frugal_memory()
    one_thread()
    from hemm.analysis.profile import Extras, Profile, profile
    from hemm.analysis.profile.beside import beside
    from hemm.analysis.study import Study
    from hemm.engine.overlays.matching import overlaid
    from hemm.report.tables.profile import render, show
    from hemm.results.read import cells

    def of(study: Study) -> Profile:
        return profile(study, common=not each, extras=Extras(bootstrap=bootstrap), **options)

    both = check_beside(overlay, overlay_beside)
    stored = cells(folder)
    study = Study.of(overlaid(stored, overlay))
    found = of(study)
    if both:
        found = replace(found, beside=beside(study, found, of(Study.of(stored))))
    if format_ == "table":
        show(found)
    else:
        echo(render(found, format_).rstrip("\n"))
