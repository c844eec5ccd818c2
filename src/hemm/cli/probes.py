"""``hemm probes``: the design of the probes of version 2, and what they say of models."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import format_option
from hemm.core import HemmError
from hemm.report.tables.writer import emit, print_json, print_tables


@click.command(name="probes")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@format_option("table", "json", "csv", "markdown")
def command(folder: Path | None, format_: str) -> None:
    """What the probes of version 2 in the results in DIR say: effects of labels with the others held equal,
    their interactions, and what breaks first. Without DIR, the design: balance and correlations."""
    if folder is None:
        _design(format_)
        return
    if not folder.is_dir():
        raise HemmError(
            f"no folder of results at {folder}: hemm run --suite probes_v2 --out {folder} makes one"
        )
    from hemm.analysis.probe_findings import probe_findings
    from hemm.analysis.study import Study
    from hemm.report.tables.probes import COLUMNS, flat, notes, sentences, tables
    from hemm.results.read import cells

    found = probe_findings(Study.of(cells(folder)))
    if format_ == "json":
        print_json(found.to_json())
    elif format_ == "csv":
        emit(flat(found), COLUMNS, format_)
    else:
        print_tables(tables(found), notes(found), format_, first=sentences(found))


def _design(format_: str) -> None:
    from hemm.report.tables.probes import design_json, design_notes, design_tables

    if format_ == "json":
        print_json(design_json())
    elif format_ == "csv":
        emit(design_json()["designs"][0]["correlations"], ("a", "b", "cramers_v"), format_)
    else:
        print_tables(design_tables(), design_notes(), format_)
