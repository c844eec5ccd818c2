"""``hemm tasks``: what can be asked."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import Name, format_option, print_findings
from hemm.report.tables.writer import print_json


@click.command("tasks")
@click.argument("name", required=False, type=Name("tasks"))
@format_option("table", "json", "csv", "markdown")
@click.option(
    "--card", type=click.Path(path_type=Path), metavar="FILE", help="Card file for data of your own."
)
def command(name: str | None, format_: str, card: Path | None) -> None:
    """List the tasks, or show one: how to get it, an example, the prompt as it is sent."""
    from hemm.report.tables.tasks import describe, example, example_json, print_list, print_task
    from hemm.tasks import TASKS, resolve
    from hemm.tasks.registry import suites_by_task
    from hemm.tasks.selection import registered

    if name is None:
        suites = suites_by_task()
        rows = [
            {
                **describe(registered(n)),
                "suite": next(iter(suites.get(n, [])), ""),
                "suites": suites.get(n, []),
            }
            for n in TASKS.names()
        ]
        print_list(rows, format_)
        return
    task = resolve(name, card)
    sample, messages = example(task)
    print_findings(task)
    if format_ == "json":
        example_row = None if sample is None else example_json(sample, messages)
        print_json({**describe(task), "example": example_row})
    else:
        print_task(task, sample, messages)
