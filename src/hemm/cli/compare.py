"""``hemm compare``: models against each other, with what the data can and cannot tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hemm.cli._common import (
    NumberOr,
    OneOf,
    check_beside,
    failures_option,
    format_option,
    model_option,
    normalise_option,
    of_suite,
    overlay_options,
    results_argument,
    suite_option,
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
@click.option(
    "--reference",
    default="",
    metavar="MODEL",
    help="Of perturbed samples: divide each model's errors under the corruptions by this model's (mCE).",
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
@overlay_options()
@suite_option()
@click.option("--full", is_flag=True, help="All columns and tables.")
@format_option("table", "json", "markdown")
def command(
    folder: Path,
    beside: str | None,
    subset: str,
    format_: str,
    overlay: tuple[Path, ...],
    overlay_beside: bool,
    full: bool,
    **options: Any,
) -> None:
    """Compare the models in DIR (results): two sample by sample, all by rank, and what labels explain."""
    from hemm.analysis.compare import Choice, compare
    from hemm.analysis.study import Study
    from hemm.core import HemmError
    from hemm.engine.overlays.matching import overlaid
    from hemm.report.tables.comparison import conclusions, lines, tables
    from hemm.report.tables.comparison_brief import MORE, brief_tables
    from hemm.results.read import cells

    if options["force"] and not beside:
        raise HemmError("--force goes with --with published: nothing else is refused that it would allow")
    both, suite = check_beside(overlay, overlay_beside), options.pop("suite")
    choice = Choice(published=subset if beside else "", **options)
    chosen, stored = of_suite(cells(folder), suite)
    pool = chosen is not None
    comparison = compare(Study.of(overlaid(stored, overlay), pool=pool), choice)
    if both:
        comparison = replace(comparison, without=compare(Study.of(stored, pool=pool), choice))
    if format_ == "json":
        print_json(comparison.to_json())
    else:
        found = tables(comparison) if full else brief_tables(comparison)
        notes = [*lines(comparison), *([] if full else [MORE])]
        print_tables(found, notes, format_, conclusions(comparison))
