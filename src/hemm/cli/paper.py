"""``hemm paper``: the aggregates of the HEMM paper from its figures, and what its tests leave out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hemm.cli._common import OneOf, format_option, print_json, print_table, to_markdown

if TYPE_CHECKING:
    from hemm.analysis.paper_aggregates import Paper

Table = tuple[str, list[dict[str, Any]], list[str]]
"""Title, rows, columns."""


@click.command("paper")
@click.option(
    "--subset",
    type=OneOf("subset of the published scores", ("100", "full")),
    default="100",
    show_default=True,
    metavar="100|full",
    help="100 samples a task and eleven models, or whole splits and the nine open ones.",
)
@format_option("table", "json", "markdown")
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Draw the radar plot, score against parameters, and the use cases into DIR (SVG and PNG).",
)
def command(subset: str, format_: str, figures: Path | None) -> None:
    """Compute the HEMM paper's scores, dimensions and tests anew, with what they leave out beside them."""
    from hemm.analysis.paper_aggregates import paper

    found = paper(subset)
    if figures is not None:
        from hemm.report.paper import draw

        for path in draw(found, figures):
            click.echo(f"wrote {path}", err=True)
    if format_ == "json":
        print_json(found.to_json())
        return
    for title, rows, columns in tables(found):
        if format_ == "markdown":
            click.echo(f"## {title}\n\n{to_markdown(rows, columns)}\n")
        else:
            print_table(rows, columns, title)
    for note in (READING, *found.notes):
        click.echo(f"{'- ' if format_ == 'markdown' else '  '}{note}")


READING = (
    "p: as in the paper, over models (tasks for modelling dimensions), the other side taken as fixed; "
    "p_tasks: over tasks (models), by Welch's t; p_adjusted: over tasks, all task dimensions in one model"
)


def tables(found: Paper) -> Iterator[Table]:
    """The tables as they are printed."""
    titles = found.source.titles
    fewest = max(found.scored.values())
    yield (
        f"Models, subset {found.subset} (normalised BARTScore: 0 worst model, 1 reference against itself)",
        [
            {
                "model": titles[m] + (" *" if found.scored[m] < fewest else ""),
                "score": v,
                "tasks": found.scored[m],
            }
            for m, v in _ranked(found.models)
        ],
        ["model", "score", "tasks"],
    )
    yield (
        "Tasks, hardest first",
        [{"task": titles[t], "score": v} for t, v in reversed(_ranked(found.tasks))],
        ["task", "score"],
    )
    for title, groups in (
        ("Dimensions of tasks", found.dimensions),
        ("Dimensions of models", found.model_dimensions),
    ):
        rows = [
            {"dimension": d, "category": c, "score": v} for d, cs in groups.items() for c, v in cs.items()
        ]
        yield title, rows, ["dimension", "category", "score"]
    yield "Tests", [_test(t) for t in found.tests], list(_test(found.tests[0]))


def _ranked(values: Mapping[str, float]) -> Sequence[tuple[str, float]]:
    return sorted(values.items(), key=lambda kv: -kv[1])


def _test(test: Any) -> dict[str, Any]:
    return {
        "dimension": test.dimension,
        "a": test.a,
        "b": test.b,
        "a - b": test.mean_difference,
        "n": test.n,
        "p": test.p,
        "p_tasks": test.p_tasks,
        "adjusted a - b": test.adjusted,
        "p_adjusted": test.p_adjusted,
    }
