"""Corruption errors of Hendrycks and Dietterich (2019): CE, mCE and relative mCE.

With E(c, s) the error under corruption c at level s, a model's corruption error is

    CE(c) = sum over s of E(c, s) / sum over s of the reference's E(c, s)

and mCE is the mean of CE over the corruptions. Relative mCE takes from each E the error on clean pictures.
The paper's reference is AlexNet on ImageNet; here it is a model that was asked the same. Without one, the
mean error over corruptions and levels is given, and what it is above the clean error.

An error is 1 less the score, on the metric's range put to 0..1. All are over the groups that the model, and
the reference, have a score of under every corruption and clean. Intervals are by the cluster jackknife, in
which model and reference lose the same clusters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemm.analysis.study.cell_scores import CellScores, ScoreColumn
from hemm.core import CorpusMetric, digest
from hemm.stats.intervals import Estimate, t_quantile
from hemm.stats.jackknife import LEAST, blocks_of, jackknife_variance
from hemm.tasks.perturbations.corruptions import CORRUPTIONS, LEVELS

Floats = NDArray[np.float64]
Asked = tuple[str, CellScores, Mapping[str, CellScores]]
"""(task, the cell as it is, ``NAME:LEVEL`` -> the cell under it)."""


@dataclass(frozen=True)
class CorruptionErrors:
    """The corruption errors of one model on one task.

    names       the corruptions that were asked at all five levels; of the reference too, where there is one
    clean       the error on the samples as they are
    by_name     corruption -> CE; without a reference the mean error over its levels
    mean        mCE; without a reference the mean of ``by_name``
    relative    relative mCE; without a reference the mean error less the clean one
    normalised  whether there is a reference
    """

    task: str
    subject: str
    label: str
    names: tuple[str, ...]
    clean: float
    by_name: Mapping[str, float]
    mean: Estimate
    relative: Estimate
    normalised: bool

    @property
    def complete(self) -> bool:
        """Whether all fifteen are there: only then it is mCE as published."""
        return len(self.names) == len(CORRUPTIONS)

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "subject": self.subject,
            "corruptions": len(self.names),
            "clean_error": self.clean,
            "by_corruption": dict(self.by_name),
            "normalised": self.normalised,
            "mean": self.mean.to_json(),
            "relative": self.relative.to_json(),
        }


def corruption_errors(asked: Sequence[Asked], reference: str = "") -> list[CorruptionErrors]:
    """The corruption errors of each model and task that was asked some corruption at all levels.

    reference  the key of the model by which they are normalised; empty: none
    """
    by_task = {task: (clean, under) for task, clean, under in asked if clean.subject == reference}
    out = []
    for task, clean, under in asked:
        other = by_task.get(task)
        names = [n for n in CORRUPTIONS if _has_all(under, n) and (other is None or _has_all(other[1], n))]
        metric = clean.headline.metric
        if not names or isinstance(metric, CorpusMetric) or not all(map(math.isfinite, metric.range)):
            continue
        if reference and other is None:
            continue
        if (found := _errors(task, (clean, under), other, names)) is not None:
            out.append(found)
    return out


def _has_all(under: Mapping[str, CellScores], name: str) -> bool:
    return all(f"c/{name}:{level}" in under for level in LEVELS)


Cells = tuple[CellScores, Mapping[str, CellScores]]


def _errors(task: str, own: Cells, other: Cells | None, names: Sequence[str]) -> CorruptionErrors | None:
    columns = _columns(own, names)
    others = [] if other is None else _columns(other, names)
    kept = set.intersection(*({*_known(c)} for c in (*columns, *others)))
    groups = [g for g in columns[0].groups.tolist() if g in kept]
    if not groups:
        return None
    first = columns[0].take(columns[0].rows_of(groups))
    mine = _matrix(columns, groups)
    theirs = None if other is None else _matrix(others, groups)
    weights = np.ones(len(groups)) if first.part is None else first.part.weights
    values = _values(mine, theirs, weights, len(names))
    mean, relative = (
        _interval(value, at, mine, theirs, weights, first, len(names))
        for at, value in ((-2, values[-2]), (-1, values[-1]))
    )
    clean = float(np.average(mine[:, 0], weights=weights))
    by_name = dict(zip(names, values[:-2].tolist(), strict=True))
    item = own[0]
    return CorruptionErrors(
        task, item.subject, item.label, tuple(names), clean, by_name, mean, relative, other is not None
    )


def _columns(cells: Cells, names: Sequence[str]) -> list[ScoreColumn]:
    clean, under = cells
    return [clean.headline, *(under[f"c/{n}:{level}"].headline for n in names for level in LEVELS)]


def _known(column: ScoreColumn) -> list[str]:
    known: list[str] = column.groups[~np.isnan(column.values)].tolist()
    return known


def _matrix(columns: Sequence[ScoreColumn], groups: Sequence[str]) -> Floats:
    """Errors in 0..1: groups x (clean, then level by level of each corruption)."""
    low, high = columns[0].metric.range
    scores = np.array([column.values[column.rows_of(groups)] for column in columns]).T
    right = (scores - low) / (high - low)
    return 1.0 - right if columns[0].metric.higher_is_better else right


def _values(mine: Floats, theirs: Floats | None, weights: Floats, count: int) -> Floats:
    """CE of each corruption, mCE, relative mCE; of no reference the mean errors."""
    clean, sums = _sums(mine, weights, count)
    levels = len(LEVELS)
    if theirs is None:
        each, above = sums / levels, sums / levels - clean
    else:
        other_clean, other_sums = _sums(theirs, weights, count)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = sums / other_sums
            above = (sums - levels * clean) / (other_sums - levels * other_clean)
    return np.array([*each, each.mean(), above.mean()])


def _sums(errors: Floats, weights: Floats, count: int) -> tuple[float, Floats]:
    means = np.average(errors, axis=0, weights=weights)
    return float(means[0]), means[1:].reshape(count, len(LEVELS)).sum(axis=1)


def _interval(
    value: float,
    at: int,
    mine: Floats,
    theirs: Floats | None,
    weights: Floats,
    first: ScoreColumn,
    count: int,
) -> Estimate:
    clusters = [str(c) for c in first.clusters.tolist()]
    n, different = len(clusters), len(set(clusters))
    if not math.isfinite(value):
        why = "the reference has no error, or loses nothing, under some corruption: no ratio"
        return Estimate(None, None, None, n, different, why)
    if different < LEAST:
        return Estimate(value, None, None, n, different, "too few clusters for an interval")
    without = []
    for block in blocks_of(clusters, digest):
        kept = np.setdiff1d(np.arange(n), block)
        other = None if theirs is None else theirs[kept]
        without.append(_values(mine[kept], other, weights[kept], count)[at])
    if not np.isfinite(without).all():
        return Estimate(
            value, None, None, n, different, "no interval: without some clusters there is no ratio"
        )
    reach = t_quantile(len(without) - 1) * math.sqrt(jackknife_variance(np.array(without)))
    if reach == 0:
        return Estimate(value, None, None, n, different, "no variation, no interval")
    return Estimate(value, value - reach, value + reach, n, different)
