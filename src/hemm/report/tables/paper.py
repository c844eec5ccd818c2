"""The aggregates of the HEMM paper as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hemm.report.tables.writer import Table, table_of

if TYPE_CHECKING:
    from hemm.analysis.paper_aggregates import Paper
    from hemm.analysis.paper_details import Spread

P_VALUES = (
    "*: fewer tasks than others; sd: standard deviation of means; relative: value of a over that of b, which "
    "moves with the worst model",
    "p: as in the paper, over models (tasks for modelling dimensions), the other side taken as fixed; Holm: "
    "p corrected over all tests; p_tasks: over tasks (models), by Welch's t; p_adjusted: over tasks, all "
    "task dimensions in one model",
)

SHOWN_BY_TASK = ("pretraining_data_diversity", "tuning")
"""Modelling dimensions that the paper discusses task by task; the JSON has all."""


def tables(paper: Paper) -> Iterator[Table]:
    titles = paper.source.titles
    yield table_of(
        f"Models, subset {paper.subset} (normalised BARTScore: 0 worst model, 1 reference against itself)",
        [_model(paper, m) for m, _ in _ranked(paper.models)],
    )
    cases = list(paper.use_cases)
    yield (
        "Models by use case: score (rank)",
        [
            {"model": _starred(paper, m)}
            | {c: f"{p.score:.3f} ({p.rank})" for c in cases if (p := paper.use_cases[c].get(m))}
            for m, _ in _ranked(paper.models)
        ],
        ["model", *cases],
    )
    yield table_of(
        "Tasks, hardest first",
        [
            {"task": titles[t], "score": v, "sd of models": _sd_of_models(paper, t)}
            for t, v in reversed(_ranked(paper.tasks))
        ],
    )
    yield table_of("Dimensions of tasks", [_spread(s, "tasks", "models") for s in paper.spreads])
    yield table_of("Dimensions of models", [_spread(s, "models", "tasks") for s in paper.model_spreads])
    for dimension in SHOWN_BY_TASK:
        yield _by_task(paper, dimension)
    yield table_of("Tests", [_test(t) for t in paper.tests])


def _starred(paper: Paper, model: str) -> str:
    most = max(paper.scored.values())
    return paper.source.titles[model] + (" *" if paper.scored[model] < most else "")


def _model(paper: Paper, model: str) -> dict[str, Any]:
    size, own, common = paper.source.params[model], paper.ranked[model], paper.on_common[model]
    row = {
        "model": _starred(paper, model),
        "billions of parameters": f"{size:g}" + (", estimated" if model in paper.source.estimated else ""),
        "score": own.score,
        "tasks": own.tasks,
        "rank": own.rank,
    }
    if len(paper.common) < len(paper.source.tasks):
        row |= {f"score on the {len(paper.common)} common tasks": common.score, "rank there": common.rank}
    return row


def _sd_of_models(paper: Paper, task: str) -> float:
    import numpy as np

    return float(np.nanstd(paper.normalised[:, paper.source.tasks.index(task)], ddof=1))


def _spread(row: Spread, members: str, others: str) -> dict[str, Any]:
    return {
        "dimension": row.dimension,
        "category": row.category,
        "score": row.value,
        members: row.members,
        f"sd of {members}": row.between,
        f"sd of {others}": row.between_others,
    }


def _by_task(paper: Paper, dimension: str) -> Table:
    """A modelling dimension of two categories on each task, the largest difference first."""
    a, b = sorted(paper.model_dimensions[dimension], key=lambda c: -paper.model_dimensions[dimension][c])
    rows = [
        {
            "task": paper.source.titles[task],
            a: row[a],
            b: row[b],
            "difference": row[a] - row[b],
            "relative": _percent(row[a] / row[b] - 1 if row[b] else None),
        }
        for task, row in paper.by_task[dimension].items()
    ]
    return table_of(f"{dimension} by task: means of models", sorted(rows, key=lambda r: -r["difference"]))


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:+.0f} %"


def _ranked(values: Mapping[str, float]) -> Sequence[tuple[str, float]]:
    return sorted(values.items(), key=lambda kv: -kv[1])


def _test(test: Any) -> dict[str, Any]:
    return {
        "dimension": test.dimension,
        "a": test.a,
        "b": test.b,
        "a - b": test.mean_difference,
        "relative": _percent(test.relative),
        "n": test.n,
        "p": test.p,
        "Holm": test.p_holm,
        "p_tasks": test.p_tasks,
        "adjusted a - b": test.adjusted,
        "p_adjusted": test.p_adjusted,
    }
