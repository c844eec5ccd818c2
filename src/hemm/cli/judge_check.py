"""``hemm judge-check``: a judge against labels by people, and a file for people to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hemm.cli._common import NumberOr, format_option, results_argument, task_option
from hemm.core.terminal import echo
from hemm.report.tables.writer import emit, print_json, print_tables


@click.command(name="judge-check")
@results_argument()
@click.option("--human", type=click.Path(path_type=Path), metavar="FILE", help="Labels: .csv or .jsonl.")
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a file of answers drawn at random, for people to fill in: .csv or .jsonl.",
)
@click.option(
    "--samples",
    type=NumberOr(),
    default=100,
    show_default=True,
    metavar="N",
    help="Of --template: samples of each task, with the answers of all models.",
)
@task_option("Of --template: only this task.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of --template's draw."
)
@click.option("--metric", default="", metavar="METRIC", help="Another metric than the judge, or which judge.")
@format_option("table", "json", "csv", "markdown")
def command(
    folder: Path,
    human: Path | None,
    template: Path | None,
    metric: str,
    format_: str,
    **draw: Any,
) -> None:
    """Check the judge that scored DIR (results) against labels by people: its bias and calibration, and the
    scores and differences that judge and labels together give."""
    from hemm.analysis.judge_check import judge_check, template_rows
    from hemm.core.errors import HemmError
    from hemm.core.text import counted
    from hemm.report.tables.judge_check import COLUMNS, flat, lines, tables, write_template
    from hemm.results.read import cells

    if (human is None) == (template is None):
        raise HemmError("hemm judge-check takes --human FILE with labels, or --template FILE to write one")
    if template is not None:
        rows = template_rows(cells(folder), metric=metric, **draw)
        write_template(rows, template)
        echo(f"{template}: {counted(len(rows), 'answer')}; fill in annotator and value")
        return
    assert human is not None
    found = judge_check(cells(folder), human, metric)
    if format_ == "json":
        print_json(found.to_json())
    elif format_ == "csv":
        emit(flat(found), COLUMNS, format_)
    else:
        print_tables(tables(found), lines(found), format_)
