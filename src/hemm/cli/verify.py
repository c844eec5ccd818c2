"""``hemm verify``: published figures of a model, asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hemm.cli._common import NumberOr, format_option, task_option
from hemm.core.terminal import echo
from hemm.report.tables.writer import emit, print_json

_COLUMNS = ["task", "metric", "published", "tolerance", "here", "low", "high", "n", "verdict", "why"]


@click.command(name="verify")
@click.argument("model", required=False)
@task_option("Only figures on this task.")
@click.option(
    "--reference", type=click.Path(path_type=Path), metavar="FILE", help="Figures of your own (TOML)."
)
@click.option("--limit", type=NumberOr(), metavar="N", help="Ask this many units of each task.")
@click.option(
    "--batch-size", type=NumberOr("auto"), default="auto", metavar="N|auto", help="Of a local model."
)
@click.option("--revision", default="", metavar="LABEL", help="Hub revision, or a label for a served model.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("verify"),
    show_default=True,
    help="Where the results go.",
)
@format_option("table", "json", "csv", "markdown")
def command(model: str | None, format_: str, **options: Any) -> int:
    """Ask MODEL what its makers report figures on, by their protocol, and compare. Alone: list the figures.

    Exit status: 0 every figure agrees; 3 some differ, cannot be told, or could not be asked.
    """
    from hemm.analysis.verify import AGREES, LIST, chosen, figures, verify
    from hemm.core.errors import HemmError
    from hemm.models import ModelOptions, resolve

    file: Path = options["reference"] or LIST
    published = figures(file)
    tasks: tuple[str, ...] = options["tasks"]
    if model is None:
        rows = [{**vars(f), "models": ", ".join(f.models)} for f in published if not tasks or f.task in tasks]
        emit(rows, ["models", "task", "value", "tolerance", "source", "place"], format_)
        return 0
    name = resolve(model, ModelOptions(revision=options["revision"])).identity.name
    wanted = chosen(published, name, tasks)
    if not wanted:
        on = f" on {', '.join(tasks)}" if tasks else ""
        where = options["reference"] or "hemm's list"
        raise HemmError(
            f"no figure of {name}{on} in {where}: hemm verify shows it, --reference FILE takes yours"
        )
    batch = 0 if options["batch_size"] == "auto" else options["batch_size"]
    results = verify(
        model,
        wanted,
        options["out"],
        limit=options["limit"],
        batch_size=batch,
        revision=options["revision"],
        progress=lambda text: echo(text, err=True),
    )
    rows = [result.to_json() for result in results]
    if format_ == "json":
        print_json({"model": name, "agrees": all(r.verdict == AGREES for r in results), "figures": rows})
    else:
        emit(rows, _COLUMNS, format_)
    return 0 if all(r.verdict == AGREES for r in results) else 3
