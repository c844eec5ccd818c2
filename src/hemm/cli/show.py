"""``hemm show``: one answer, with all that is known of it."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import format_option


@click.command(name="show")
@click.argument("cell", metavar="CELL", type=click.Path(path_type=Path))
@click.argument("sample", metavar="ID")
@format_option("table", "json")
def command(cell: Path, sample: str, format_: str) -> None:
    """Show the answer to the sample ID in CELL: prompt, pictures, references, the answer with the words that
    were read, scores, time, tokens, and what earlier runs answered.

    CELL is a folder of results that holds one cell: results/MODEL/TASK, or results/MODEL/TASK/PROTOCOL.
    """
    from hemm.analysis.one_answer import find_cell, sample_answers
    from hemm.report.tables.answer import print_answers, to_json
    from hemm.report.tables.writer import print_json

    found = sample_answers(find_cell(cell), sample)
    if format_ == "json":
        print_json(to_json(found))
    else:
        print_answers(found)
