"""``hemm score``: judge stored answers again, without the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemm.cli._common import Name, format_option, overlay_options, print_findings, results_argument
from hemm.core.terminal import echo
from hemm.core.text import counted
from hemm.report.tables.writer import emit

if TYPE_CHECKING:
    from hemm.core import Task
    from hemm.results.read import Cell


@click.command(name="score")
@results_argument()
@click.option(
    "--metric",
    "-m",
    "metrics",
    multiple=True,
    metavar="METRIC",
    type=Name("metrics"),
    help="One more metric: NAME or NAME:KEY=VALUE.",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="TASK",
    help="Where a task of your own is (./task.py, ./folder, file.tsv), if it was moved.",
)
@click.option("--again", is_flag=True, help="Make all scores anew, also those that are up to date.")
@overlay_options(beside=False)
@format_option("table", "json", "csv", "markdown")
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path,
    metrics: tuple[str, ...],
    tasks: tuple[str, ...],
    again: bool,
    overlay: tuple[Path, ...],
    format_: str,
) -> None:
    """Parse and score the answers stored in DIR (results), offline and without the model.

    Scores that are up to date are kept: a command that was stopped goes on where it was.
    """
    from hemm.engine.overlays.matching import overlaid
    from hemm.engine.stored_task import task_of
    from hemm.metrics import resolve
    from hemm.report.tables.scores import COLUMNS, score_rows
    from hemm.results.read import cells
    from hemm.tasks import resolve as task_named
    from hemm.tasks.selection import distinct

    for spec in metrics:
        resolve(spec)  # a wrong name should fail before anything is written
    by_name = {task.name: task for task in distinct(map(task_named, tasks))}
    rows: list[dict[str, Any]] = []
    renewed: Counter[str] = Counter()
    views = overlaid(cells(folder), overlay, writing=True)
    stored_cells = [(view, task_of(view, by_name, code=True)) for view in views]
    for own in by_name.values():
        print_findings(own)
    failed = 0
    for stored, task in stored_cells:
        aggregates = _scored(stored, task, metrics, again, renewed)
        rows += score_rows(stored, aggregates)
        judges = [row["judge"] for row in aggregates["metrics"].values() if "judge" in row]
        failed += sum(_print_judge(stored, judge) for judge in judges)
    for what, count in renewed.items():
        echo(f"{what}: {counted(count, 'cell')} scored anew", err=True)
    emit(rows, (*COLUMNS, "overlay") if overlay else COLUMNS, format_)
    if failed:
        ctx.exit(3)


def _scored(
    stored: Cell, task: Task, metrics: tuple[str, ...], again: bool, renewed: Counter[str]
) -> Mapping[str, Any]:
    """Score one cell, print what is to be said of it, and give its aggregates. ``renewed`` counts what made
    scores anew."""
    from hemm.engine.overlays.cell import OverlaidCell
    from hemm.engine.overlays.scores import score_overlaid
    from hemm.engine.score import score_cell
    from hemm.results.checked import broken
    from hemm.results.read import cell, unscored_words

    if isinstance(stored, OverlaidCell) and not stored.effect.rescored:
        echo(f"{stored.folder}: no score is other under the {stored.overlay.words}", err=True)
        return {"metrics": {}}
    if damage := broken(stored.aggregates):
        echo(f"{damage}: name the metrics again that were named for it", err=True)
    before = {} if damage else stored.aggregates()
    if isinstance(stored, OverlaidCell):
        score_overlaid(stored, task, metrics, again=again, told=_print_line)
        aggregates = stored.aggregates()
    else:
        score_cell(stored.folder, task, metrics, again=again, told=_print_line)
        aggregates = cell(stored.folder).aggregates()
    renewed.update(_changed_rules(before, aggregates))
    if unscored := aggregates.get("unscored"):
        echo(f"{stored.folder}: {unscored_words(unscored)}", err=True)
    for row in aggregates.get("left_out", {}).values():
        echo(f"{stored.folder}: {row['spec']} is left out: {row['why']}", err=True)
    return aggregates


def _print_line(line: str) -> None:
    echo(f"hemm: {line}", err=True)


def _changed_rules(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The metrics and the answer format that scored a cell before in another version than now."""
    earlier = {row["spec"]: row.get("version") for row in before.get("metrics", {}).values()}
    for row in now["metrics"].values():
        was = earlier.get(row["spec"])
        if was is not None and was != row["version"]:
            yield f"{row['spec']} has version {row['version']}, was {was}"
    was, parser = (a.get("parser", {}) for a in (before, now))
    for name in ("format_version", "outcome_version"):
        if name in was and was[name] != parser[name]:
            what = f"answer format {parser['format']}" if name == "format_version" else "outcomes of answers"
            yield f"{what} has version {parser[name]}, was {was[name]}"


def _print_judge(stored: Cell, judge: dict[str, Any]) -> int:
    """Print what a judge did, and return the number of failed verdicts, which another run may get."""
    counts = [counted(judge.get("verdicts", 0), "verdict")]
    counts += [
        f"{judge[k]} {k.replace('_', ' ')}"
        for k in ("unreadable", "failed", "not_asked", "damaged_lines")
        if judge.get(k)
    ]
    if judge.get("input_tokens") is not None:
        counts.append(f"{judge['input_tokens']} + {judge.get('output_tokens') or 0} tokens")
    if judge.get("cost") is not None:
        counts.append(f"${judge['cost']:.4f}")
    echo(f"{stored.model} on {stored.task}, judged by {judge['name']}: {', '.join(counts)}", err=True)
    return int(judge.get("failed") or 0)
