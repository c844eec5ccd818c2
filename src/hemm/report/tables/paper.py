"""The aggregates of the HEMM paper as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemm.report.tables.writer import Table, table_of

if TYPE_CHECKING:
    from hemm.analysis.paper_aggregates import Paper

P_VALUES = (
    "p: as in the paper, over models (tasks for modelling dimensions), the other side taken as fixed; "
    "p_tasks: over tasks (models), by Welch's t; p_adjusted: over tasks, all task dimensions in one model"
)


def tables(paper: Paper) -> Iterator[Table]:
    titles = paper.source.titles
    fewest = max(paper.scored.values())
    yield (
        f"Models, subset {paper.subset} (normalised BARTScore: 0 worst model, 1 reference against itself)",
        [
            {
                "model": titles[m] + (" *" if paper.scored[m] < fewest else ""),
                "score": v,
                "tasks": paper.scored[m],
            }
            for m, v in _ranked(paper.models)
        ],
        ["model", "score", "tasks"],
    )
    yield (
        "Tasks, hardest first",
        [{"task": titles[t], "score": v} for t, v in reversed(_ranked(paper.tasks))],
        ["task", "score"],
    )
    for title, groups in (
        ("Dimensions of tasks", paper.dimensions),
        ("Dimensions of models", paper.model_dimensions),
    ):
        rows = [
            {"dimension": d, "category": c, "score": v} for d, cs in groups.items() for c, v in cs.items()
        ]
        yield title, rows, ["dimension", "category", "score"]
    yield table_of("Tests", [_test(t) for t in paper.tests])


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
