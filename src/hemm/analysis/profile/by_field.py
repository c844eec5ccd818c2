"""Scores by a field of the samples: any key of their metadata, or a dimension of their labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.curves import DISTINCT, ranges_of
from hemm.analysis.study import Study
from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.analysis.study.failure_policy import FailurePolicy, without_failures
from hemm.analysis.study.groups import group_of
from hemm.analysis.study.normalise import own_scale
from hemm.core import DIMENSIONS, CorpusMetric, UnknownName
from hemm.core.text import counted
from hemm.results.stored_answer import metadata_of
from hemm.stats.intervals import Estimate

NOTHING = "(none)"
"""The value of groups whose samples do not have the field."""
SEVERAL = "(several)"
"""The value of groups whose samples have different ones."""
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class FieldRow:
    """The score of one model on the groups of one task with one value of the field, on the metric's scale.

    outcomes  outcome -> number of answers, repeats included
    """

    task: str
    label: str
    metric: str
    value: str
    estimate: Estimate
    outcomes: Mapping[str, int]
    cut: int

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "model": self.label,
            "metric": self.metric,
            "value_of_field": self.value,
            **self.estimate.to_json(),
            "outcomes": dict(self.outcomes),
            "cut": self.cut,
        }


@dataclass(frozen=True)
class FieldScores:
    """``rows`` by task, model and value. ``notes``: tasks without the field, and what a study notes."""

    field: str
    failures: str
    rows: tuple[FieldRow, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The JSON of ``hemm profile --by``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "field": self.field,
            "failures": self.failures,
            "rows": [row.to_json() for row in self.rows],
            "notes": list(self.notes),
        }


def by_field(
    study: Study, name: str, *, common: bool = True, failures: str = FailurePolicy.AS_WORST
) -> FieldScores:
    """Scores by the values of a field, on each task whose samples have it.

    Numbers of which more than ``DISTINCT`` differ are cut into ranges, the same for all models. Controls are
    rows of their own. Raises UnknownName, with the nearest field, where no sample has it.

    >>> import hemm
    >>> study = hemm.run("baseline/oracle", "probe_shapes", limit=8).study
    >>> rows = by_field(study, "reasoning").rows
    >>> {row.value for row in rows} <= {"more", "less"}, sum(row.estimate.n for row in rows)
    (True, 8)
    """
    FailurePolicy.check(failures)
    study = study.on_common_samples if common else study
    known: dict[str, None] = {}
    found: dict[str, list[tuple[CellScores, NDArray[np.object_]]]] = {}
    for item in study.cells:
        values, fields = _values(item, name)
        known |= dict.fromkeys(fields)
        found.setdefault(item.task, []).append((item, values))
    without = [t for t, pairs in found.items() if all(v is None for _, column in pairs for v in column)]
    if len(without) == len(found):
        raise UnknownName("field of these samples", name, known)
    rows: list[FieldRow] = []
    notes = [f"no sample of {', '.join(without)} has {name}"] if without else []
    for task, pairs in found.items():
        if task not in without:
            texts = _texts([column for _, column in pairs])
            for (item, _), column in zip(pairs, texts, strict=True):
                rows += _rows(item, name, column, failures)
    means = {r.task: r.metric for r in rows if r.estimate.note == _NO_MEAN}
    notes += [f"{task}: {metric} {_NO_MEAN}" for task, metric in means.items()]
    return FieldScores(name, failures, tuple(rows), tuple(dict.fromkeys((*notes, *study.notes))))


_NO_MEAN = "is no mean of its values, so that there is no score by field"


def _values(item: CellScores, name: str) -> tuple[NDArray[np.object_], list[str]]:
    """The field's value of each scored group (None: it has none), and the fields that the samples have."""
    column = item.headline
    dimensions = [d for d, labels in column.labels.items() if any(v is not None for v in labels)]
    if name in DIMENSIONS:
        labels = column.labels.get(name)
        empty = np.full(len(column), None, dtype=object)
        return (empty if labels is None else labels), dimensions
    table = item.cell.answers(["id", "unit", "metadata"])
    known: dict[str | None, Mapping[str, Any]] = {}
    of_group: dict[str, Any] = {}
    for row in table.to_pylist():
        text = row["metadata"]
        if text not in known:
            known[text] = metadata_of(text)
        value, group = known[text].get(name), group_of(column.metric.group, row)
        before = of_group.setdefault(group, value)
        if before != value:
            of_group[group] = SEVERAL
    values = np.empty(len(column), dtype=object)
    values[:] = [of_group.get(group) for group in column.groups.tolist()]
    return values, [*dimensions, *dict.fromkeys(key for one in known.values() for key in one)]


def _texts(columns: Sequence[NDArray[np.object_]]) -> list[list[str]]:
    """The values as texts; many different numbers as ranges."""
    numbers = sorted({float(v) for column in columns for v in column if _is_number(v)})
    others = any(v is not None and v != SEVERAL and not _is_number(v) for column in columns for v in column)
    if others or len(numbers) <= DISTINCT:
        return [[_text(v) for v in column] for column in columns]
    every = np.array([float(v) for column in columns for v in column if _is_number(v)])
    ranges = ranges_of(every)
    return [[_in_range(v, ranges) if _is_number(v) else _text(v) for v in column] for column in columns]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _in_range(value: float, ranges: Sequence[tuple[float, float]]) -> str:
    low, high = next(r for r in ranges if r[0] <= value <= r[1])
    return f"{low:g} to {high:g}" if low != high else f"{low:g}"


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or NOTHING
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rows(item: CellScores, name: str, values: Sequence[str], failures: str) -> Iterator[FieldRow]:
    counted_by = without_failures(item) if failures == FailurePolicy.EXCLUDE else item
    column = np.array(values, dtype=object)
    for value in sorted(dict.fromkeys(values), key=lambda v: _place(name, v)):
        mask = np.asarray(column == value, dtype=bool)
        scores = item.headline.take(mask)
        yield FieldRow(
            item.task,
            item.label,
            f"{scores.spec} {scores.component}".strip(),
            value,
            _estimate(counted_by.headline, mask, name, value, failures),
            scores.outcomes,
            int(scores.cut.sum()),
        )


def _estimate(
    headline: ScoreColumn, mask: NDArray[np.bool_], name: str, value: str, failures: str
) -> Estimate:
    scores = headline.take(mask)
    if isinstance(headline.metric, CorpusMetric):
        n = int((~np.isnan(scores.values)).sum())
        return Estimate(None, None, None, n, len(set(scores.clusters)), _NO_MEAN)
    if headline.anytime is not None:
        scores = replace(scores, anytime=headline.anytime.of(name, value, bool(mask.all())))
    return own_scale(scores, failures)


def _place(name: str, value: str) -> tuple[int, float, str]:
    """Where a value stands: categories in the order of their dimension, numbers by size, then texts."""
    if value in (NOTHING, SEVERAL):
        return (2, 0.0, value)
    if name in DIMENSIONS and value in DIMENSIONS[name].categories:
        return (0, float(DIMENSIONS[name].categories.index(value)), value)
    try:
        number = float(value.partition(" to ")[0])
    except ValueError:
        return (1, 0.0, value)
    return (0, number, value) if math.isfinite(number) else (1, 0.0, value)


def without_words(rows: Sequence[FieldRow]) -> str:
    """How many groups have no value of the field, in one line; empty where all have one."""
    lacking = sum(row.estimate.n for row in rows if row.value == NOTHING)
    return f"{counted(lacking, 'score')} of samples without the field: {NOTHING}" if lacking else ""
