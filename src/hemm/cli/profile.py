"""``hemm profile``: scores by every dimension."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemm.cli._common import (
    check_beside,
    each_option,
    failures_option,
    format_option,
    normalise_option,
    of_suite,
    overlay_options,
    results_argument,
    suite_option,
)
from hemm.cli._process import frugal_memory, one_thread
from hemm.core import HemmError
from hemm.core.terminal import echo

if TYPE_CHECKING:
    from hemm.analysis.profile.by_field import FieldScores


@click.command(name="profile")
@results_argument()
@format_option("table", "json", "csv", "markdown")
@normalise_option("rank")
@failures_option()
@click.option("--bootstrap", is_flag=True, help="Intervals by bootstrap over clusters beside the others.")
@each_option()
@overlay_options()
@suite_option()
@click.option(
    "--by",
    "field",
    default="",
    metavar="FIELD",
    help="Scores by a field of the samples instead: question_type, any other key of their metadata, or a "
    "dimension of their labels.",
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    folder: Path,
    format_: str,
    field: str,
    overlay: tuple[Path, ...],
    overlay_beside: bool,
    suite: str,
    **how: Any,
) -> None:
    """Scores of the results in DIR (results) by every dimension, with intervals and outcomes."""
    frugal_memory()
    one_thread()
    from hemm.analysis.profile import Extras, Profile, profile
    from hemm.analysis.profile.beside import beside
    from hemm.analysis.profile.by_field import by_field
    from hemm.analysis.study import Study
    from hemm.engine.overlays.matching import overlaid
    from hemm.report.tables.profile import render, show
    from hemm.results.read import cells

    normalise = how.pop("normalise")
    how["common"] = not how.pop("each")

    def of(study: Study) -> Profile:
        return profile(study, normalise, extras=extras, **how)

    both = check_beside(overlay, overlay_beside)
    chosen, stored = of_suite(cells(folder), suite)
    extras = Extras(bootstrap=how.pop("bootstrap"), suite=chosen)
    study = Study.of(overlaid(stored, overlay), pool=chosen is not None)
    if field:
        _refuse_with_by(ctx)
        _print_by_field(by_field(study, field, **how), format_)
        return
    found = of(study)
    if both:
        found = replace(found, beside=beside(study, found, of(Study.of(stored, pool=chosen is not None))))
    if format_ == "table":
        show(found)
    else:
        echo(render(found, format_).rstrip("\n"))


def _refuse_with_by(ctx: click.Context) -> None:
    """Raise HemmError where an option was given that scores by a field do not have."""
    from click.core import ParameterSource

    for name in ("normalise", "bootstrap", "overlay_beside"):
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise HemmError(
                f"--by gives scores on each metric's own scale: leave out --{name.replace('_', '-')}"
            )


def _print_by_field(found: FieldScores, format_: str) -> None:
    from hemm.report.tables.by_field import COLUMNS, flat, notes, tables
    from hemm.report.tables.writer import emit, print_json, print_tables

    if format_ == "json":
        print_json(found.to_json())
    elif format_ == "csv":
        emit(flat(found), COLUMNS, format_)
    else:
        print_tables(tables(found), notes(found), format_)
