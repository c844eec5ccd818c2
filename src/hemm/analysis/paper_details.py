"""What the HEMM paper tells beside its aggregates: models by use case, modelling dimensions task by task, how
far the members of a group lie apart, and scores over the tasks that all models have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemm.published import Published

Floats = NDArray[np.float64]
Groups = dict[str, dict[str, list[int]]]
"""Dimension -> category -> indices of its tasks (or models)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One category: its value, and the standard deviations (n - 1) behind it.

    members         number of its tasks (of a modelling dimension: models)
    between         over the members, of their means over the other side; None with one member
    between_others  over the other side (models; tasks), of its means over the members
    """

    dimension: str
    category: str
    value: float
    members: int
    between: float | None
    between_others: float | None


@dataclass(frozen=True, slots=True)
class Placed:
    """A mean score of one model over ``tasks`` tasks; ``rank`` is 1 plus the number of models above it."""

    score: float
    rank: int
    tasks: int


def groups_of(
    names: Sequence[str], labels: Mapping[str, Mapping[str, str]], order: Mapping[str, Sequence[str]]
) -> Groups:
    """The names with each label, by dimension; only categories that occur."""
    groups: Groups = {}
    for dimension, categories in order.items():
        places = {c: [i for i, n in enumerate(names) if labels[n].get(dimension) == c] for c in categories}
        groups[dimension] = {c: at for c, at in places.items() if at}
    return groups


def row_means(scores: Floats) -> Floats:
    """Row means without NaN; NaN for a row of NaN."""
    counts = (~np.isnan(scores)).sum(axis=1)
    sums = np.nansum(scores, axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def value_of(scores: Floats, columns: Sequence[int]) -> float:
    """The mean over columns of their mean over rows."""
    return float(np.mean(np.nanmean(scores[:, columns], axis=0)))


def spreads(scores: Floats, groups: Groups) -> tuple[Spread, ...]:
    """Every category of ``groups``, which are of the columns of ``scores``."""
    return tuple(
        Spread(
            dimension,
            category,
            value_of(scores, at),
            len(at),
            _deviation(np.nanmean(scores[:, at], axis=0)),
            _deviation(row_means(scores[:, at])),
        )
        for dimension, categories in groups.items()
        for category, at in categories.items()
    )


def _deviation(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else None


def placed(models: Sequence[str], scores: Floats) -> dict[str, Placed]:
    """Mean and rank of each model (rows) over its tasks here; models without any are left out."""
    means, counts = row_means(scores), (~np.isnan(scores)).sum(axis=1)
    return {
        m: Placed(float(v), 1 + int((means > v).sum()), int(n))
        for m, v, n in zip(models, means, counts, strict=True)
        if n
    }


def by_use_case(source: Published, scores: Floats, groups: Groups) -> dict[str, dict[str, Placed]]:
    """Use case -> model -> its mean and rank there."""
    return {case: placed(source.models, scores[:, at]) for case, at in groups["use_case"].items()}


def common_tasks(source: Published, scores: Floats) -> tuple[str, ...]:
    """The tasks that every model has a score on."""
    lacks = np.flatnonzero(np.isnan(scores).sum(axis=0))
    return tuple(t for i, t in enumerate(source.tasks) if i not in lacks)


def by_task(scores: Floats, tasks: Sequence[str], models: Groups) -> dict[str, dict[str, dict[str, float]]]:
    """Modelling dimension -> task -> category -> mean over its models with a score on that task."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for dimension, categories in models.items():
        rows = found[dimension] = {task: {} for task in tasks}
        for category, at in categories.items():
            for task, value in zip(tasks, row_means(scores[at].T).tolist(), strict=True):
                if value == value:
                    rows[task][category] = value
    return found
