"""A comparison in short: what a terminal of 80 columns holds. ``comparison`` has the rest, for ``--full``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hemm.analysis.compare import Comparison
from hemm.analysis.compare.pairs import CategoryPair, TaskPair
from hemm.core.terminal import printable
from hemm.report.tables.comparison import (
    effect_interval,
    ends,
    name_of,
    possible,
    published_row,
    with_overlay,
)
from hemm.report.tables.robustness import robustness_tables
from hemm.report.tables.writer import Table, table_of
from hemm.report.text import p_value

MORE = (
    "p of tasks, of categories and of labels is corrected over each table (Holm). --full has the others, "
    "bootstrap, effect sizes, power and what failures do."
)


def brief_tables(result: Comparison) -> Iterator[Table]:
    """The tables in short, with what an overlay changes."""
    yield from with_overlay(result, _tables(result))
    if result.robustness is not None:
        yield from robustness_tables(result.robustness, full=False)


def _tables(result: Comparison) -> Iterator[Table]:
    """The tables: tasks of the pair, the pair by category, ranks, labels, the paper's models."""
    if result.pair is not None and result.overall is not None:
        a, b = (printable(result.labels[key]) for key in result.pair)
        names = f"a: {a}\nb: {b}"
        if result.tasks:
            noted = any(row.pair is None for row in result.tasks)
            rows = [_task_row(row, noted) for row in result.tasks]
            yield table_of(f"{names}\nTasks, each on its metric's scale", rows)
        known = [c for c in (result.overall, *result.categories) if c.difference.value is not None]
        if known:
            title = f"Normalised scores ({result.choice.normalise}), means over tasks"
            like = any(c.like.estimate.low is not None for c in known)
            yield table_of(title, [_category_row(c, like) for c in known])
    if result.ranks is not None:
        yield table_of("Ranks", _rank_rows(result))
    for table in result.label_effects:
        if table.effects:
            rows = [
                {
                    "dimension": row.effect.dimension,
                    "label": row.effect.a,
                    "against": row.effect.b,
                    "difference": row.effect.value,
                    "95 %": effect_interval(row.effect),
                    "p": p_value(row.p_holm),
                }
                for row in table.effects
            ]
            yield table_of(f"Labels with the others held equal, over {table.level}", rows)
    if result.published is not None:
        title = f"Beside the paper's models (BARTScore, subset {result.published.subset})"
        shown = ("rank", "model", "95 %", "failed", "from", "forced")
        common = [published_row(result.published, m) for m in result.published.models]
        yield table_of(
            title, [{k: v for k, v in row.items() if k in shown or "common task" in k} for row in common]
        )


def _task_row(row: TaskPair, noted: bool) -> dict[str, Any]:
    pair = row.pair
    facts: dict[str, Any] = {
        "task": row.task,
        "a": None if pair is None else pair.a,
        "b": None if pair is None else pair.b,
        "a less b": None if pair is None else pair.difference.value,
        "95 %": "" if pair is None else ends(pair.difference),
        "p": p_value(row.p_holm),
    }
    return facts | ({"note": row.why if pair is None else ""} if noted else {})


def _category_row(row: CategoryPair, like: bool) -> dict[str, Any]:
    """``like``: some category has an interval for tasks like these."""
    facts: dict[str, Any] = {
        "": name_of(row),
        "tasks": len(row.tasks),
        "a": row.a,
        "b": row.b,
        "a less b": row.difference.value,
        "these tasks": ends(row.difference),
    }
    facts |= {"like these": ends(row.like.estimate)} if like else {}
    return facts | {"p": p_value(row.p_holm if row.category else row.p)}


def _rank_rows(result: Comparison) -> list[dict[str, Any]]:
    others = {} if result.ranks_like is None else {r.subject: r for r in result.ranks_like.rows}
    return [
        {
            "rank": row.rank,
            "possible": possible(row),
            "groups": row.groups,
            "model": printable(result.labels[row.subject]),
            "score": row.estimate.value,
            "these tasks": ends(row.estimate),
            "like these": ends(others[row.subject].estimate) if row.subject in others else "",
        }
        for row in (result.ranks.rows if result.ranks else ())
    ]
