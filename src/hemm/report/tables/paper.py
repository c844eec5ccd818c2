"""The aggregates of the HEMM paper as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemm.report.tables.writer import Table, table_of

if TYPE_CHECKING:
    from hemm.analysis.paper_aggregates import Paper

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
    yield table_of("Tests", [_test(t) for t in found.tests])


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
