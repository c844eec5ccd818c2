"""``hemm score``: judge stored answers again, without the model."""

from __future__ import annotations

from pathlib import Path

import click

from hemm.cli._common import emit, format_option, results_argument


@click.command(name="score")
@results_argument()
@click.option(
    "--metric",
    "-m",
    "metrics",
    multiple=True,
    metavar="METRIC",
    help="One more metric: NAME or NAME:KEY=VALUE.",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="TASK",
    help="Where a task of your own is (./task.py, ./folder, file.tsv); hemm's own are known.",
)
@format_option("table", "json", "csv", "markdown")
def command(folder: Path, metrics: tuple[str, ...], tasks: tuple[str, ...], format_: str) -> None:
    """Parse and score the answers stored in DIR (results) anew, offline."""
    from hemm.core import UnknownName
    from hemm.engine.score import score_cell
    from hemm.metrics import resolve
    from hemm.results.read import cell, cells
    from hemm.tasks import resolve as task_named

    for spec in metrics:
        resolve(spec)  # a wrong name ends here, before anything is written
    own = {task.name: task for task in map(task_named, tasks)}
    rows = []
    found = cells(folder)
    for stored in found:
        if stored.task not in own:
            try:
                own[stored.task] = task_named(stored.task)
            except UnknownName as error:
                raise UnknownName(
                    f"task of {stored.folder}", stored.task, own, "say where it is with --task ./FILE"
                ) from error
    for stored in found:
        score_cell(stored.folder, own[stored.task], metrics)
        for row in cell(stored.folder).aggregates()["metrics"].values():
            main = row["components"].get("", {})
            rows.append(
                {
                    "model": stored.model,
                    "protocol": stored.protocol[:12],
                    "task": stored.task,
                    "metric": row["spec"],
                    "value": main.get("value"),
                    "n": main.get("n", 0),
                    "failed": main.get("nulls", 0),
                    "folder": str(stored.folder),
                }
            )
    emit(rows, ["model", "task", "protocol", "metric", "value", "n", "failed"], format_)
