"""Scores by a field of the samples, as tables, CSV rows and notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hemm.analysis.profile.by_field import FieldRow, FieldScores, without_words
from hemm.analysis.study.failure_policy import DESCRIPTIONS
from hemm.core.terminal import printable
from hemm.report.tables.profile import failures, interval
from hemm.report.tables.writer import Table
from hemm.stats.intervals import LEVEL

SHOWN = 40
"""Most values of a field in a table, those of most samples; JSON and CSV have all."""
_OUTCOMES = ("ok", "unparsable", "refused", "truncated", "error")
COLUMNS = (
    *("task", "model", "metric", "field", "value_of_field", "value", "low", "high", "n", "clusters"),
    *(*_OUTCOMES, "cut", "note", "failures"),
)
"""Of the CSV: a row for each task, model and value."""


def flat(found: FieldScores) -> list[dict[str, Any]]:
    """The rows of the CSV."""
    out = []
    for row in found.rows:
        facts = row.to_json() | dict(row.outcomes)
        facts |= {"field": found.field, "failures": found.failures, "model": printable(row.label)}
        out.append({name: facts.get(name) for name in COLUMNS})
    return out


def tables(found: FieldScores) -> Iterator[Table]:
    """A table for each task."""
    for task in dict.fromkeys(row.task for row in found.rows):
        rows = [row for row in found.rows if row.task == task]
        shown = _shown(rows)
        several = len({row.label for row in rows}) > 1
        name = _header(found.field)
        columns = [
            *(["model"] if several else []),
            name,
            "score",
            f"{LEVEL:.0%} interval",
            "n",
            *(["clusters"] if any(row.estimate.clusters != row.estimate.n for row in rows) else []),
            "failed",
        ]
        title = f"{task} by {found.field}: {rows[0].metric}" + ("" if several else f", {rows[0].label}")
        yield title, [_row(row, name) for row in rows if row.value in shown], columns


def _header(field: str) -> str:
    """The field's name as a header, which no other column has."""
    return f"{field} (field)" if field in ("model", "score", "n", "clusters", "failed") else field


def _shown(rows: list[FieldRow]) -> set[str]:
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row.value] = max(sizes.get(row.value, 0), row.estimate.n)
    return set(sorted(sizes, key=lambda v: -sizes[v])[:SHOWN])


def _row(row: FieldRow, name: str) -> dict[str, Any]:
    return {
        "model": printable(row.label),
        name: row.value,
        "score": row.estimate.value,
        f"{LEVEL:.0%} interval": interval(row.estimate),
        "n": row.estimate.n,
        "clusters": row.estimate.clusters,
        "failed": failures(row.outcomes, row.cut),
    }


def notes(found: FieldScores) -> Iterator[str]:
    """What the scores count, values that are not shown, and notes."""
    words = DESCRIPTIONS[found.failures]
    yield f"Each score is on its metric's own scale. {words[0].upper()}{words[1:]}."
    if told := without_words(found.rows):
        yield told
    for task in dict.fromkeys(row.task for row in found.rows):
        rows = [row for row in found.rows if row.task == task]
        every, shown = {row.value for row in rows}, _shown(rows)
        if len(every) > len(shown):
            yield (
                f"{task}: the {len(shown)} values of most samples are shown, "
                f"{len(every) - len(shown):,} others are in --format csv and json"
            )
    yield from map(printable, found.notes)
