"""``hemm metrics``: what there is to score with."""

from __future__ import annotations

import click

from hemm.cli._common import Name, format_option
from hemm.report.tables.writer import emit, print_facts


@click.command(name="metrics")
@click.argument("name", required=False, type=Name("metrics"))
@format_option("table", "json", "csv", "markdown")
def command(name: str | None, format_: str) -> None:
    """List the metrics, or show NAME (a metric with its parameters: vqa_accuracy:normalise=always)."""
    from hemm.metrics import METRICS
    from hemm.report.tables.metrics import describe, listed, short_end

    names = [name] if name else METRICS.names()
    rows = [describe(n) for n in names]
    if name and format_ == "table":
        print_facts({k: str(v) if isinstance(v, bool) else v for k, v in rows[0].items()}, 18)
        return
    if format_ == "table":
        emit([*map(listed, rows)], ["name", "range", "about"], format_)
        return
    if format_ != "json":
        rows = [{**row, "range": "{} to {}".format(*map(short_end, row["range"]))} for row in rows]
    emit(rows, ["name", "group", "range", "better", "needs", "about"], format_)
