"""The stored scores of single answers: values, outcome, and the words that were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from hemm.analysis.study.groups import group_of
from hemm.core.exchange import Outcome
from hemm.results.read import Cell

if TYPE_CHECKING:
    from hemm.core import Metric

NOT_SCORED = "not scored"
"""Stands for the outcome of an answer without scores."""
_FAILED = (Outcome.REFUSED.value, Outcome.TRUNCATED.value, Outcome.UNPARSABLE.value)


@dataclass(frozen=True)
class StoredMetric:
    """One metric's stored scores of a cell.

    group  what it scores at once (``Metric.group``)
    lowest the worst score, None where it is infinite
    """

    title: str
    group: str
    lowest: float | None
    higher_is_better: bool
    table: pa.Table


@dataclass(frozen=True)
class AnswerScores:
    """What the scores say of one answer.

    values  (metric, value), the headline first, failures as the worst score; None: there is none
    stage   the rule of ``docs/answers.md`` that read it; ``span``: the range of the raw text that it read
    """

    outcome: str = NOT_SCORED
    cut: bool = False
    values: tuple[tuple[str, float | None], ...] = ()
    stage: str = ""
    span: tuple[int, int] | None = None


def stored_metrics(cell: Cell, scored: Mapping[str, Any]) -> list[StoredMetric]:
    """The metrics that scored the cell, the headline first; none of an open cell, whose scores are of what
    was there when they were made. ``scored``: its aggregates.json. Raises BadData where a file is damaged."""
    from hemm.metrics import stored

    rows: Mapping[str, Any] = scored.get("metrics", {})
    if not rows or cell.state == "open":
        return []
    first = scored.get("headline") or next(iter(rows))
    found = []
    for key in (first, *(k for k in rows if k != first)):
        metric: Metric = stored(rows[key])
        low, high = rows[key]["range"]
        better = bool(rows[key]["higher_is_better"])
        lowest = low if better else high
        found.append(StoredMetric(str(rows[key]["spec"]), metric.group, lowest, better, cell.scores(key)))
    return found


def newest_calls(cell: Cell) -> pa.Table:
    """Of each (id, repeat) the call that was made last, with the number of its calls as ``calls``."""
    table = cell.calls()
    if not table.num_rows:
        return table.append_column("calls", pa.array([], pa.int64()))
    table = table.sort_by("started")
    made = table.group_by(["id", "repeat"], use_threads=False).aggregate(
        [(n, "last") for n in ("latency", "input_tokens", "output_tokens", "cost")] + [("started", "count")]
    )
    return made.rename_columns(
        [n.removesuffix("_last").replace("started_count", "calls") for n in made.column_names]
    )


def answer_scores(metrics: Sequence[StoredMetric], row: Mapping[str, Any]) -> AnswerScores:
    """The scores of a stored answer (a row with id, unit, repeat, metadata and failure).

    Outcome, stage and span are those of the first metric that scores samples one by one, else of the
    headline. An answer that is an error is one whatever else is stored.
    """
    own = [_rows(metric, row) for metric in metrics]
    values = [
        (f"{metric.title} {found['component']}".strip(), _value(found, metric))
        for metric, rows in zip(metrics, own, strict=True)
        for found in rows
    ]
    single = [n for n, metric in enumerate(metrics) if metric.group == "sample" and own[n]]
    by = own[single[0]] if single else own[0] if own else []
    read = next(iter(by), None)
    outcome = NOT_SCORED if read is None else str(read["outcome"])
    if row["failure"] is not None:
        outcome = Outcome.ERROR.value
    if read is None:
        return AnswerScores(outcome, values=tuple(values))
    span = read.get("span")
    return AnswerScores(
        outcome,
        bool(read.get("cut")),
        tuple(values),
        str(read.get("stage") or ""),
        None if span is None else (int(span[0]), int(span[1])),
    )


def _rows(metric: StoredMetric, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The components of a metric for one answer, the main one first."""
    wanted = (pc.field("group") == group_of(metric.group, row)) & (pc.field("repeat") == row["repeat"])
    found: list[dict[str, Any]] = metric.table.filter(wanted).to_pylist()
    return sorted(found, key=lambda r: str(r["component"]))


def _value(found: Mapping[str, Any], metric: StoredMetric) -> float | None:
    value = found["value"]
    if value is None and found["outcome"] in _FAILED:
        value = metric.lowest
    return None if value is None else float(value)
