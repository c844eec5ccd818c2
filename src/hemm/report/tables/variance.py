"""Variance components as tables, sentences and CSV. All figures are points: hundredths of the normalised
score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hemm.analysis.variance import Change, ModelVariance, Variance
from hemm.core.terminal import printable
from hemm.report.tables.writer import Table, table_of
from hemm.report.text import points

COLUMNS = (
    "model",
    "kind",
    "name",
    "tasks",
    "levels",
    "spread",
    "share",
    "error",
    "error_share",
    "answers",
    "limit",
    "error_tasks",
)
"""Of the CSV: a row for each component (``kind`` component) and for each change (``kind`` change)."""


def flat(found: Variance) -> list[dict[str, Any]]:
    """The rows of the CSV; spreads and errors in points."""
    rows: list[dict[str, Any]] = []
    for model in found.models:
        rows += [
            {
                "model": model.label,
                "kind": "component",
                "name": row.name,
                "tasks": row.tasks,
                "levels": row.levels,
                "share": row.share,
                "spread": 100 * math.sqrt(row.variance),
                "error": 100 * math.sqrt(row.error),
                "error_share": row.error_share,
            }
            for row in model.rows
        ]
        rows += [
            {
                "model": model.label,
                "kind": "change",
                "name": change.what,
                "answers": change.answers,
                "error": 100 * change.error,
                "limit": _hundredfold(change.limit),
                "error_tasks": _hundredfold(change.error_tasks),
            }
            for change in model.changes
        ]
    return [{column: row.get(column) for column in COLUMNS} for row in rows]


def _hundredfold(value: float | None) -> float | None:
    return None if value is None else 100 * value


def tables(found: Variance) -> Iterator[Table]:
    """For each model the components, then what more units would buy."""
    for model in found.models:
        name = printable(model.label)
        yield table_of(f"{name}: what its answers and its score vary by, in points", component_rows(model))
        yield table_of(f"{name}: standard error with more answers, in points", change_rows(model))


def component_rows(model: ModelVariance) -> list[dict[str, Any]]:
    return [
        {
            "component": row.name,
            "levels": row.levels,
            "spread of one answer": points(math.sqrt(row.variance)),
            "share": f"{row.share:.0%}",
            "error of the score": points(math.sqrt(row.error)),
            "its share": f"{row.error_share:.0%}",
        }
        for row in model.rows
    ]


def change_rows(model: ModelVariance) -> list[dict[str, Any]]:
    now = {"": "as it is", "answers": "1.0 x", "error": points(model.error), "gain": "", "at best": ""}
    if model.error_tasks is not None:
        now["tasks like these"] = points(model.error_tasks)
    return [now, *(_change_row(change, model) for change in model.changes)]


def _change_row(change: Change, model: ModelVariance) -> dict[str, Any]:
    row = {
        "": change.what,
        "answers": f"{change.answers:.1f} x",
        "error": points(change.error),
        "gain": points(model.error - change.error),
        "at best": "" if change.limit is None else points(change.limit),
    }
    if change.error_tasks is not None:
        row["tasks like these"] = points(change.error_tasks)
    return row


def lines(found: Variance) -> Iterator[str]:
    """What was not varied, what the figures mean, and notes."""
    several = len(found.models) > 1
    for model in found.models:
        who = f"{printable(model.label)}: " if several else ""
        for line in model_lines(model):
            yield f"{who}{printable(line)}"
    yield (
        "the score is the mean over tasks of the normalised score; a 95 % interval is "
        "about four standard errors wide, and wider where few levels tell them; "
        "at best: with any number of such units"
    )
    yield from map(printable, found.notes)


def model_lines(model: ModelVariance) -> Iterator[str]:
    """The score with its errors, what was not varied, and what readers must know."""
    over_tasks = f"{points(model.error_tasks)} for tasks like these"
    yield (
        f"score {points(model.score)}, standard error {points(model.error)} points for "
        "these tasks, " + ("not known for tasks like these" if model.error_tasks is None else over_tasks)
    )
    for name, why in model.not_varied.items():
        yield f"not known, {name}: {why}"
    yield from model.notes
